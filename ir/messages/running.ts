// BB70x: running: what a call is given, what a run may spend.

import type { Message } from './message.ts';

interface BudgetArguments {
  readonly epsilon: number;
  readonly allowed: number;
  readonly delta: number;
  readonly steps: number;
  readonly noiseMultiplier: number;
  /** Undefined: no noise does. */
  readonly fittingNoise: number | undefined;
  readonly fittingSteps: number;
}
const rounded = (value: number): number => Number(value.toPrecision(4));
/** To 4 decimals, and not below: less noise would not fit. */
const roundedUp = (value: number): number => Math.ceil(value * 1e4) / 1e4;

export const runMessages = {
  BB701: {
    severity: 'error',
    text: ({ entry, known }: { entry: string; known: readonly string[] }) => [
      `no peer starts ${entry}`,
      `name an entry or a peer that has one: ${known.join(', ')}`,
    ],
  },
  BB702: {
    severity: 'error',
    text: ({ input, reason }: { input: string; reason: string }) => [
      `input ${input}: ${reason}`,
      'see `bbc inspect` for names, dtypes and shapes of the inputs',
    ],
  },
  BB704: {
    severity: 'error',
    text: ({ why }: { why: string }) => [
      `the flow was refused: ${why}`,
      'wait for earlier flows to end before starting more',
    ],
  },
  BB705: {
    severity: 'error',
    text: ({ input }: { input: string }) => [
      `input ${input} is a secret: the host draws it, and nobody gives it`,
      'leave it out; what a caller knows is an `input`, with { private: true } if it must not leave its class',
    ],
  },
  BB703: {
    severity: 'error',
    text: ({ peer, segment, reason }: { peer: string; segment: string; reason: string }) => [
      `peer ${peer} cannot load segment ${segment}: ${reason}`,
      'run the uncut model on the same backend to see whether it takes these operators',
    ],
  },
  BB706: {
    severity: 'error',
    text: (args: BudgetArguments) => [
      `${args.steps} steps with noise multiplier ${args.noiseMultiplier} spend ε = ${rounded(args.epsilon)} at δ = ${args.delta}, over the budget of ε = ${args.allowed}`,
      [
        ...(args.fittingNoise === undefined
          ? []
          : [`a noise multiplier of ${roundedUp(args.fittingNoise)} keeps to it`]),
        args.fittingSteps === 0
          ? 'not one step with this noise does'
          : `with this noise, ${args.fittingSteps} steps do`,
      ].join('; '),
    ],
  },
} as const satisfies Record<string, Message>;
