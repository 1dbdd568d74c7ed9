// Operators that make tensors.

import { Invalid, kernels, type OpContext } from '../kernel.ts';
import { numbersOf } from '../loops/shape.ts';
import { fill, float32s, type NdArray, ndarray } from '../value.ts';

function constant(op: OpContext): NdArray {
  const tensor = op.tensor('value') ?? op.tensor('sparse_value');
  if (tensor !== undefined) return tensor;
  if (op.has('value_float')) return float32s([op.float('value_float', 0)], []);
  const floats = op.floats('value_floats');
  if (floats !== undefined) return float32s(floats);
  const ints = op.bigints('value_int') ?? op.bigints('value_ints');
  if (ints !== undefined)
    return ndarray('int64', op.has('value_int') ? [] : [ints.length], BigInt64Array.from(ints));
  const text = op.string('value_string');
  if (text !== undefined) return ndarray('string', [], [text]);
  const strings = op.strings('value_strings');
  if (strings !== undefined) return ndarray('string', [strings.length], strings.slice());
  throw new Invalid('it has no value');
}

export const creation = kernels('', {
  Constant: constant,
  ConstantOfShape(op: OpContext, shape: NdArray) {
    const value = op.tensor('value');
    const dims = numbersOf(shape);
    return value === undefined ? fill('float32', dims, 0) : fill(value.dtype, dims, value.data[0]!);
  },
});
