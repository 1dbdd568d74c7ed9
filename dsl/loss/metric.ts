// How often a classifier is right.

import { composed } from '../composed.ts';
import type { Join, PlaceOf, Tensor, Value } from '../types.ts';
import type { Some } from './reduce.ts';

/** The share of labels [N] whose class has the largest of its scores [N, C]: a float32 scalar from 0 to 1. */
export function accuracy<X extends Tensor<'float16' | 'bfloat16' | 'float32' | 'float64'>>(
  scores: X,
  labels: Tensor<'int32' | 'int64'>,
): Value<'float32', [], Join<PlaceOf<X>, 'any'>> {
  return composed('accuracy', accuracy, () => {
    const best = (scores as Tensor as Some).argMax({ axis: 1, keepdims: false }) as Tensor as Some;
    const right = best.equal((labels as Tensor as Some).cast({ to: 'int64' })) as Tensor as Some;
    return (right.cast({ to: 'float32' }) as Some).reduceMean({ keepdims: false });
  }) as never;
}
