// The axes of a Transpose.

import { attributeInts, type Op } from '../../../ir/index.ts';
import type { Workbench } from '../workbench.ts';

/** For each axis of the result, the axis it was; undefined if that is not known, or is no permutation. */
export function permutationOf(op: Op, bench: Workbench): readonly number[] | undefined {
  const rank = bench.dims(op.inputs[0])?.length;
  const written = attributeInts(op, 'perm');
  if (written === undefined)
    return rank === undefined ? undefined : Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (rank !== undefined && rank !== written.length) return undefined;
  const axes = written.map((axis) => (axis < 0 ? axis + written.length : axis));
  return new Set(axes).size === axes.length && axes.every((axis) => axis >= 0 && axis < axes.length)
    ? axes
    : undefined;
}
