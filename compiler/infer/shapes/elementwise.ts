// Operators whose output has the shape of an input, or of all inputs broadcast together.

import type { Shape } from '../../../ir/types.ts';
import { axisOf, broadcast, Contradiction, formatDims, unifyDim } from '../dims.ts';
import type { OpView } from '../view.ts';
import { each, type ShapeRule } from './rule.ts';

const likeFirst: ShapeRule = (op) => [op.dims(0)];

/** As the first input, which must have the axis. */
const likeFirstAlong =
  (axis: (op: OpView) => number): ShapeRule =>
  (op) => {
    const dims = op.dims(0);
    if (dims !== undefined) axisOf(axis(op), dims.length);
    return [dims];
  };

/** Before opset 7 the second operand was fitted into the first by attributes. */
const broadcastAll: ShapeRule = (op: OpView) => [
  op.since < 7 && op.inputCount === 2 ? op.dims(0) : broadcast(op.allDims()),
];

/** Before opset 8 these took inputs of one shape. */
const combined: ShapeRule = (op) => {
  if (op.since >= 8) return broadcastAll(op);
  const shapes = op.allDims().filter((dims) => dims !== undefined);
  return [
    shapes.reduce<Shape>((a, b) => {
      if (a === undefined) return b;
      if (a.length !== b.length)
        throw new Contradiction(`shapes differ: ${formatDims(a)} and ${formatDims(b)}`);
      return a.map((dim, axis) => unifyDim(dim, b[axis]!));
    }, undefined),
  ];
};

export const elementwiseShapes: Record<string, ShapeRule> = {
  ...each('Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor IsInf IsNaN Log Neg', likeFirst),
  ...each('Not Reciprocal Round Sign Sin Sinh Sqrt Tan Tanh BitwiseNot', likeFirst),
  ...each('Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Relu Selu Shrink Sigmoid', likeFirst),
  ...each('Softplus Softsign Swish ThresholdedRelu Clip', likeFirst),
  ...each('CumSum CumProd Trilu', likeFirst),
  ...each(
    'Softmax LogSoftmax Hardmax',
    likeFirstAlong((op) => (op.since < 11 ? 0 : op.int('axis', op.since < 13 ? 1 : -1))),
  ),
  LpNormalization: likeFirstAlong((op) => op.int('axis', -1)),
  RMSNormalization: likeFirstAlong((op) => op.int('axis', -1)),
  ...each('LRN MeanVarianceNormalization InstanceNormalization', likeFirst),
  GroupNormalization: likeFirst,
  RotaryEmbedding: (op) => {
    if (op.rank(0) === 3 && !op.int('num_heads'))
      throw new Contradiction('with 3 dimensions, num_heads says how many heads there are');
    return [op.dims(0)];
  },
  TensorScatter: (op) => {
    const dims = op.dims(0);
    // The first axis counts the batch.
    if (dims !== undefined && axisOf(op.int('axis', -2), dims.length) === 0)
      throw new Contradiction(`axis 0 of ${formatDims(dims)} counts the batch`);
    return [dims];
  },
  Gradient: (op) => op.op.outputs.map((_, index) => op.dims(index)),
  ...each('Identity Cast CastLike BitCast QuantizeLinear DequantizeLinear', likeFirst),
  ...each('Bernoulli EyeLike RandomNormalLike RandomUniformLike', likeFirst),
  ...each('ReverseSequence Scatter ScatterElements ScatterND RegexFullMatch', likeFirst),
  ...each('Min Max Sum Mean', combined),
  ...each('Add Sub Mul Div Mod Pow Where', broadcastAll),
  ...each('And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual', broadcastAll),
  ...each('BitShift BitwiseAnd BitwiseOr BitwiseXor StringConcat', broadcastAll),
  Dropout: (op) => [op.dims(0), op.dims(0)],
  DynamicQuantizeLinear: (op) => [op.dims(0), [], []],
  BatchNormalization: (op) => {
    const first = op.rank(0) === 1 ? 1 : op.dim(0, 1);
    const channels = [[1, 2, 3, 4].map((index) => op.dim(index, 0)).reduce(unifyDim, first)];
    const statistics = channels[0] === null && op.dims(0) === undefined ? undefined : channels;
    return [op.dims(0), statistics, statistics, statistics, statistics];
  },
  LayerNormalization: (op) => {
    const dims = op.dims(0);
    if (dims === undefined) return [];
    const axis = op.int('axis', -1);
    const front = axisOf(axis, dims.length);
    const statistics = dims.map((dim, at) => (at < front ? dim : 1));
    return [dims, statistics, statistics];
  },
  /** R, T, then for n parameters n of each of: value, gradient, statistics … ; new values and statistics come out. */
  Adagrad: (op) => updated(op, 3, 2),
  Momentum: (op) => updated(op, 3, 2),
  Adam: (op) => updated(op, 4, 3),
};

/** Inputs after R and T are `groups` lists of n; outputs are the first list, then those after the gradients. */
function updated(op: OpView, groups: number, outputs: number): ReturnType<ShapeRule> {
  const n = (op.inputCount - 2) / groups;
  if (!Number.isInteger(n))
    throw new Contradiction(`${op.inputCount - 2} inputs after R and T are not ${groups} for each tensor`);
  return Array.from({ length: n * outputs }, (_, index) => op.dims(2 + (index < n ? index : index + n)));
}
