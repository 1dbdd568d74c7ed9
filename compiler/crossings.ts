// What a cut of a row of steps would send: bytes at each place between two steps, and where none is allowed.

import type { Model, OpId, ValueId } from '../ir/index.ts';
import type { CostModel } from './cost.ts';
import type { Dataflow } from './dataflow.ts';
import { isRoundedByCut, mayCross, mayWiden, partsFoldedOps } from './handover.ts';

export interface Crossings {
  /**
   * cost[c]: bytes of the values made before step c (or entering) and read at or after it (or leaving), each
   * counted at every place it passes; Infinity where one of them may not cross.
   */
  readonly cost: Float64Array;
  /** blocker[c]: one of the values that may not cross there, 0 if none. */
  readonly blocker: Int32Array;
}

/**
 * A float16 value that leaves a session is rounded where the uncut graph may compute on in float32. Most cross as
 * float32 then, at twice the bytes; one that cannot weighs more than all other bytes together. Sums up to 2^53 stay exact: a thousand of them.
 */
export const ROUNDED = 2 ** 43;
/** A cut between ops that would be folded into one costs time and changes bits a little: any bytes rather than that. */
export const FOLDED = 2 ** 36;

/** The same costs, with cuts between ops that would be folded forbidden. */
export const keepingFolds = (cost: Float64Array): Float64Array =>
  cost.map((one) => (one % ROUNDED >= FOLDED ? Number.POSITIVE_INFINITY : one));

/**
 * Crossings of a row of steps. `rank` gives the index in the row of each op, -1 for ops outside it; `enters` and
 * `leaves` tell which inputs and outputs of the main graph come in before the row and go out after it.
 */
export function crossings(
  flow: Dataflow,
  cost: CostModel,
  row: readonly OpId[],
  rank: (op: OpId) => number,
  ends: { enters(value: ValueId): boolean; leaves(index: number): boolean },
): Crossings {
  const { model, boundary } = flow;
  const count = row.length;
  const lastUse = lastUses(flow, row, ends.leaves);
  const bytes = new Float64Array(count + 2);
  const blocker = new Int32Array(count + 1);
  // Stretches with a blocking value, longest reach so far: places are visited from the left.
  const blockedUntil: { value: ValueId; from: number; to: number }[] = [];
  const pass = (id: ValueId, madeAt: number): void => {
    const last = lastUse[id]!;
    if (last <= madeAt) return;
    if (!mayCross(model, boundary, id)) blockedUntil.push({ value: id, from: madeAt + 1, to: last });
    let weight = cost.transferBytes(id);
    if (isRoundedByCut(model, boundary, id)) weight += mayWiden(model, id) ? weight : ROUNDED;
    if (partsFoldedOps(flow, id)) weight += FOLDED;
    bytes[madeAt + 1]! += weight;
    bytes[last + 1]! -= weight;
  };
  for (const id of new Set(model.mainGraph.inputs)) if (ends.enters(id)) pass(id, -1);
  for (const op of row) {
    for (const id of model.op(op).outputs) pass(id, rank(op));
  }
  let reach = -1;
  let by = 0;
  let next = 0;
  blockedUntil.sort((a, b) => a.from - b.from);
  const result = new Float64Array(count + 1);
  let sum = 0;
  for (let place = 0; place <= count; place++) {
    sum += bytes[place]!;
    for (; blockedUntil[next]?.from === place; next++) {
      const { to, value } = blockedUntil[next]!;
      if (to > reach) {
        reach = to;
        by = value;
      }
    }
    if (place <= reach) blocker[place] = by;
    result[place] = place <= reach ? Number.POSITIVE_INFINITY : sum;
  }
  return { cost: result, blocker };
}

/** By ValueId: index of the last step in the row that reads it, the row's length if it leaves, -1 if neither. */
function lastUses(flow: Dataflow, row: readonly OpId[], leaves: (index: number) => boolean): Int32Array {
  const model: Model = flow.model;
  const last = new Int32Array(model.valueLimit).fill(-1);
  row.forEach((op, index) => {
    for (const id of flow.reads(model.op(op))) if (flow.constant[id] === 0) last[id] = index;
  });
  model.mainGraph.outputs.forEach((id, index) => {
    if (flow.constant[id] === 0 && leaves(index)) last[id] = row.length;
  });
  return last;
}
