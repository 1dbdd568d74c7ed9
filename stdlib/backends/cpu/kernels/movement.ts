// Operators that only move elements: any element type.

import { Invalid, kernels, type OpContext, since } from '../kernel.ts';
import {
  axesOf,
  axisOf,
  broadcastDims,
  broadcastStrides,
  numbersOf,
  product,
  stridesOf,
} from '../loops/shape.ts';
import { copyStrided, gatherStrided } from '../loops/strided.ts';
import { allocate, int64s, type NdArray, ndarray, sizeOf } from '../value.ts';

/** The same elements in another shape. */
export function reshaped(x: NdArray, dims: readonly number[]): NdArray {
  if (sizeOf(dims) !== x.data.length)
    throw new Invalid(`[${x.dims.join(', ')}] has not as many elements as [${dims.join(', ')}]`);
  return ndarray(x.dtype, dims, x.data);
}

export function transposed(x: NdArray, permutation: readonly number[]): NdArray {
  const strides = stridesOf(x.dims);
  return gatherStrided(
    x,
    permutation.map((axis) => x.dims[axis]!),
    permutation.map((axis) => strides[axis]!),
  );
}

export function concatenated(parts: readonly NdArray[], axis: number): NdArray {
  const first = parts[0]!;
  const dims = first.dims.slice();
  dims[axis] = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
  for (const part of parts) {
    if (part.dims.length !== dims.length || part.dims.some((dim, at) => at !== axis && dim !== dims[at]))
      throw new Invalid(`[${part.dims.join(', ')}] does not join [${first.dims.join(', ')}] on axis ${axis}`);
  }
  const data = allocate(first.dtype, sizeOf(dims));
  const strides = stridesOf(dims);
  let offset = 0;
  for (const part of parts) {
    copyStrided(
      part.dims,
      { data: part.data, offset: 0, strides: stridesOf(part.dims) },
      { data, offset, strides },
    );
    offset += part.dims[axis]! * strides[axis]!;
  }
  return ndarray(first.dtype, dims, data);
}

function reshape(op: OpContext, x: NdArray, shape: readonly number[]): NdArray {
  const keepZero = op.int('allowzero', 0) === 1;
  const dims = shape.map((dim, axis) => (dim === 0 && !keepZero ? x.dims[axis]! : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = dims.reduce((count, dim, axis) => (axis === open ? count : count * dim), 1);
    dims[open] = rest === 0 ? 0 : x.data.length / rest;
  }
  return reshaped(x, dims);
}

function squeeze(x: NdArray, axes: readonly number[] | undefined): NdArray {
  const gone = axes === undefined ? undefined : axesOf(axes, x.dims.length);
  return reshaped(
    x,
    x.dims.filter((dim, axis) => (gone === undefined ? dim !== 1 : !gone.includes(axis))),
  );
}

function unsqueeze(x: NdArray, axes: readonly number[]): NdArray {
  const fresh = new Set(axesOf(axes, x.dims.length + axes.length));
  const rest = x.dims.values();
  const dims = Array.from({ length: x.dims.length + fresh.size }, (_, axis) =>
    fresh.has(axis) ? 1 : (rest.next().value as number),
  );
  return reshaped(x, dims);
}

export const movement = kernels('', {
  Identity: (_: OpContext, x: NdArray) => x,
  Reshape: (op: OpContext, x: NdArray, shape: NdArray) => reshape(op, x, numbersOf(shape)),
  Flatten(op: OpContext, x: NdArray) {
    const axis = op.int('axis', 1);
    const cut = axis < 0 ? axis + x.dims.length : axis;
    return reshaped(x, [product(x.dims, 0, cut), product(x.dims, cut)]);
  },
  Squeeze: since(
    [1, (op: OpContext, x: NdArray) => squeeze(x, op.ints('axes'))],
    [13, (_: OpContext, x: NdArray, axes?: NdArray) => squeeze(x, axes && numbersOf(axes))],
  ),
  Unsqueeze: since(
    [1, (op: OpContext, x: NdArray) => unsqueeze(x, op.ints('axes', []))],
    [13, (_: OpContext, x: NdArray, axes: NdArray) => unsqueeze(x, numbersOf(axes))],
  ),
  Transpose(op: OpContext, x: NdArray) {
    const reversed = x.dims.map((_, axis) => x.dims.length - 1 - axis);
    return transposed(x, op.ints('perm', reversed));
  },
  Concat: (op: OpContext, ...parts: NdArray[]) =>
    concatenated(parts, axisOf(op.int('axis', 1), parts[0]!.dims.length)),
  Expand(_: OpContext, x: NdArray, shape: NdArray) {
    const dims = broadcastDims(x.dims, numbersOf(shape));
    return gatherStrided(x, dims, broadcastStrides(x.dims, dims));
  },
  Shape(op: OpContext, x: NdArray) {
    const rank = x.dims.length;
    const at = (index: number): number => Math.min(Math.max(index < 0 ? index + rank : index, 0), rank);
    return int64s(x.dims.slice(at(op.int('start', 0)), at(op.int('end', rank))));
  },
  Size: (_: OpContext, x: NdArray) => int64s([x.data.length], []),
});
