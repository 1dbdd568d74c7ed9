// An op all of whose inputs are constants is computed now.
//
//   initializer w: float16[2] = …
//   c = Cast<to = FLOAT>(w)         →   initializer c: float32[2] = …
//
// Only operators whose results ONNX and IEEE 754 fix to the last bit: moving elements, comparing, whole numbers,
// and the arithmetic that is correctly rounded. Within byte limits, so that a file never grows by more than it is allowed to.

import {
  type DType,
  elementCount,
  NO_VALUE,
  type Op,
  type Tensor,
  type ValueId,
  type Weight,
  weightByteLength,
  weightOf,
} from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

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
    if (bench.evaluate === undefined || !isExact(op, bench)) return false;
    const given = op.inputs.filter((id) => id !== NO_VALUE);
    const weights = given.map((id) => bench.constant(id));
    if (!weights.every((weight) => weight !== undefined)) return false;
    const sizes = weights.map((weight) => weightByteLength(weight) ?? Number.POSITIVE_INFINITY);
    if (sizes.some((size) => size > bench.budget.limits.maxConstantBytes) || tooLarge(op, bench))
      return false;
    const inputs = op.inputs.map((id) => (id === NO_VALUE ? undefined : bench.tensor(id)));
    if (op.inputs.some((id, index) => id !== NO_VALUE && inputs[index] === undefined)) return false;
    const outputs = bench.evaluate(op, inputs, bench.opset(op));
    const used = op.outputs.map((id) => id !== NO_VALUE && bench.useCount(id) > 0);
    if (outputs === undefined || used.some((is, index) => is && outputs[index] === undefined)) return false;
    const made = sum(outputs.map((tensor, index) => (used[index] ? tensor!.bytes.length : 0)));
    if (!bench.budget.spend(made, freedBytes(given, weights, bench))) return false;
    const held = outputs.map((tensor, index): Weight | undefined =>
      used[index] ? weightOf(tensor as Tensor, bench.value(op.outputs[index]!).name) : undefined,
    );
    bench.makeConstant(op, held);
    return true;
  },
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

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

/** Operators whose results are no larger than what they take, of a size that only computing tells. */
const shrinking = ['Compress', 'NonZero'];

/** By the types alone, before anything is computed. */
const tooLarge = (op: Op, bench: Workbench): boolean =>
  !shrinking.includes(op.type) &&
  op.outputs.some(
    (id) =>
      id !== NO_VALUE &&
      (elementCount(bench.dims(id)) ?? Number.POSITIVE_INFINITY) > bench.budget.limits.maxConstantBytes,
  );

/** Bytes of constants that nothing else reads. */
function freedBytes(given: readonly ValueId[], weights: readonly Weight[], bench: Workbench): number {
  const seen = new Set<ValueId>();
  return sum(
    given.map((id, index) => {
      if (seen.has(id) || bench.useCount(id) > 1) return 0;
      seen.add(id);
      return weightByteLength(weights[index]!) ?? 0;
    }),
  );
}
