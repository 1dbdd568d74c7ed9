// A detour over a type that holds every value of the first one.
//
//   b = Cast<to = INT32>(a: int8)
//   c = Cast<to = FLOAT>(b)         →   c = Cast<to = FLOAT>(a)

import type { DType } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';

/** Types whose every value each type has, so that a cast between them loses nothing. */
const within: Partial<Record<DType, readonly DType[]>> = {
  bool: [
    'uint8',
    'int8',
    'uint16',
    'int16',
    'uint32',
    'int32',
    'uint64',
    'int64',
    'float16',
    'float32',
    'float64',
  ],
  uint8: ['uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float16', 'float32', 'float64'],
  int8: ['int16', 'int32', 'int64', 'float16', 'float32', 'float64'],
  uint16: ['uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'],
  int16: ['int32', 'int64', 'float32', 'float64'],
  uint32: ['uint64', 'int64', 'float64'],
  int32: ['int64', 'float64'],
  float16: ['float32', 'float64'],
  bfloat16: ['float32', 'float64'],
  float32: ['float64'],
};
const isNumber = (dtype: DType | undefined): boolean =>
  dtype !== undefined && (dtype in within || dtype === 'float64' || dtype === 'int64' || dtype === 'uint64');
const isFloat = (dtype: DType): boolean => dtype.includes('float');

export const doubleCast = rewrite('double-cast', {
  exact: true,
  ops: ['Cast'],
  apply(op, bench) {
    const inner = bench.makerOf(op.inputs[0], 'Cast');
    const [source] = inner?.inputs ?? [];
    const [from, over, to] = [bench.dtype(source), bench.dtype(op.inputs[0]), bench.dtype(op.outputs[0])];
    if (source === undefined || from === undefined || over === undefined || to === undefined) return false;
    if (!within[from]?.includes(over) || !isNumber(to)) return false;
    if (from === to) return bench.forward(op, [source]);
    // What a float becomes that is out of a whole number's range may depend on the float's type.
    if (isFloat(over) && !isFloat(to) && to !== 'bool') return false;
    bench.replace(op, { type: 'Cast', inputs: [source], attributes: op.attributes });
    return true;
  },
});
