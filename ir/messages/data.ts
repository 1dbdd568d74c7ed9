// BB77x: data files, and what they are bound to.

import type { Message } from './message.ts';

export const dataMessages = {
  BB770: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot read the data file ${file}: ${reason}`,
      'check the path, which is relative to the folder of topology.json, and that the file may be read',
    ],
  },
  BB771: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      reason,
      'get the file again, or say which of its parts are the data',
    ],
  },
  BB772: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [reason, 'correct the line, or take it out'],
  },
  BB773: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      reason,
      'replace the picture, or take it out of the folder; all are of one size, PNG or JPEG',
    ],
  },
  BB774: {
    severity: 'error',
    text: (args: { field: string; count: number; other: string; otherCount: number }) => [
      `${args.field} has ${args.count} records, ${args.other} has ${args.otherCount}`,
      'use files that belong together',
    ],
  },
  BB775: {
    severity: 'error',
    text: ({ name, reason }: { name: string; reason: string }) => [
      `the data of "${name}" cannot be shared out: ${reason}`,
      'take fewer members, more data, or another "shard" or "part"',
    ],
  },
  BB776: {
    severity: 'warning',
    text: (args: { name: string; peerClass: string; known: readonly string[] }) => [
      `nothing at ${args.peerClass} asks a component "${args.name}"`,
      args.known.length === 0
        ? 'take it out'
        : `take it out, or name it as the program does: ${args.known.join(', ')}`,
    ],
  },
} as const satisfies Record<string, Message>;
