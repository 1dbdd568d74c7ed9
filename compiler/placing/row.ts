// The row of unplaced ops that is cut, and who would hold what after a cut.

import type { OpId, PeerClass } from '../../ir/index.ts';
import type { CostModel } from '../cost.ts';
import type { Crossings } from '../crossings.ts';
import type { Cut } from '../cut.ts';
import type { Dataflow } from '../dataflow.ts';
import type { Known } from './authored.ts';

/** One attempt to cut: everything about the row that does not depend on limits. */
export interface Row {
  readonly flow: Dataflow;
  readonly cost: CostModel;
  readonly classes: readonly PeerClass[];
  readonly ops: readonly OpId[];
  readonly load: Float64Array;
  /** First and last class, as an index, that each op may have. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly crossings: Crossings;
  /** By class: load of steps placed there, how many they are, cost of op i of the row there beyond the cuts. */
  readonly fixedLoad: Float64Array;
  readonly fixedSteps: Int32Array;
  readonly extra: readonly Float64Array[] | undefined;
}

/** By OpId, the class of every placed step, with the cut's for the row's. */
export function placesOf(row: Row, cut: Cut, known: Known): (op: OpId) => string | undefined {
  const classOf: (string | undefined)[] = known.ops.map((place) => place?.class);
  row.classes.forEach((one, index) => {
    for (let i = cut.starts[index]!; i < cut.starts[index + 1]!; i++) classOf[row.ops[i]!] = one.name;
  });
  return (op) => classOf[op];
}
