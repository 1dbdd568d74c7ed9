// Convolutions and their transposes, in one, two and three dimensions.

import { byFanIn, type Initialiser } from './initialise.ts';
import { leaf, problem, type Some, size, type UnaryLayer } from './layer.ts';
import type { Channels } from './rule.ts';
import { type Float, type None, spec, type WithBias } from './spec.ts';
import { each, type PerDimension, sized, slid, unslid } from './window.ts';

/** A list of `Rank` sizes. */
type Kernel<K, Rank extends number> = K extends number
  ? Rank extends 1
    ? [K]
    : Rank extends 2
      ? [K, K]
      : [K, K, K]
  : K extends readonly number[]
    ? { -readonly [I in keyof K]: K[I] }
    : never;

interface Options<In, Out, K, Bias, D> {
  /** Channels that enter. */
  readonly in: In;
  /** Channels that leave. */
  readonly out: Out;
  /** One size for all dimensions, or a list. */
  readonly kernel: K;
  /** Default: 1. */
  readonly stride?: PerDimension;
  /** Zeros around each dimension, on both sides. Default: 0. */
  readonly padding?: PerDimension;
  /** Default: 1. */
  readonly dilation?: PerDimension;
  /** Into how many groups channels are cut that do not mix. Default: 1. */
  readonly groups?: number;
  /** Default: true. */
  readonly bias?: Bias;
  /** Of the weight. Default: uniform, ±1/√n for n values that make one. */
  readonly initialise?: Initialiser;
  /** Default: float32. */
  readonly dtype?: D;
}
/** 'same' keeps sizes at stride 1: the kernel's sizes must be odd. */
type ConvOptions<In, Out, K, Bias, D> = Omit<Options<In, Out, K, Bias, D>, 'padding'> & {
  /** Zeros around each dimension, on both sides; 'same': as many as keep the size at stride 1. Default: 0. */
  readonly padding?: PerDimension | 'same';
};
type TransposeOptions<In, Out, K, Bias, D> = Options<In, Out, K, Bias, D> & {
  /** What the last window leaves over, at the end of each dimension. Default: 0. */
  readonly outputPadding?: PerDimension;
};

type Conv<Name extends string, Rank extends number> = <
  const In extends number,
  const Out extends number,
  const K extends PerDimension,
  Bias extends boolean = true,
  D extends Float = 'float32',
>(
  options: ConvOptions<In, Out, K, Bias, D>,
) => UnaryLayer<
  // With groups, the second size is in / groups: known while recording only.
  WithBias<D, [Out, number, ...Kernel<K, Rank>], [Out], Bias>,
  None,
  Channels<Name, D, In, Out, Rank>
>;
type ConvTranspose<Name extends string, Rank extends number> = <
  const In extends number,
  const Out extends number,
  const K extends PerDimension,
  Bias extends boolean = true,
  D extends Float = 'float32',
>(
  options: TransposeOptions<In, Out, K, Bias, D>,
) => UnaryLayer<
  WithBias<D, [In, number, ...Kernel<K, Rank>], [Out], Bias>,
  None,
  Channels<Name, D, In, Out, Rank>
>;

type AnyOptions = TransposeOptions<number, number, PerDimension, boolean, Float> & {
  readonly padding?: PerDimension | 'same';
};

/** What both kinds share, checked. */
function read(name: string, rank: number, options: AnyOptions) {
  const kernel = each(name, 'kernel', options.kernel, rank);
  const dilations = each(name, 'dilation', options.dilation ?? 1, rank);
  const group = size(name, 'groups', options.groups ?? 1);
  for (const [what, channels] of [
    ['in', options.in],
    ['out', options.out],
  ] as const) {
    if (size(name, what, channels) % group !== 0)
      throw problem(name, `${what} is ${channels}, which ${group} groups do not divide`);
  }
  if (options.padding === 'same' && kernel.some((one, at) => ((one - 1) * dilations[at]!) % 2 === 1)) {
    throw problem(name, "padding 'same' needs kernels of odd sizes");
  }
  const pads =
    options.padding === 'same'
      ? kernel.map((one, at) => ((one - 1) * dilations[at]!) / 2)
      : each(name, 'padding', options.padding ?? 0, rank, 0);
  const strides = each(name, 'stride', options.stride ?? 1, rank);
  return { kernel, dilations, group, pads, strides };
}

