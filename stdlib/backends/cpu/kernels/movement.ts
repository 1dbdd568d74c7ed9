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

export interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

export function sliced(x: NdArray, cuts: readonly Cut[]): NdArray {
  const dims = x.dims.slice();
  const own = stridesOf(x.dims);
  const strides = own.slice();
  let offset = 0;
  for (const { axis, start, count, step } of cuts) {
    dims[axis] = count;
    strides[axis] = own[axis]! * step;
    offset += start * own[axis]!;
  }
  return gatherStrided(x, dims, strides, offset);
}

function slice(
  x: NdArray,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] = starts.map((_, axis) => axis),
  steps: readonly number[] = starts.map(() => 1),
): NdArray {
  const cuts = axes.map((given, at): Cut => {
    const axis = axisOf(given, x.dims.length);
    const [size, step] = [x.dims[axis]!, steps[at]!];
    if (step === 0) throw new Invalid('a step of 0');
    // Backwards, a position may be one before the first.
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamp = (one: number): number => Math.min(Math.max(one < 0 ? one + size : one, low), high);
    const [start, end] = [clamp(starts[at]!), clamp(ends[at]!)];
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
  return sliced(x, cuts);
}

function split(op: OpContext, x: NdArray, given: readonly number[] | undefined): readonly NdArray[] {
  const axis = axisOf(op.int('axis', 0), x.dims.length);
  const size = x.dims[axis]!;
  const parts = op.int('num_outputs', op.outputs);
  const each = Math.ceil(size / parts);
  const sizes =
    given ?? Array.from({ length: parts }, (_, at) => Math.max(0, Math.min(each, size - at * each)));
  if (sizes.reduce((sum, one) => sum + one, 0) !== size)
    throw new Invalid(`${size} does not split into ${sizes}`);
  let start = 0;
  return sizes.map((count) => {
    start += count;
    return sliced(x, [{ axis, start: start - count, count, step: 1 }]);
  });
}

function tile(x: NdArray, repeats: readonly number[]): NdArray {
  const own = stridesOf(x.dims);
  const result = gatherStrided(
    x,
    x.dims.flatMap((dim, axis) => [repeats[axis]!, dim]),
    own.flatMap((stride) => [0, stride]),
  );
  return reshaped(
    result,
    x.dims.map((dim, axis) => dim * repeats[axis]!),
  );
}

/** [N, C, H, W] seen with more axes, permuted, and joined again. */
const regrouped = (
  x: NdArray,
  split: readonly number[],
  order: readonly number[],
  dims: readonly number[],
): NdArray => reshaped(transposed(reshaped(x, split), order), dims);

function depthToSpace(op: OpContext, x: NdArray): NdArray {
  const b = op.int('blocksize', 1);
  const [n, c, h, w] = x.dims as [number, number, number, number];
  const depth = c / (b * b);
  const to = [n, depth, h * b, w * b];
  return op.string('mode', 'DCR') === 'DCR'
    ? regrouped(x, [n, b, b, depth, h, w], [0, 3, 4, 1, 5, 2], to)
    : regrouped(x, [n, depth, b, b, h, w], [0, 1, 4, 2, 5, 3], to);
}
function spaceToDepth(op: OpContext, x: NdArray): NdArray {
  const b = op.int('blocksize', 1);
  const [n, c, h, w] = x.dims as [number, number, number, number];
  return regrouped(x, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4], [n, c * b * b, h / b, w / b]);
}

/** Cut or padded with zeros, the middle staying in the middle. */
function centerCropPad(op: OpContext, x: NdArray, shape: readonly number[]): NdArray {
  const axes = axesOf(
    op.ints(
      'axes',
      x.dims.map((_, axis) => axis),
    ),
    x.dims.length,
  );
  const dims = x.dims.slice();
  const cuts: Cut[] = [];
  let offset = 0;
  axes.forEach((axis, at) => {
    dims[axis] = shape[at]!;
  });
  const strides = stridesOf(dims);
  axes.forEach((axis, at) => {
    const extra = x.dims[axis]! - shape[at]!;
    if (extra > 0) cuts.push({ axis, start: Math.floor(extra / 2), count: shape[at]!, step: 1 });
    else offset += Math.floor(-extra / 2) * strides[axis]!;
  });
  const part = sliced(x, cuts);
  const data = allocate(x.dtype, sizeOf(dims));
  copyStrided(
    part.dims,
    { data: part.data, offset: 0, strides: stridesOf(part.dims) },
    { data, offset, strides },
  );
  return ndarray(x.dtype, dims, data);
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
  Slice: since(
    [1, (op: OpContext, x: NdArray) => slice(x, op.ints('starts', []), op.ints('ends', []), op.ints('axes'))],
    [
      10,
      (_: OpContext, x: NdArray, ...rest: (NdArray | undefined)[]) => {
        const [starts, ends, axes, steps] = rest.map((one) => one && numbersOf(one));
        return slice(x, starts!, ends!, axes, steps);
      },
    ],
  ),
  Split: since(
    [1, (op: OpContext, x: NdArray) => split(op, x, op.ints('split'))],
    [13, (op: OpContext, x: NdArray, sizes?: NdArray) => split(op, x, sizes && numbersOf(sizes))],
  ),
  Tile: (_: OpContext, x: NdArray, repeats: NdArray) => tile(x, numbersOf(repeats)),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  CenterCropPad: (op: OpContext, x: NdArray, shape: NdArray) => centerCropPad(op, x, numbersOf(shape)),
  Size: (_: OpContext, x: NdArray) => int64s([x.data.length], []),
});
