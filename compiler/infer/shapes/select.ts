// Operators that pick elements by index, order or condition.

import type { Dim, Shape } from '../../../ir/types.ts';
import { axisOf, Contradiction, dimOf, formatDims, productOfDims, unifyDim } from '../dims.ts';
import type { OpView } from '../view.ts';
import type { ShapeRule } from './rule.ts';

function gather(op: OpView): Shape {
  const [dims, indices] = [op.dims(0), op.dims(1)];
  if (dims === undefined || indices === undefined) return undefined;
  const axis = axisOf(op.int('axis', 0), dims.length);
  return dims.toSpliced(axis, 1, ...indices);
}

function gatherND(op: OpView): Shape {
  const [dims, indices] = [op.dims(0), op.dims(1)];
  const depth = indices?.at(-1);
  if (dims === undefined || indices === undefined || typeof depth !== 'number') return undefined;
  const batch = op.int('batch_dims', 0);
  if (depth < 1 || batch + depth > dims.length) {
    throw new Contradiction(`indices of length ${depth} do not fit ${formatDims(dims)}`);
  }
  return [...indices.slice(0, -1), ...dims.slice(batch + depth)];
}

function topK(op: OpView): readonly Shape[] {
  const dims = op.dims(0);
  if (dims === undefined) return [];
  const axis = axisOf(op.int('axis', -1), dims.length);
  const count = op.since < 10 ? 1 : op.dim(1, 0);
  if (typeof count === 'number' && count !== 1)
    throw new Contradiction(`K has ${count} elements and not one`);
  const k = op.since < 10 ? (op.int('k') ?? null) : dimOf(op.elems(1)?.[0]);
  if (typeof k === 'number' && typeof dims[axis] === 'number' && k > dims[axis]) {
    throw new Contradiction(`the ${k} largest of axis ${axis} of ${formatDims(dims)}`);
  }
  return [dims.with(axis, k), dims.with(axis, k)];
}

function oneHot(op: OpView): Shape {
  const indices = op.dims(0);
  if (indices === undefined) return undefined;
  const [depth, values] = [op.dim(1, 0), op.dim(2, 0)];
  if (typeof depth === 'number' && depth !== 1)
    throw new Contradiction(`${depth} depths where one is needed`);
  if (typeof values === 'number' && values !== 2)
    throw new Contradiction(`${values} values, where one is for off and one for on`);
  const axis = axisOf(op.int('axis', -1), indices.length + 1);
  return indices.toSpliced(axis, 0, dimOf(op.elems(1)?.[0]));
}

function lossShape(op: OpView): Shape {
  const [scores, labels] = [op.dims(0), op.dims(1)];
  if (scores !== undefined && labels !== undefined) {
    if (labels.length !== scores.length - 1)
      throw new Contradiction(`labels ${formatDims(labels)} for scores ${formatDims(scores)}`);
    for (const [axis, dim] of scores.toSpliced(1, 1).entries()) unifyDim(dim, labels[axis]!);
  }
  if ((op.string('reduction') ?? 'mean') !== 'none') return [];
  return op.dims(1) ?? op.dims(0)?.toSpliced(1, 1);
}

export const selectShapes: Record<string, ShapeRule> = {
  Gather: (op) => [gather(op)],
  GatherElements: (op) => [op.dims(1)],
  GatherND: (op) => [gatherND(op)],
  TopK: topK,
  OneHot: (op) => [oneHot(op)],
  Compress: (op) => {
    const axis = op.int('axis');
    return [axis === undefined ? [null] : op.dims(0)?.with(axisOf(axis, op.rank(0)!), null)];
  },
  NonZero: (op) => [[op.rank(0) ?? null, null]],
  NonMaxSuppression: () => [[null, 3]],
  Unique: (op) => {
    const [dims, axis] = [op.dims(0), op.int('axis')];
    const values = axis === undefined ? [null] : dims?.with(axisOf(axis, dims.length), null);
    return [values, [null], [null], [null]];
  },
  ArrayFeatureExtractor: (op) => {
    const dims = op.dims(0);
    return [
      dims && [
        ...(dims.length === 1 ? [1] : dims.slice(0, -1)),
        op.dims(1) ? productOfDims(op.dims(1)!) : null,
      ],
    ];
  },
  SoftmaxCrossEntropyLoss: (op) => [lossShape(op), op.dims(0)],
  NegativeLogLikelihoodLoss: (op) => [lossShape(op)],
  RoiAlign: (op) => {
    const boxes = unifyDim(op.dim(1, 0), op.dim(2, 0));
    return [[boxes, op.dim(0, 1), op.int('output_height', 1), op.int('output_width', 1)]];
  },
  MaxRoiPool: (op) => {
    const size: readonly Dim[] = op.ints('pooled_shape') ?? [null, null];
    return [[op.dim(1, 0), op.dim(0, 1), ...size]];
  },
};
