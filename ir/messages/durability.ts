// BB86x: data folders of peers, journals and snapshots.

import type { Message } from './message.ts';

export const durabilityMessages = {
  BB860: {
    severity: 'error',
    text: (args: { what: string; found: string; wanted: string }) => [
      `the data folder is of ${args.what} ${args.found}, not ${args.wanted}`,
      'give the folder that this peer had, or an empty one to start anew',
    ],
  },
  BB861: {
    severity: 'error',
    text: ({ process }: { process: number }) => [
      `process ${process} has the data folder open`,
      'let that process end first: one peer is one process',
    ],
  },
  BB862: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `the peer cannot be brought back: ${reason}`,
      'put the folder’s last copy in its place, or give an empty folder to start anew',
    ],
  },
  BB863: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `the journal cannot be written: ${reason}`,
      'make room or mend the disk, then start the peer again: what it has acknowledged is kept',
    ],
  },
  BB864: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `the peer was kept by another version: ${reason}`,
      'go on with the version of bytesandbrains that kept it, or give an empty folder to start anew',
    ],
  },
} satisfies Record<string, Message>;
