// What nobody waits for any more: work that only a send leads to whose receiver has closed its collect without it.

import type { Flow } from './flow.ts';
import { type Instruction, isFold, isWait, type Send } from './instruction.ts';

export interface UnwantedAround {
  /** A reader of the slot needs it no more. */
  used(slot: number): void;
  /** Lets a send go, with nothing in it. */
  decline(index: number, one: Send): void;
  /** Ends an instruction that has not run. */
  skip(index: number, one: Instruction): void;
  /** The host need not go on with the work of an instruction, if it has begun. */
  abort(index: number): void;
}

const effects: readonly Instruction['kind'][] = [
  'stateRead',
  'stateAssign',
  'invoke',
  'next',
  'start',
  'send',
];

/** Ends what only the sends over these edges would have needed. */
export function leaveUnwanted(flow: Flow, edges: readonly number[], around: UnwantedAround): void {
  const { instructions, producers, fragments } = flow.seat;
  // What belongs to a fragment that commits something goes with it.
  const commits = ({ fragment }: Instruction): boolean =>
    fragment !== undefined && fragments[fragment]!.writes;
  const ending: number[] = [];
  const release = (one: Instruction): void => {
    for (const slot of one.reads) {
      around.used(slot);
      const maker = producers[slot];
      if (flow.uses[slot] === 0 && maker !== undefined) ending.push(maker);
    }
  };
  instructions.forEach((one, index) => {
    if (one.kind !== 'send' || !edges.includes(one.edge.id)) return;
    if (flow.fired[index] === 1 || commits(one)) return;
    flow.fired[index] = 1;
    release(one);
    around.decline(index, one);
  });
  for (let index = ending.pop(); index !== undefined; index = ending.pop()) {
    const one = instructions[index]!;
    const isRead = one.outputs.some((slot) => slot >= 0 && flow.uses[slot]! > 0);
    if (isRead || commits(one) || effects.includes(one.kind)) continue;
    if (flow.fired[index] === 1 || isFold(one)) around.abort(index);
    else if (!isWait(one)) {
      flow.fired[index] = 1;
      release(one);
      around.skip(index, one);
    }
  }
}
