// Gradients that are too long, made shorter together.

import { constant } from '../constant.ts';
import { min, sum } from '../ops/generated/ops.ts';
import { leavesOf } from '../structure.ts';
import type { Tensor } from '../types.ts';
import { isValue } from '../value.ts';
import type { Real } from './optimizer.ts';

/** The Euclidean norm of all values in a structure together: a scalar. */
export function globalNorm(values: object): Tensor<'float32'> {
  const squares = leavesOf<Real>(values, isValue).values.map((one) => one.reduceSumSquare({ keepdims: 0 }));
  return (sum(squares as Real[]) as Real).sqrt();
}

/** The gradients, all times the same factor, so that their norm together is at most `most`; as they are if it is. */
export function clipByGlobalNorm<G extends object>(gradients: G, most: number): G {
  const norm = globalNorm(gradients) as Real;
  const factor = min([constant(most).div(norm.add(1e-6)) as Real, constant(1) as Real]) as Real;
  const { values, around } = leavesOf<Real>(gradients, isValue);
  return around(values.map((one) => one.mul(factor))) as G;
}
