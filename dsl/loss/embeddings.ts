// Losses of distances between rows.

import { composed } from '../composed.ts';
import { where } from '../ops/generated/ops.ts';
import type { AnyShape, ElementOf, Join, PlaceOf, ShapeOf, Tensor, Value } from '../types.ts';
import { type Left, type Reduction, reduced, type Some } from './reduce.ts';

type Float = 'float16' | 'bfloat16' | 'float32' | 'float64';
type Rows<X extends Tensor> =
  ShapeOf<X> extends readonly [infer N extends number | string, unknown] ? [N] : AnyShape;

interface Options<R extends Reduction> {
  /** Default: mean. */
  readonly reduction?: R;
  readonly margin?: number;
}

const alongRows = { axes: [1], keepdims: false } as const;

/**
 * For rows a, b [N, D] that belong together (y = 1) 1 − cos(a, b), for those that do not (y = −1) max(0, cos(a, b) − margin).
 * Margin: default 0.
 */
export function cosineEmbedding<A extends Tensor<Float>, const R extends Reduction = 'mean'>(
  a: A,
  b: Tensor,
  y: Tensor,
  { margin = 0, reduction }: Options<R> = {},
): Value<ElementOf<A>, Left<Rows<A>, R>, Join<PlaceOf<A>, 'any'>> {
  return composed('cosineEmbedding', cosineEmbedding, () => {
    const [x, z] = [a as Tensor as Some, b as Some];
    const sum = (p: Some, q: Some): Some => (p.mul(q) as Some).reduceSum(alongRows) as Some;
    // As PyTorch has it: no row is shorter than the square root of this.
    const length = (sum(x, x).add(1e-12) as Some).mul(sum(z, z).add(1e-12)) as Some;
    const cosine = sum(x, z).div(length.sqrt()) as Some;
    const together = (y as Some).greater(0) as Tensor as Some;
    const apart = (cosine.sub(margin) as Some).relu() as Some;
    return reduced(where(together, (cosine.neg() as Some).add(1) as Some, apart) as Some, reduction);
  }) as never;
}

/** max(0, |a − p| − |a − n| + margin), for rows [N, D]: an anchor, one like it, and one unlike it. Margin: default 1. */
export function tripletMargin<A extends Tensor<Float>, const R extends Reduction = 'mean'>(
  anchor: A,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, reduction }: Options<R> = {},
): Value<ElementOf<A>, Left<Rows<A>, R>, Join<PlaceOf<A>, 'any'>> {
  return composed('tripletMargin', tripletMargin, () => {
    const distance = (to: Tensor): Some => {
      // As PyTorch has it: no difference is exactly 0, where the root has no gradient.
      const apart = ((anchor as Tensor as Some).sub(to) as Some).add(1e-6) as Some;
      return (apart.mul(apart) as Some).reduceSum(alongRows).sqrt() as Some;
    };
    const worse = distance(positive).sub(distance(negative)) as Some;
    return reduced((worse.add(margin) as Some).relu() as Some, reduction);
  }) as never;
}
