// Normalisations.

import { fill, ones, zeros } from './initialise.ts';
import { leaf, problem, type Some, size, type UnaryLayer } from './layer.ts';
import type { SameChannels, SameShape } from './rule.ts';
import { type Float, type None, type Spec, spec } from './spec.ts';

interface Common<D extends Float> {
  /** Added to the variance. Default: 1e-5. */
  readonly epsilon?: number;
  /** Default: float32. */
  readonly dtype?: D;
}
// A type, not an interface, which would not be a record by name.
type Affine<D extends Float, S extends readonly number[]> = {
  readonly scale: Spec<D, S>;
  readonly bias: Spec<D, S>;
};

const affine = (dtype: Float, dims: readonly number[]) => ({
  scale: spec(dtype, dims, ones()),
  bias: spec(dtype, dims, zeros()),
});

/**
 * Each channel of [N, channels, ...] with mean 0 and variance 1 (Ioffe and Szegedy 2015). In training by the batch's own
 * statistics, of which the buffers `mean` and `variance` keep a running average: give states for them, which are assigned.
 * Otherwise by those.
 */
export function batchNorm<const C extends number, D extends Float = 'float32'>(
  channels: C,
  options: Common<D> & {
    /** Of the running average that stays at each step. Default: 0.9. */
    readonly momentum?: number;
  } = {},
): UnaryLayer<
  Affine<D, [C]>,
  { readonly mean: Spec<D, [C]>; readonly variance: Spec<D, [C]> },
  SameChannels<'batchNorm', D, C>
> {
  const { epsilon = 1e-5, momentum = 0.9, dtype = 'float32' } = options;
  const dims = [size('batchNorm', 'channels', channels)];
  return leaf({
    name: 'batchNorm',
    parameters: affine(dtype, dims),
    buffers: { mean: spec(dtype, dims, zeros()), variance: spec(dtype, dims, fill(1)) },
    apply({ value, training, update }, x: Some) {
      const [scale, bias, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map(value) as [
        Some,
        Some,
        Some,
        Some,
      ];
      if (!training) return x.batchNormalization(scale, bias, mean, variance, { epsilon });
      const y = x.batchNormalization(scale, bias, mean, variance, { epsilon, momentum, trainingMode: true });
      update('mean', y.runningMean.as(dtype, dims));
      update('variance', y.runningVar.as(dtype, dims));
      return y;
    },
  });
}

/** The last dimensions, of these sizes, with mean 0 and variance 1 (Ba et al. 2016). */
export function layerNorm<const S extends number | readonly number[], D extends Float = 'float32'>(
  sizes: S,
  { epsilon = 1e-5, dtype }: Common<D> = {},
): UnaryLayer<
  Affine<D, S extends number ? [S] : S extends readonly number[] ? [...S] : never>,
  None,
  SameShape<'layerNorm', D>
> {
  const dims = sizesOf('layerNorm', sizes);
  return leaf({
    name: 'layerNorm',
    parameters: affine(dtype ?? 'float32', dims),
    apply: ({ value }, x: Some) =>
      x.layerNormalization(value('scale'), { b: value('bias'), axis: -dims.length, epsilon }),
  });
}

/** The last dimensions, of these sizes, divided by their root mean square (Zhang and Sennrich 2019). */
export function rmsNorm<const S extends number | readonly number[], D extends Float = 'float32'>(
  sizes: S,
  { epsilon = 1e-5, dtype }: Common<D> = {},
): UnaryLayer<
  { readonly scale: Spec<D, S extends number ? [S] : S extends readonly number[] ? [...S] : never> },
  None,
  SameShape<'rmsNorm', D>
> {
  const dims = sizesOf('rmsNorm', sizes);
  const axes = dims.map((_, index) => index - dims.length);
  return leaf({
    name: 'rmsNorm',
    parameters: { scale: spec(dtype ?? 'float32', dims, ones()) },
    // In words that the default opset has; the operator came with opset 23.
    apply({ value }, x: Some) {
      const square = (x.mul(x) as Some).reduceMean({ axes }) as Some;
      const root = (square.add(epsilon) as Some).sqrt() as Some;
      return (x.div(root) as Some).mul(value('scale'));
    },
  });
}

/** Groups of channels of [N, channels, ...] with mean 0 and variance 1 (Wu and He 2018). */
export function groupNorm<const C extends number, D extends Float = 'float32'>(
  channels: C,
  options: Common<D> & { readonly groups: number },
): UnaryLayer<Affine<D, [C]>, None, SameChannels<'groupNorm', D, C>> {
  const { groups, epsilon = 1e-5, dtype = 'float32' } = options;
  if (size('groupNorm', 'channels', channels) % size('groupNorm', 'groups', groups) !== 0) {
    throw problem('groupNorm', `channels is ${channels}, which ${groups} groups do not divide`);
  }
  return leaf({
    name: 'groupNorm',
    parameters: affine(dtype, [channels]),
    apply: ({ value }, x: Some) =>
      x.groupNormalization(value('scale'), value('bias'), { numGroups: groups, epsilon }),
  });
}

/** Each channel of each item of [N, channels, ...] with mean 0 and variance 1 (Ulyanov et al. 2016). */
export function instanceNorm<const C extends number, D extends Float = 'float32'>(
  channels: C,
  { epsilon = 1e-5, dtype }: Common<D> = {},
): UnaryLayer<Affine<D, [C]>, None, SameChannels<'instanceNorm', D, C>> {
  return leaf({
    name: 'instanceNorm',
    parameters: affine(dtype ?? 'float32', [size('instanceNorm', 'channels', channels)]),
    apply: ({ value }, x: Some) => x.instanceNormalization(value('scale'), value('bias'), { epsilon }),
  });
}

function sizesOf(name: string, sizes: number | readonly number[]): readonly number[] {
  const dims = typeof sizes === 'number' ? [sizes] : sizes;
  for (const one of dims) size(name, 'a size', one);
  return dims;
}
