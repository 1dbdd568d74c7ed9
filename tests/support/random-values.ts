// Values at run time, of every kind.

import fc from 'fast-check';
import type { DataValue, SparseValue } from '../../ir/data.ts';
import { byteLengthOf, type DType, packStrings, type Tensor } from '../../ir/types.ts';

const dtype = fc.constantFrom<DType>(
  'float32',
  'int64',
  'bfloat16',
  'float8e5m2',
  'int4',
  'uint2',
  'complex128',
);
const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc
    .record({ dtype, dims: fc.array(fc.nat(3), { maxLength: 3 }), fill: fc.nat(255) })
    .map(({ dtype, dims, fill }): Tensor => {
      const count = dims.reduce((product, dim) => product * dim, 1);
      return { dtype, dims, bytes: new Uint8Array(byteLengthOf(dtype, count)!).fill(fill) };
    }),
  fc
    .array(fc.string({ unit: 'grapheme' }), { maxLength: 3 })
    .map((texts): Tensor => ({ dtype: 'string', dims: [texts.length], bytes: packStrings(texts) })),
);
const sparse: fc.Arbitrary<SparseValue> = fc.nat(4).map((count) => ({
  kind: 'sparse',
  dims: [5, 7],
  values: { dtype: 'float32', dims: [count], bytes: new Uint8Array(4 * count).fill(60) },
  indices: { dtype: 'int64', dims: [count, 2], bytes: new Uint8Array(16 * count).fill(0) },
}));
const { value } = fc.letrec<{ value: DataValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    tensor,
    sparse,
    fc.record({ kind: fc.constant('sequence' as const), values: fc.array(tie('value'), { maxLength: 4 }) }),
    fc.record({ kind: fc.constant('optional' as const), value: fc.option(tie('value')) }),
  ),
}));

export const someValue: fc.Arbitrary<DataValue> = value;
