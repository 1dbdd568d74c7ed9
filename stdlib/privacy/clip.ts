// What one record, or one member, adds to a sum, bounded.

import { constant } from '../../dsl/constant.ts';
import { min, where } from '../../dsl/ops/generated/ops.ts';
import { globalNorm } from '../../dsl/optim/index.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { AnyShape, Value } from '../../dsl/types.ts';
import { isValue } from '../../dsl/value.ts';

export type Real = Value<'float32', AnyShape, string>;

/**
 * All values of a structure times one factor, so that their Euclidean norm together is at most `most`. Where the norm is not
 * finite, zeros: a NaN or an infinity that got into the sum would show through any noise.
 */
export function bounded<W extends object>(structure: W, most: number): W {
  const { values, around } = leavesOf<Real>(structure, isValue);
  const norm = globalNorm(structure) as Real;
  // Slightly more than the norm: what rounding adds stays below the bound.
  const factor = min([constant(most).div(norm.mul(1 + 1e-6)) as Real, constant(1) as Real]) as Real;
  const known = norm.less(Number.POSITIVE_INFINITY);
  return around(values.map((one) => where(known, one.mul(factor), constant(0)))) as W;
}
