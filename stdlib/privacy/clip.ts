// What one record, or one member, adds to a sum, bounded.

import { constant } from '../../dsl/constant.ts';
import { dimsIn } from '../../dsl/core-op.ts';
import { float32 } from '../../dsl/dtypes.ts';
import { min, sum, where } from '../../dsl/ops/generated/ops.ts';
import { globalNorm } from '../../dsl/optim/index.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { AnyShape, Value } from '../../dsl/types.ts';
import { factOf, isValue } from '../../dsl/value.ts';

export type Real = Value<'float32', AnyShape, string>;

/**
 * All values of a structure times one factor, so that their Euclidean norm together is at most `most`. Where the norm is not
 * finite, zeros: a NaN or an infinity that got into the sum would show through any noise.
 */
export function bounded<W extends object>(structure: W, most: number): W {
  const { values, around } = leavesOf<Real>(structure, isValue);
  return around(values.map(shorter(globalNorm(structure) as Real, most))) as W;
}

/** The same of each row: of all values at one place on their first axis. */
export function boundedRows<R extends object>(rows: R, most: number): R {
  const { values, around } = leavesOf<Real>(rows, isValue);
  const flat = values.map((one) => one.flatten({ axis: 1 }) as Real);
  const squares = flat.map((one) => one.mul(one).reduceSum({ axes: [1], keepdims: true }) as Real);
  const shorten = shorter(sum(squares).sqrt() as Real, most);
  return around(
    flat.map((one, at) => {
      const short = shorten(one).reshape(values[at]!.shape()) as Real;
      const dims = dimsIn(factOf(values[at]!, 'clipRows').type);
      return dims === undefined ? short : (short.as(float32, dims as never) as unknown as Real);
    }),
  ) as R;
}

/** What makes what has this norm as short as it may be. */
function shorter(norm: Real, most: number): (one: Real) => Real {
  // Slightly more than the norm: what rounding adds stays below the bound.
  const factor = min([constant(most).div(norm.mul(1 + 1e-6)) as Real, constant(1) as Real]) as Real;
  const known = norm.less(Number.POSITIVE_INFINITY);
  return (one) => where(known, one.mul(factor), constant(0)) as Real;
}
