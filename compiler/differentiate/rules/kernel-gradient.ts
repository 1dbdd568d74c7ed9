// The gradient of a convolution's kernel, in two forms that compute the same.

import type { Dim, DType, ValueId } from '../../../ir/index.ts';
import { type Builder, int, ints } from '../builder.ts';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Of the beginnings, then of the ends. */
  readonly pads: readonly number[];
}

/** A convolution: of `input` with the wanted kernel, where `given` is the gradient of the result. */
export interface Convolution {
  readonly input: ValueId;
  readonly given: ValueId;
  /** Their sizes [N, C, …] and [N, O, …]. */
  readonly inputDims: readonly Dim[];
  readonly givenDims: readonly Dim[];
  readonly dtype: DType;
  readonly window: Window;
  readonly group: number;
  /** Whether the window has as many positions over the input as `given` has elements. */
  readonly exact: boolean;
}

/** Elements of a constant that is not worth sparing. */
const SMALL = 1 << 14;
/** From here on, kernels are no longer small beside what they move over. */
const LARGEST_AREA = 49;
/** Multiplications below which fewer ops are worth more than faster ones. */
const LITTLE = 1 << 20;

export const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);

export function kernelGradient(b: Builder, of: Convolution): ValueId {
  const { inputDims, givenDims, window, group, exact } = of;
  const [channels, outputs] = [inputDims[1], givenDims[1]];
  const area = product(window.kernel);
  const fits =
    typeof channels === 'number' &&
    typeof outputs === 'number' &&
    area <= LARGEST_AREA &&
    (area <= outputs || channels * area * area <= SMALL);
  const work = [area, channels, ...givenDims].reduce<number>(
    (count, size) => (typeof size === 'number' ? count * size : Number.POSITIVE_INFINITY),
    1 / group,
  );
  const isPlain = of.dtype === 'float32' || of.dtype === 'float64';
  if (!exact || !fits) return byConvolution(b, of);
  if (work >= LITTLE && b.mayBeLong) return byProduct(b, of, channels, outputs);
  return isPlain && group === 1 ? bySum(b, of, channels, outputs) : byConvolution(b, of);
}

/** The same product over all samples in one op, which has to turn what it multiplies. */
function bySum(b: Builder, of: Convolution, channels: number, outputs: number): ValueId {
  const places = 'abcdef'.slice(0, of.window.kernel.length);
  const sums = b.contract({
    left: [unfolded(b, of, channels), `nk${places}`],
    right: [of.given, `no${places}`],
    result: 'ok',
  });
  return b.op('Reshape', [sums, b.list([outputs, channels, ...of.window.kernel])]);
}

/**
 * What each position of the window saw, as columns, times the gradients there: one product of matrices for each sample
 * and group, summed over the samples. ONNX Runtime needs about half the time of the other form.
 */
function byProduct(b: Builder, of: Convolution, channels: number, outputs: number): ValueId {
  const { given, givenDims, window, group } = of;
  const area = product(window.kernel);
  // Sizes that are not known come from the value itself.
  const samples = typeof givenDims[0] === 'number' ? givenDims[0] : 0;
  const spatial = givenDims.slice(2);
  const places = spatial.every((size): size is number => typeof size === 'number') ? product(spatial) : -1;
  const shape = (rows: number): ValueId =>
    b.list(group === 1 ? [samples, rows, places] : [samples, group, rows / group, places]);
  const seen = b.op('Reshape', [unfolded(b, of, channels), shape(channels * area)]);
  const gradients = b.op('Reshape', [given, shape(outputs)]);
  const swapped = group === 1 ? [0, 2, 1] : [0, 1, 3, 2];
  const products = b.op('MatMul', [seen, b.transpose(gradients, swapped)]);
  const sum = b.sum(products, [0]);
  const turned = b.transpose(sum, group === 1 ? [1, 0] : [0, 2, 1]);
  return b.op('Reshape', [turned, b.list([outputs, channels / group, ...window.kernel])]);
}

/** [N, C · area, …]: a convolution with kernels of a single one each does it in one op, its padding included. */
function unfolded(b: Builder, { input, dtype, window }: Convolution, channels: number): ValueId {
  const area = product(window.kernel);
  const still = window.strides.every((one) => one === 1) && window.pads.every((one) => one === 0);
  if (area === 1 && still) return input;
  const ones = new Float32Array(channels * area * area);
  for (let row = 0; row < channels * area; row++) ones[row * area + (row % area)] = 1;
  const kernel = b.constant({
    dtype: 'float32',
    dims: [channels * area, 1, ...window.kernel],
    bytes: new Uint8Array(ones.buffer),
  });
  return b.op(
    'Conv',
    [input, dtype === 'float32' ? kernel : b.cast(kernel, dtype)],
    ...attributesOf(window, channels),
  );
}

/** A convolution of the input with the gradients, batch and channels changed round, strides and dilations too. */
function byConvolution(b: Builder, { input, given, window, group, exact }: Convolution): ValueId {
  const count = window.kernel.length;
  const spatial = Array.from({ length: count }, (_, axis) => axis + 2);
  const swap = [1, 0, ...spatial];
  let turned = b.transpose(input, swap);
  if (group > 1) {
    // [N, G·C, …] to [C, G·N, …]
    const shape = b.op(
      'Concat',
      [b.list([0, group, -1]), b.op('Shape', [input], int('start', 2))],
      int('axis', 0),
    );
    const apart = b.op('Reshape', [input, shape]);
    const moved = b.transpose(apart, [2, 1, 0, ...spatial.map((axis) => axis + 1)]);
    const joined = b.op(
      'Concat',
      [
        b.op('Shape', [moved], int('start', 0), int('end', 1)),
        b.list([-1]),
        b.op('Shape', [input], int('start', 2)),
      ],
      int('axis', 0),
    );
    turned = b.op('Reshape', [moved, joined]);
  }
  const made = b.op(
    'Conv',
    [turned, b.transpose(given, swap)],
    ...attributesOf({ ...window, strides: window.dilations, dilations: window.strides }, group),
  );
  if (exact && window.strides.every((one) => one === 1)) return b.transpose(made, swap);
  // Where strides leave a rest, there are more positions than the kernel has.
  const cut = b.op('Slice', [made, b.list(new Array(count).fill(0)), b.list(window.kernel), b.list(spatial)]);
  return b.transpose(cut, swap);
}

export const attributesOf = ({ strides, dilations, pads }: Window, group: number) => [
  ints('strides', strides),
  ints('dilations', dilations),
  ints('pads', pads),
  int('group', group),
];
