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
  BB791: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not a record of a simulation: ${reason}`,
      'give a file that `bbc sim --record` wrote',
    ],
  },
  BB792: {
    severity: 'error',
    text: ({ recorded, now }: { recorded: string; now: string }) => [
      `the record is of deployment ${recorded.slice(0, 12)}, and what is compiled now is ${now.slice(0, 12)}`,
      'give the model and topology as they were, with --source and --peers',
    ],
  },
  BB793: {
    severity: 'error',
    text: ({ event, recorded, replayed }: { event: number; recorded: string; replayed: string }) => [
      `event ${event} differs: recorded was ${recorded}; now it is ${replayed}`,
      'see what led to it with --until; a record that was changed, or another version of this program, differs, too',
    ],
  },
  BB794: {
    severity: 'error',
    text: ({ fault }: { fault: string }) => [
      `${fault} shall come again and again, and is never over`,
      'say how long it lasts: "for": "10s", or { "uniform": ["1s", "30s"] }',
    ],
  },
  BB795: {
    severity: 'error',
    text: ({
      checker,
      what,
      event,
      seconds,
      command,
    }: {
      checker: string;
      what: string;
      event: number;
      seconds: number;
      command: string;
    }) => [
      `checker "${checker}": ${what} (event ${event}, at ${seconds} s of virtual time)`,
      `this is a fault of the runtime, which this repeats: ${command}`,
    ],
  },
  BB796: {
    severity: 'error',
    text: ({
      kind,
      what,
      events,
    }: {
      kind: 'stuck' | 'not-serializable' | 'checker';
      what: string;
      events: number;
    }) => [
      kind === 'stuck'
        ? `an order of ${events} events after which ${what}`
        : kind === 'not-serializable'
          ? `an order of ${events} events in which flows that overlap give what none gives alone: ${what}`
          : `an order of ${events} events that no checker lets pass: ${what}`,
      kind === 'stuck'
        ? 'take what is waited for in one order everywhere, or let one flow at a time begin, with `limit`'
        : kind === 'not-serializable'
          ? 'read and assign in one fragment, with `update`, or let one flow at a time begin, with `limit`'
          : 'this is a fault of the runtime: report it with the command line, which repeats it',
    ],
  },
} as const satisfies Record<string, Message>;
