// Arithmetic on pairs of elements, and comparisons.

import { kernels, type OpContext } from '../kernel.ts';
import { type Binary, binary } from '../loops/elementwise.ts';
import type { NdArray } from '../value.ts';

const arithmetic = (scalars: Binary) => (_: OpContext, a: NdArray, b: NdArray) => binary(a, b, scalars);
const comparison = (scalars: Binary) => (_: OpContext, a: NdArray, b: NdArray) =>
  binary(a, b, scalars, 'bool');

export const pairwise = kernels('', {
  Add: arithmetic({ float: (a, b) => a + b, int: (a, b) => a + b, bigint: (a, b) => a + b }),
  Sub: arithmetic({ float: (a, b) => a - b, int: (a, b) => a - b, bigint: (a, b) => a - b }),
  Mul: arithmetic({ float: (a, b) => a * b, int: Math.imul, bigint: (a, b) => a * b }),
  // Whole numbers: towards zero; by zero gives 0, as numpy has it.
  Div: arithmetic({
    float: (a, b) => a / b,
    int: (a, b) => a / b,
    bigint: (a, b) => (b === 0n ? 0n : a / b),
  }),
  Equal: comparison({
    float: (a, b) => a === b,
    int: (a, b) => a === b,
    bigint: (a, b) => a === b,
    bool: (a, b) => a === b,
    string: (a, b) => a === b,
  }),
});
