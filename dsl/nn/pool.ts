// Pools.

import { leaf, type Some, type UnaryLayer } from './layer.ts';
import type { Channels, GlobalPool } from './rule.ts';
import type { Float, None } from './spec.ts';
import { each, type PerDimension, sized, slid } from './window.ts';

export interface PoolOptions {
  /** One size for all dimensions, or a list. */
  readonly kernel: PerDimension;
  /** Default: the kernel, so that windows do not overlap. */
  readonly stride?: PerDimension;
  /** On both sides of each dimension; an average leaves it out. Default: 0. */
  readonly padding?: PerDimension;
}

type Pooled<Name extends string, Rank extends number> = (
  options: number | PoolOptions,
) => UnaryLayer<None, None, Channels<Name, Float, number, number, Rank>>;

interface PoolAttributes {
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
}

function pool(name: string, rank: number, apply: (x: Some, options: PoolAttributes) => unknown) {
  return (given: number | PoolOptions): unknown => {
    const options = typeof given === 'number' ? { kernel: given } : given;
    const kernelShape = each(name, 'kernel', options.kernel, rank);
    const strides = each(name, 'stride', options.stride ?? options.kernel, rank);
    const padding = each(name, 'padding', options.padding ?? 0, rank, 0);
    return leaf({
      name,
      parameters: {},
      apply(_, x: Some) {
        const y = apply(x, { kernelShape, strides, pads: [...padding, ...padding] }) as Some;
        return sized(x, y, undefined, (dim, at) =>
          slid(dim, kernelShape[at]!, strides[at]!, 2 * padding[at]!, 1),
        );
      },
    });
  };
}
const largest = (name: string, rank: number): unknown => pool(name, rank, (x, options) => x.maxPool(options));
const average = (name: string, rank: number): unknown =>
  pool(name, rank, (x, options) => x.averagePool(options));

/** The largest of each window: [N, C, L] → [N, C, L']. */
export const maxPool1d = largest('maxPool1d', 1) as Pooled<'maxPool1d', 1>;
/** The largest of each window: [N, C, H, W] → [N, C, H', W']. `maxPool2d(2)` halves both. */
export const maxPool2d = largest('maxPool2d', 2) as Pooled<'maxPool2d', 2>;
/** The largest of each window: [N, C, D, H, W] → [N, C, D', H', W']. */
export const maxPool3d = largest('maxPool3d', 3) as Pooled<'maxPool3d', 3>;
/** The mean of each window: [N, C, L] → [N, C, L']. */
export const averagePool1d = average('averagePool1d', 1) as Pooled<'averagePool1d', 1>;
/** The mean of each window: [N, C, H, W] → [N, C, H', W']. */
export const averagePool2d = average('averagePool2d', 2) as Pooled<'averagePool2d', 2>;
/** The mean of each window: [N, C, D, H, W] → [N, C, D', H', W']. */
export const averagePool3d = average('averagePool3d', 3) as Pooled<'averagePool3d', 3>;

/** The mean over all dimensions after the channels, which become 1. */
export const globalAveragePool = (): UnaryLayer<None, None, GlobalPool<'globalAveragePool'>> =>
  leaf({ name: 'globalAveragePool', parameters: {}, apply: (_, x: Some) => x.globalAveragePool() });
/** The largest over all dimensions after the channels, which become 1. */
export const globalMaxPool = (): UnaryLayer<None, None, GlobalPool<'globalMaxPool'>> =>
  leaf({ name: 'globalMaxPool', parameters: {}, apply: (_, x: Some) => x.globalMaxPool() });
