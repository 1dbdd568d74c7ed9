// The gradient of a max pool: to the first of the largest elements of each window, row by row, as PyTorch has it.

import type { Dim, Op, ValueId } from '../../../ir/index.ts';
import { type Builder, int, ints } from '../builder.ts';
import type { Rule, Step } from '../rule.ts';
import { scatter } from './movement.ts';

/**
 * The pool can say of which elements its results are, but on ONNX Runtime that takes it fifteen times as long. For
 * windows of two by two that lie side by side, pools over parts of the window say the same.
 */
export const maxPool: Rule = (step) => {
  const { b, op, x, dy } = step;
  const input = x[0]!;
  const apart = isTiled(b, op, input);
  const halves = apart && b.mayBeLong ? halved(b, op, input) : undefined;
  if (halves !== undefined && sizeOf(b, step.y[0]!) >= LITTLE) return [toHalves(step, halves)];
  const indices = step.output(1, 'indices');
  // A pool that counts column by column is asked again.
  const others = op.attributes.filter(({ name }) => name !== 'storage_order');
  const places = b.int(op, 'storage_order', 0) === 0 ? indices : b.ops('MaxPool', [input], 2, ...others)[1]!;
  if (!apart) return [scatter(b, input, places, dy[0]!)];
  return [unpooled(step, dy[0]!, places)];
};

/** Results below which fewer ops are worth more than faster ones. */
const LITTLE = 1 << 12;

const sizeOf = (b: Builder, value: ValueId): number =>
  b.sizes(value)?.reduce((count, size) => count * size, 1) ?? Number.POSITIVE_INFINITY;

const unpooled = ({ b, op }: Step, gradient: ValueId, places: ValueId): ValueId =>
  b.op(
    'MaxUnpool',
    [gradient, places],
    ...op.attributes.filter(({ name }) => name === 'kernel_shape' || name === 'strides'),
  );

/**
 * Whether every element is in one window, and none of the padding in any; in float32, for which alone there is MaxUnpool
 * everywhere. Were there elements outside, MaxUnpool would count places without them.
 */
function isTiled(b: Builder, op: Op, input: ValueId): boolean {
  const kernel = b.ints(op, 'kernel_shape') ?? [];
  const ones = kernel.map(() => 1);
  const strides = b.ints(op, 'strides') ?? ones;
  const all = (name: string, value: number): boolean =>
    (b.ints(op, name) ?? []).every((one) => one === value);
  const sizes = b.dims(input).slice(2);
  return (
    b.dtype(input) === 'float32' &&
    kernel.every((size, axis) => typeof sizes[axis] === 'number' && sizes[axis] % size === 0) &&
    kernel.every((size, axis) => size === strides[axis]) &&
    all('dilations', 1) &&
    all('pads', 0) &&
    b.int(op, 'ceil_mode', 0) === 0 &&
    ['NOTSET', 'VALID'].includes(b.string(op, 'auto_pad', 'NOTSET'))
  );
}

interface Halves {
  readonly kernel: readonly number[];
  /** The one or two axes on which windows are of two. */
  readonly axes: readonly number[];
  /** Sizes beyond samples and channels. */
  readonly sizes: readonly number[];
}

function halved(b: Builder, op: Op, input: ValueId): Halves | undefined {
  const kernel = b.ints(op, 'kernel_shape')!;
  const axes = kernel.flatMap((size, axis) => (size === 1 ? [] : [axis]));
  const fits = (axes.length === 1 || axes.length === 2) && axes.every((axis) => kernel[axis] === 2);
  return fits ? { kernel, axes, sizes: b.dims(input).slice(2) as number[] } : undefined;
}

/**
 * Whether the first row of a window has its largest element, and whether the first column of the row that has it does,
 * are two comparisons of pools.
 */
function toHalves(step: Step, { kernel, axes, sizes }: Halves): ValueId {
  const { b, x, y } = step;
  /** The largest of each window among what lies first on the other axes. */
  const along = (...wide: readonly number[]): ValueId =>
    b.op(
      'MaxPool',
      [x[0]!],
      ints(
        'kernel_shape',
        kernel.map((size, axis) => (wide.includes(axis) ? size : 1)),
      ),
      ints('strides', kernel),
    );
  const isLargest = (value: ValueId): ValueId => b.op('Equal', [value, y[0]!]);
  const [outer, inner] = axes as [number, number?];
  const above = isLargest(inner === undefined ? along() : along(inner));
  const row = b.where(above, inImage(b, kernel, sizes, 0), inImage(b, kernel, sizes, strideOf(sizes, outer)));
  const image = product(sizes);
  let start = startsOf(step, image, 0);
  if (inner !== undefined) {
    const before = isLargest(b.where(above, along(), along(outer)));
    start = b.where(before, start, startsOf(step, image, strideOf(sizes, inner)));
  }
  const places = b.add(row, start);
  const gradient = unpooled(step, positiveOnly(step), b.cast(places, 'int64'));
  return isRectified(step) ? b.vanishing(gradient, x[0]!) : gradient;
}

const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);
const strideOf = (sizes: readonly number[], axis: number): number => product(sizes.slice(axis + 1));

/** The place of each window's first element in its image, and so many further. */
function inImage(b: Builder, kernel: readonly number[], sizes: readonly number[], further: number): ValueId {
  const windows = sizes.map((size, axis) => size / kernel[axis]!);
  let places = [further];
  windows.forEach((count, axis) => {
    const stride = kernel[axis]! * strideOf(sizes, axis);
    places = places.flatMap((start) => Array.from({ length: count }, (_, at) => start + at * stride));
  });
  return integers(b, windows, places);
}

/** So many images have their starts written out. */
const MOST_IMAGES = 1 << 14;

/** Where each image begins among all of them, and so many further: an image for each sample and channel. */
function startsOf({ b, x, y }: Step, image: number, further: number): ValueId {
  const [samples, channels, ...spatial] = b.dims(y[0]!) as [Dim, Dim, ...Dim[]];
  const ones = spatial.map(() => 1);
  if (typeof samples === 'number' && typeof channels === 'number' && samples * channels <= MOST_IMAGES) {
    const starts = Array.from({ length: samples * channels }, (_, at) => at * image + further);
    return integers(b, [samples, channels, ...ones], starts);
  }
  const end = b.cast(b.op('Size', [x[0]!]), 'int32');
  const number = (value: number): ValueId => integers(b, [], [value]);
  const starts = b.op('Range', [
    number(further),
    further === 0 ? end : b.add(end, number(further)),
    number(image),
  ]);
  const images = b.op('Concat', [b.op('Shape', [x[0]!], int('end', 2)), b.list(ones)], int('axis', 0));
  return b.op('Reshape', [starts, images]);
}

const integers = (b: Builder, dims: readonly number[], values: readonly number[]): ValueId =>
  b.constant({ dtype: 'int32', dims, bytes: new Uint8Array(Int32Array.from(values).buffer) });

/** Whether what it pools is nowhere negative, and passes no gradient where it is zero. */
function isRectified({ b, x }: Step): boolean {
  const { def } = b.editor.value(x[0]!);
  if (def.kind !== 'op') return false;
  const { domain, type } = b.editor.op(def.op);
  return domain === '' && type === 'Relu';
}

/** The gradient, already without what a rectifier before the pool would stop: there are fewer elements here. */
function positiveOnly(step: Step): ValueId {
  const { b, x, y, dy } = step;
  if (!isRectified(step)) return dy[0]!;
  const zero = b.scalar(0, x[0]!);
  return b.where(b.op('Greater', [y[0]!, zero]), dy[0]!, zero);
}
