// What nobody waits for any more: work that only a send leads to whose receiver has closed its collect without it.

import type { Flow } from './flow.ts';
import type { Instruction } from './instruction.ts';
import type { Missing } from './value.ts';

export interface UnwantedAround {
  /** A reader of the slot needs it no more. */
  used(flow: Flow, slot: number): void;
  /** Lets a send go, with nothing in it. */
  decline(flow: Flow, index: number, missing: Missing): void;
  /** Ends an instruction that has not run. */
  skip(flow: Flow, index: number, one: Instruction, missing: Missing): void;
  /** The host need not go on with the work of an instruction, if it has begun. */
  abort(flow: Flow, index: number): void;
}

const effects: readonly Instruction['kind'][] = [
  'stateRead',
  'stateAssign',
  'invoke',
  'next',
  'start',
  'send',
];

/** Ends what only these sends would have needed. Costs no more than what it ends. */
export function leaveUnwanted(
  flow: Flow,
  sends: readonly number[],
  missing: Missing,
  around: UnwantedAround,
): void {
  const { instructions, producers, fragments } = flow.seat;
  // What belongs to a fragment that commits something goes with it.
  const commits = ({ fragment }: Instruction): boolean =>
    fragment !== undefined && fragments[fragment]!.writes;
  const ending: number[] = [];
  const release = (one: Instruction): void => {
    for (const slot of one.reads) {
      around.used(flow, slot);
      const maker = producers[slot];
      if (flow.uses[slot] === 0 && maker !== undefined) ending.push(maker);
    }
  };
  for (const index of sends) {
    const one = instructions[index]!;
    if (flow.fired[index] === 1 || commits(one)) continue;
    flow.fired[index] = 1;
    release(one);
    around.decline(flow, index, missing);
  }
  for (let index = ending.pop(); index !== undefined; index = ending.pop()) {
    const one = instructions[index]!;
    const isRead = one.outputs.some((slot) => slot >= 0 && flow.uses[slot]! > 0);
    if (isRead || commits(one) || effects.includes(one.kind)) continue;
    if (flow.fired[index] === 1) around.abort(flow, index);
    else if (one.kind !== 'recv' && one.kind !== 'collect') {
      flow.fired[index] = 1;
      release(one);
      around.skip(flow, index, one, missing);
    }
  }
}
