// What authors and the cut get wrong about seats, peer sets and entries.

import type { Message } from './message.ts';

export const seatMessages = {
  BB340: {
    severity: 'error',
    text: ({ op, made, used }: { op: string; made: string; used: string }) => [
      `${op}: a value of entry ${made} is used in entry ${used}`,
      `no flow is in both: keep it in state, or give it to ${used} as an argument with next or start`,
    ],
  },
  BB341: {
    severity: 'error',
    text: ({ place, reason }: { place: string; reason: string }) => [
      `${place}: ${reason}`,
      'a place takes a set of peer ids, a value string[k]: a view, the senders of a collect, or what a selector picks',
    ],
  },
} as const satisfies Record<string, Message>;

export const seatSplitMessages = {
  BB510: {
    severity: 'error',
    text: ({ place, entry }: { place: string; entry: string }) => [
      `nothing that crosses would ever wake ${place} in the joint entry ${entry}`,
      'every member enters by itself, so none of them wakes the others: let a value of theirs cross to it',
    ],
  },
} as const satisfies Record<string, Message>;
