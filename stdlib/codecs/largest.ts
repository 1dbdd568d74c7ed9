// Which of a value's numbers are the largest: those that `top-k` keeps of it.

import { composed } from '../../dsl/composed.ts';
import { dimsIn } from '../../dsl/core-op.ts';
import { type AnyShape, constant, float64, int64, max, type Value } from '../../dsl/index.ts';
import { factOf } from '../../dsl/value.ts';
import { keptOf, LEAST_SHARE } from '../../ir/coded-bytes.ts';
import { elementCount } from '../../ir/index.ts';

type Real = Value<'float32', AnyShape, string>;
type Truth = Value<'bool', AnyShape, string>;
type Count = Value<'int64', [1], string>;

/**
 * True where a number is among the `share` of the largest magnitude, of equal ones the first: as many as the codec `top-k`
 * keeps of this share. So a value that is 0 wherever this is false crosses in it without loss. Shape: that of the value.
 * `rows`: of each row by itself, [r, n]. Fails (BB330) for a share that is not above 0 and at most 1.
 */
export function largest(value: Real, share: number, { rows = false } = {}): Truth {
  return composed('largest', largest, (owner) => {
    if (!(share > 0 && share <= 1))
      owner.fail('BB330', { what: 'largest', reason: `the share is ${share}, not above 0 and at most 1` });
    return chosen(value, share, rows);
  });
}

function chosen(value: Real, share: number, rows: boolean): Truth {
  const flat = rows ? value : value.reshape([1, -1]);
  const dims = dimsIn(factOf(value, 'largest').type);
  const count = dims && elementCount(rows ? dims.slice(1) : dims);
  const kept = typeof count === 'number' ? constant([BigInt(keptOf(count, { share }))]) : keptIn(flat, share);
  const { indices } = flat.abs().topK(kept as Count, { axis: -1 });
  const none = flat.abs().less(0);
  const mask = none.scatterElements(indices, indices.greaterOrEqual(0n), { axis: 1 });
  return (rows ? mask : mask.reshape(value.shape())) as Truth;
}

/** The same number, of rows whose length is only known when it runs. */
function keptIn(rows: Real, share: number): Count {
  const length = rows.shape({ start: 1 }).cast({ to: float64 });
  const wanted = length.mul(constant(share, float64)).add(constant(0.5, float64)).floor();
  const least = length.mul(constant(LEAST_SHARE, float64)).ceil();
  return max([constant(1, float64), wanted, least]).cast({ to: int64 }) as Count;
}
