// Reductions and the index searches that share their form.

import type { Shape } from '../../../ir/types.ts';
import { axisOf, unknownDims } from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

function reduced(op: OpView, axes: readonly number[] | null | undefined, keep: boolean): Shape {
  const dims = op.dims(0);
  if (dims === undefined) return undefined;
  if (axes === undefined) {
    // The axes are computed; their number may be known all the same.
    const count = op.dim(1, 0);
    if (keep) return unknownDims(dims.length);
    return typeof count === 'number' && count > 0 && count <= dims.length
      ? unknownDims(dims.length - count)
      : undefined;
  }
  if ((axes === null || axes.length === 0) && op.int('noop_with_empty_axes', 0) !== 0) return dims;
  const all = axes === null || axes.length === 0;
  const chosen = new Set(axes?.map((axis) => axisOf(axis, dims.length)));
  return dims.flatMap((dim, axis) => (all || chosen.has(axis) ? (keep ? [1] : []) : [dim]));
}

const keepsDims = (op: OpView): boolean => op.int('keepdims', 1) === 1;

export const reduceShapes: Record<string, ShapeRule> = {
  ...each(
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
    (op) => [reduced(op, op.axes(1), keepsDims(op))],
  ),
  ...each('ArgMax ArgMin', (op) => [reduced(op, [op.int('axis', 0)], keepsDims(op))]),
};
