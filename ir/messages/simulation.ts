// BB79x: simulation.

import type { Message } from './message.ts';

export const simulationMessages = {
  BB790: {
    severity: 'error',
    text: ({ seconds, waits }: { seconds: number; waits: readonly string[] }) => [
      `after ${seconds} s of virtual time nothing more happens, and the call has no result: ${waits.length === 0 ? 'no flow is open' : waits.join('; ')}`,
      'this is a fault of the runtime: report it with the command line, which repeats it',
    ],
  },
} as const satisfies Record<string, Message>;
