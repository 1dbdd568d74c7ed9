// An op all of whose inputs are constants is computed now.
//
//   initializer w: float16[2] = …
//   c = Cast<to = FLOAT>(w)         →   initializer c: float32[2] = …
//
// Only operators whose results ONNX and IEEE 754 fix to the last bit: moving elements, comparing, whole numbers,
// and the arithmetic that is correctly rounded. Within byte limits, so that a file never grows by more than it is allowed to.

import { type DType, NO_VALUE, type Op } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';
import { fold } from './fold.ts';

/** Operators that move or compare elements, of any type. */
const moving = [
  'And',
  'BitwiseAnd',
  'BitwiseNot',
  'BitwiseOr',
  'BitwiseXor',
  'BitShift',
  'Compress',
  'Concat',
  'ConstantOfShape',
  'DepthToSpace',
  'Equal',
  'Expand',
  'EyeLike',
  'Flatten',
  'Gather',
  'GatherElements',
  'GatherND',
  'Greater',
  'GreaterOrEqual',
  'Identity',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'NonZero',
  'Not',
  'OneHot',
  'Or',
  'Pad',
  'Reshape',
  'ReverseSequence',
  'Shape',
  'Size',
  'Slice',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Trilu',
  'Unsqueeze',
  'Where',
  'Xor',
];
/** One correctly rounded operation for each element, or none. */
const rounded = ['Abs', 'Add', 'Ceil', 'Div', 'Floor', 'Mul', 'Neg', 'Reciprocal', 'Round', 'Sqrt', 'Sub'];
/** Exact on whole numbers; on floats, order, rounding and the sign of zero are the backend's. */
const wholeNumbers = [
  'CumSum',
  'Max',
  'Min',
  'Mod',
  'Range',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'Sum',
  'Clip',
  'ArgMax',
  'ArgMin',
  'MatMulInteger',
  'Relu',
  'Sign',
];

const isWhole = (dtype: DType | undefined): boolean =>
  dtype !== undefined && /^u?int(8|16|32|64)$/.test(dtype);
const isFloat = (dtype: DType | undefined): boolean =>
  dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';

export const foldConstant = rewrite('fold-constant', {
  exact: true,
  ops: [...moving, ...rounded, ...wholeNumbers, 'Cast', 'CastLike'],
  apply(op, bench) {
    return isExact(op, bench) && fold(op, bench);
  },
});

function isExact(op: Op, bench: Workbench): boolean {
  const dtypes = op.inputs.flatMap((id) => (id === NO_VALUE ? [] : [bench.dtype(id)]));
  if (wholeNumbers.includes(op.type)) return dtypes.every(isWhole);
  if (rounded.includes(op.type))
    return dtypes.every((dtype) => isWhole(dtype) || isFloat(dtype)) && !dividesByZero(op, bench);
  if (op.type !== 'Cast' && op.type !== 'CastLike') return true;
  const [from, to] = [dtypes[0], bench.dtype(op.outputs[0])];
  // A float that is no whole number of the type, or a text, has as many results as backends.
  return (
    (isWhole(from) || from === 'bool' || isFloat(from)) &&
    (to === 'bool' || isFloat(to) || (isWhole(to) && (!isFloat(from) || inRange(op, to!, bench))))
  );
}

/** The largest whole number of each type that every float below it converts to. */
function inRange(op: Op, to: DType, bench: Workbench): boolean {
  const numbers = bench.numbers(op.inputs[0]);
  const bits = Number(/\d+/.exec(to)![0]) - (to.startsWith('u') ? 0 : 1);
  const [low, high] = [to.startsWith('u') ? 0 : -(2 ** bits), 2 ** bits - 1];
  return (
    numbers?.every(
      (number) => Math.trunc(number) >= low && Math.trunc(number) <= high && Math.abs(number) <= 2 ** 53,
    ) ?? false
  );
}

/** Of whole numbers: no result at all. */
const dividesByZero = (op: Op, bench: Workbench): boolean =>
  op.type === 'Div' &&
  isWhole(bench.dtype(op.inputs[0])) &&
  !(bench.numbers(op.inputs[1])?.every((number) => number !== 0) ?? false);