function convolution(name: string, rank: number): (options: AnyOptions) => unknown {
  return (options) => {
    const { kernel, dilations, group, pads, strides } = read(name, rank, options);
    const { bias = true, dtype = 'float32', out } = options;
    const dims = [out, options.in / group, ...kernel];
    const start = byFanIn(dims.slice(1).reduce((product, dim) => product * dim, 1));
    return leaf({
      name,
      parameters: {
        weight: spec(dtype, dims, options.initialise ?? start),
        ...(bias && { bias: spec(dtype, [out], start) }),
      },
      apply({ value, optional }, x: Some) {
        const b = optional('bias');
        const y = x.conv(value('weight'), {
          ...(b && { b }),
          kernelShape: kernel,
          pads: [...pads, ...pads],
          strides,
          dilations,
          group,
        });
        return sized(x, y as Some, out, (dim, at) =>
          slid(dim, kernel[at]!, strides[at]!, 2 * pads[at]!, dilations[at]!),
        );
      },
    });
  };
}

function transposed(name: string, rank: number): (options: AnyOptions) => unknown {
  return (options) => {
    const { kernel, dilations, group, pads, strides } = read(name, rank, options);
    const extra = each(name, 'outputPadding', options.outputPadding ?? 0, rank, 0);
    const { bias = true, dtype = 'float32', out } = options;
    const dims = [options.in, out / group, ...kernel];
    const start = byFanIn(dims.slice(1).reduce((product, dim) => product * dim, 1));
    return leaf({
      name,
      parameters: {
        weight: spec(dtype, dims, options.initialise ?? start),
        ...(bias && { bias: spec(dtype, [out], start) }),
      },
      apply({ value, optional }, x: Some) {
        const b = optional('bias');
        const y = x.convTranspose(value('weight'), {
          ...(b && { b }),
          kernelShape: kernel,
          pads: [...pads, ...pads],
          outputPadding: extra,
          strides,
          dilations,
          group,
        });
        return sized(x, y as Some, out, (dim, at) =>
          unslid(dim, kernel[at]!, strides[at]!, 2 * pads[at]! - extra[at]!, dilations[at]!),
        );
      },
    });
  };
}

/** [N, in, L] → [N, out, L']. Weight [out, in / groups, kernel], bias [out]. */
export const conv1d = convolution('conv1d', 1) as Conv<'conv1d', 1>;
/** [N, in, H, W] → [N, out, H', W']. Weight [out, in / groups, ...kernel], bias [out]. */
export const conv2d = convolution('conv2d', 2) as Conv<'conv2d', 2>;
/** [N, in, D, H, W] → [N, out, D', H', W']. Weight [out, in / groups, ...kernel], bias [out]. */
export const conv3d = convolution('conv3d', 3) as Conv<'conv3d', 3>;
/** The transpose of `conv1d` as a map. Weight [in, out / groups, kernel], bias [out]. */
export const convTranspose1d = transposed('convTranspose1d', 1) as ConvTranspose<'convTranspose1d', 1>;
/** The transpose of `conv2d` as a map. Weight [in, out / groups, ...kernel], bias [out]. */
export const convTranspose2d = transposed('convTranspose2d', 2) as ConvTranspose<'convTranspose2d', 2>;
/** The transpose of `conv3d` as a map. Weight [in, out / groups, ...kernel], bias [out]. */
export const convTranspose3d = transposed('convTranspose3d', 3) as ConvTranspose<'convTranspose3d', 3>;
