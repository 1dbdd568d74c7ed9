// Helpers of rules: matrices and lists of places.

import type { ValueId } from '../../../ir/index.ts';
import { type Builder, int } from '../builder.ts';

/** A matrix of ones on its diagonal, of a size that is known when it runs. */
export function unit(b: Builder, size: ValueId, like: ValueId): ValueId {
  const shape = b.op('Concat', [size, size], int('axis', 0));
  const zeros = b.op('Expand', [b.scalar(0, like), shape]);
  return b.op('EyeLike', [zeros]);
}

/** The place that each element of a value has in it, counted row by row, in the value's shape. */
export function positions(b: Builder, value: ValueId): ValueId {
  const sizes = b.sizes(value);
  const count =
    sizes === undefined
      ? b.op('Size', [value])
      : b.scalarOf(
          sizes.reduce((product, size) => product * size, 1),
          'int64',
        );
  const row = b.op('Range', [b.scalarOf(0, 'int64'), count, b.scalarOf(1, 'int64')]);
  return b.reshapeLike(row, value);
}
