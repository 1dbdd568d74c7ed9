// Convolutions, pooling, and their inverses: operators that slide a window over spatial axes.

import type { Dim, Shape } from '../../../ir/types.ts';
import {
  addDims,
  Contradiction,
  ceilDim,
  dimOf,
  divideDim,
  floorDim,
  formatDims,
  multiplyDims,
  unknownDims,
} from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

interface Window {
  readonly kernel: readonly Dim[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins of all axes, then ends; undefined for automatic padding. */
  readonly pads: readonly number[] | undefined;
  readonly autoPad: string;
  readonly ceil: boolean;
}

/** The window's attributes over `axes` spatial axes. */
function windowOf(op: OpView, axes: number, kernel: readonly Dim[]): Window {
  const autoPad = op.string('auto_pad') ?? 'NOTSET';
  const list = (name: string, length: number, fallback: number): readonly number[] => {
    const given = op.ints(name);
    if (given !== undefined && given.length !== length) {
      throw new Contradiction(`${name} has ${given.length} entries for ${axes} spatial axes`);
    }
    return given ?? new Array<number>(length).fill(fallback);
  };
  const positive = (name: string, numbers: readonly Dim[]): void => {
    if (numbers.some((size) => typeof size === 'number' && size <= 0)) {
      throw new Contradiction(`${name} [${numbers.join(', ')}] must be positive`);
    }
  };
  positive('kernel_shape', kernel);
  if (kernel.length !== axes) {
    throw new Contradiction(`the kernel has ${kernel.length} axes, the input ${axes} spatial ones`);
  }
  list('pads', 2 * axes, 0);
  const strides = list('strides', axes, 1);
  const dilations = list('dilations', axes, 1);
  positive('strides', strides);
  positive('dilations', dilations);
  return {
    kernel,
    strides,
    dilations,
    pads: autoPad === 'NOTSET' || autoPad === '' ? list('pads', 2 * axes, 0) : undefined,
    autoPad,
    ceil: op.int('ceil_mode', 0) !== 0,
  };
}

/** How many places the window takes along one axis. */
function slide(size: Dim, window: Window, axis: number): Dim {
  const stride = window.strides[axis]!;
  const kernel = window.kernel[axis]!;
  if (window.autoPad.startsWith('SAME')) {
    return ceilDim(size, stride);
  }
  if (typeof kernel !== 'number') return null;
  const [before, after] = window.pads
    ? [window.pads[axis]!, window.pads[axis + window.kernel.length]!]
    : [0, 0];
  const extent = (kernel - 1) * window.dilations[axis]! + 1;
  if (!window.ceil || stride === 1)
    return dimOf(addDims(floorDim(addDims(size, before + after - extent), stride), 1));
  if (typeof size !== 'number') return null;
  const steps = (size + before + after - extent) / stride;
  const places = Math.ceil(steps) + 1;
  // A last window that would start in the padding after the input is dropped.
  return dimOf((places - 1) * stride >= size + before ? places - 1 : places);
}

const spatial = (dims: readonly Dim[], window: Window): Dim[] =>
  window.kernel.map((_, axis) => slide(dims[axis + 2]!, window, axis));

function checkRank(dims: Shape, what: string): void {
  if (dims !== undefined && dims.length < 3) {
    throw new Contradiction(`${what} ${formatDims(dims)} has no spatial axis`);
  }
}

function conv(op: OpView, weightIndex: number): Shape {
  const [dims, weight] = [op.dims(0), op.dims(weightIndex)];
  checkRank(dims, 'the input');
  checkRank(weight, 'the kernel');
  if (dims === undefined || (weight === undefined && op.ints('kernel_shape') === undefined)) {
    return dims && unknownDims(dims.length);
  }
  const window = windowOf(op, dims.length - 2, op.ints('kernel_shape') ?? weight!.slice(2));
  const channels = dims[1]!;
  const perGroup = multiplyDims(weight?.[1] ?? null, op.int('group', 1));
  if (typeof channels === 'number' && typeof perGroup === 'number' && channels !== perGroup) {
    throw new Contradiction(`the input has ${channels} channels, the kernel is for ${perGroup}`);
  }
  return [dims[0]!, weight?.[0] ?? null, ...spatial(dims, window)];
}

function convTranspose(op: OpView): Shape {
  const [dims, weight] = [op.dims(0), op.dims(1)];
  checkRank(dims, 'the input');
  if (dims === undefined || weight === undefined) return dims && unknownDims(dims.length);
  const axes = dims.length - 2;
  const window = windowOf(op, axes, op.ints('kernel_shape') ?? weight.slice(2));
  const extra = op.ints('output_padding');
  const sizes = op.ints('output_shape')?.slice(-axes);
  const grow = (axis: number): Dim => {
    if (sizes !== undefined) return dimOf(sizes[axis]);
    const [size, kernel, stride] = [dims[axis + 2]!, window.kernel[axis]!, window.strides[axis]!];
    if (typeof kernel !== 'number') return null;
    // So much longer than the strides, from which padding is taken away; with SAME, all of it.
    const longer = (extra?.[axis] ?? 0) + (kernel - 1) * window.dilations[axis]! + 1 - stride;
    const pads = window.autoPad.startsWith('SAME')
      ? Math.max(0, longer)
      : (window.pads?.[axis] ?? 0) + (window.pads?.[axis + axes] ?? 0);
    return dimOf(addDims(multiplyDims(size, stride), longer - pads));
  };
  const channels = multiplyDims(weight[1]!, op.int('group', 1));
  return [dims[0]!, channels, ...window.kernel.map((_, axis) => grow(axis))];
}

function pool(op: OpView): Shape {
  const dims = op.dims(0);
  const kernel = op.ints('kernel_shape');
  checkRank(dims, 'the input');
  if (dims === undefined || kernel === undefined) return dims && unknownDims(dims.length);
  return [dims[0]!, dims[1]!, ...spatial(dims, windowOf(op, dims.length - 2, kernel))];
}

function maxUnpool(op: OpView): Shape {
  const [dims, kernel] = [op.dims(0), op.ints('kernel_shape')];
  if (op.has(2)) {
    const sizes = op.elems(2);
    const [count, rank] = [op.dim(2, 0), op.rank(0)];
    if (typeof count === 'number' && rank !== undefined && count !== rank)
      throw new Contradiction(`output_shape has ${count} sizes, and the input ${rank} dimensions`);
    return sizes ? sizes.map(dimOf) : dims && unknownDims(dims.length);
  }
  checkRank(dims, 'the input');
  if (dims === undefined || kernel === undefined) return dims && unknownDims(dims.length);
  const window = windowOf(op, dims.length - 2, kernel);
  const grow = (size: Dim, axis: number): Dim => {
    const stride = window.strides[axis]!;
    const pads = (window.pads?.[axis] ?? 0) + (window.pads?.[axis + kernel.length] ?? 0);
    return dimOf(addDims(multiplyDims(size, stride), kernel[axis]! - pads - stride));
  };
  return [dims[0]!, dims[1]!, ...dims.slice(2).map(grow)];
}

function col2im(op: OpView): Shape {
  const dims = op.dims(0);
  const axes = op.elems(1)?.length ?? op.dim(1, 0);
  const image = op.elems(1)?.map(dimOf) ?? (typeof axes === 'number' ? unknownDims(axes) : undefined);
  if (image === undefined) return undefined;
  const block = op.numbers(2)?.reduce((product, size) => product * size, 1);
  const columns = dims?.[1] ?? null;
  const channels = block ? divideDim(columns, block) : null;
  return [dims?.[0] ?? null, channels, ...image];
}

export const convShapes: Record<string, ShapeRule> = {
  Conv: (op) => [conv(op, 1)],
  ConvInteger: (op) => [conv(op, 1)],
  DeformConv: (op) => [conv(op, 1)],
  QLinearConv: (op) => [conv(op, 3)],
  ConvTranspose: (op) => [convTranspose(op)],
  MaxPool: (op) => [pool(op), pool(op)],
  AveragePool: (op) => [pool(op)],
  LpPool: (op) => [pool(op)],
  MaxUnpool: (op) => [maxUnpool(op)],
  Col2Im: (op) => [col2im(op)],
  ...each('GlobalAveragePool GlobalMaxPool GlobalLpPool', (op) => [
    op.dims(0)?.map((dim, axis) => (axis < 2 ? dim : 1)),
  ]),
};
