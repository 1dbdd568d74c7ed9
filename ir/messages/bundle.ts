// Wording of the diagnostics of bundles: the only ones that the runtime core carries.

import type { Message } from './message.ts';

export const bundleMessages = {
  BB620: {
    severity: 'error',
    text: ({ path, expected }: { path: string; expected: string }) => [
      `manifest: ${path} is not ${expected}`,
      'compile again; manifests are not meant to be edited',
    ],
  },
  BB621: {
    severity: 'error',
    text: ({ version, known }: { version: string; known: number }) => [
      `manifest version ${version} is not known; this runtime knows ${known}`,
      'compile and run with the same version of bytesandbrains',
    ],
  },
  BB622: {
    severity: 'error',
    text: ({ program, reason }: { program: string; reason: string }) => [
      `program ${program} cannot run: ${reason}`,
      'compile again; if it stays, the compiler and the runtime disagree and that is our bug',
    ],
  },
} as const satisfies Record<string, Message>;
