// Normalisation over a batch, a layer, an instance or groups of channels.

import type { ValueId } from '../../../ir/index.ts';
import { type Builder, float, int } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';
import { product } from './kernel-gradient.ts';

const EPSILON = 1e-5;

/** A vector of channels, as a tensor that broadcasts to the input's shape. */
const asChannels = (b: Builder, value: ValueId, rank: number): ValueId =>
  b.op('Reshape', [value, b.list([-1, ...new Array<number>(rank - 2).fill(1)])]);

/** All axes but the channels. */
const otherAxes = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2)];
const axesFrom = (first: number, rank: number): number[] =>
  Array.from({ length: rank - first }, (_, index) => first + index);

const mean = (b: Builder, value: ValueId, axes: readonly number[]): ValueId =>
  b.op('ReduceMean', [value, b.list(axes)], int('keepdims', 1));

interface Normalized {
  /** (x - mean) / deviation. */
  readonly centred: ValueId;
  readonly inverse: ValueId;
}

function normalize(
  b: Builder,
  x: ValueId,
  like: ValueId,
  axes: readonly number[],
  epsilon: number,
): Normalized {
  const centre = b.sub(x, mean(b, x, axes));
  const variance = mean(b, b.mul(centre, centre), axes);
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.add(variance, b.scalar(epsilon, like))])]);
  return { centred: b.mul(centre, inverse), inverse };
}

/** The gradient of the input of a normalisation, from that of its result. */
function through(
  b: Builder,
  { centred, inverse }: Normalized,
  given: ValueId,
  axes: readonly number[],
): ValueId {
  const shift = mean(b, given, axes);
  const slope = mean(b, b.mul(given, centred), axes);
  return b.mul(inverse, b.sub(b.sub(given, shift), b.mul(centred, slope)));
}

const batch: Rule = (step) => {
  const { b, op, x, dy } = step;
  const [input, scale, , average, variance] = x as ValueId[];
  const rank = b.rank(input!);
  const axes = otherAxes(rank);
  const epsilon = b.float(op, 'epsilon', EPSILON);
  const factor = asChannels(b, scale!, rank);
  const given = dy[0] ?? b.zerosLike(input!);
  if (b.int(op, 'training_mode', 0) !== 0) {
    const inOneOp = dy[1] === undefined && dy[2] === undefined ? trained(step, given, axes) : undefined;
    if (inOneOp !== undefined) return inOneOp;
    const normal = normalize(b, input!, input!, axes, epsilon);
    const momentum = b.float(op, 'momentum', 0.9);
    const held = (index: number): ValueId | undefined =>
      dy[index] === undefined ? undefined : b.mul(dy[index], b.scalar(momentum, x[index + 2]!));
    return [
      step.wants(0)
        ? toStatistics(step, normal, 1 - momentum, through(b, normal, b.mul(given, factor), axes))
        : undefined,
      step.wants(1) ? b.sum(b.mul(given, normal.centred), axes) : undefined,
      step.wants(2) ? b.sum(given, axes) : undefined,
      held(1),
      held(2),
    ];
  }
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.add(variance!, b.scalar(epsilon, variance!))])]);
  const wide = asChannels(b, inverse, rank);
  const centre = (): ValueId => b.sub(input!, asChannels(b, average!, rank));
  const scaled = b.mul(given, b.mul(factor, wide));
  const dVariance = (): ValueId => {
    const products = b.sum(b.mul(scaled, centre()), axes);
    return b.mul(products, b.mul(b.scalar(-0.5, input!), b.mul(inverse, inverse)));
  };
  return [
    scaled,
    step.wants(1) ? b.sum(b.mul(given, b.mul(centre(), wide)), axes) : undefined,
    step.wants(2) ? b.sum(given, axes) : undefined,
    step.wants(3) ? b.neg(b.sum(scaled, axes)) : undefined,
    step.wants(4) ? dVariance() : undefined,
  ];
};

/**
 * What a batch in training gives back, by the operator itself: without scale and bias it centres, and with a mean and a
 * variance it divides each channel. Undefined where types differ or the number of channels is not known.
 */
function trained(
  step: Step,
  given: ValueId,
  axes: readonly number[],
): readonly (ValueId | undefined)[] | undefined {
  const { b, op, x } = step;
  const [input, scale, , average, variance] = x as [ValueId, ValueId, ValueId, ValueId, ValueId];
  const ones = filled(b, scale, 1);
  const zeros = filled(b, scale, 0);
  const alike = [scale, average, variance].every((one) => b.dtype(one) === b.dtype(input));
  if (!alike || ones === undefined || zeros === undefined) return undefined;
  const small = b.float(op, 'epsilon', EPSILON);
  const epsilon = float('epsilon', small);
  const [centred, , spread] = b.ops(
    'BatchNormalization',
    [input, ones, zeros, average, variance],
    3,
    int('training_mode', 1),
    epsilon,
    float('momentum', 0),
  ) as [ValueId, ValueId, ValueId];
  const slope = b.sum(b.mul(given, centred), axes);
  const shift = b.sum(given, axes);
  const toInput = (): ValueId => {
    const share = b.div(b.sizeOf(scale, input), b.sizeOf(input, input));
    // What is there of the mean and of the direction of the input itself: (slope · centred + shift) / count.
    const count = product(b.sizes(input) ?? [0]) / product(b.sizes(scale)!);
    const part = count > 0 ? slope : b.mul(slope, share);
    const square = b.full((count > 0 ? count : 1) ** 2 - small, b.sizes(scale)!, scale);
    const [factor, middle] = [part, b.mul(shift, share)];
    const lost = b.op('BatchNormalization', [centred, factor, middle, zeros, square], epsilon);
    return b.op('BatchNormalization', [b.sub(given, lost), scale, zeros, zeros, spread], epsilon);
  };
  return [
    step.wants(0) ? toInput() : undefined,
    step.wants(1) ? slope : undefined,
    step.wants(2) ? shift : undefined,
  ];
}

/** A constant of a value's shape, for float32 and sizes that are known. */
function filled(b: Builder, like: ValueId, value: number): ValueId | undefined {
  const dims = b.sizes(like);
  return dims === undefined || b.dtype(like) !== 'float32' ? undefined : b.full(value, dims, like);
}

/** With what the new mean and variance give back to the input, of which they take a share. */
function toStatistics({ b, x, dy }: Step, normal: Normalized, share: number, gradient: ValueId): ValueId {
  const input = x[0]!;
  const rank = b.rank(input);
  // Of each channel, as a part of one element.
  const channels = b.op('Size', [x[3]!]);
  const count = b.cast(b.div(b.op('Size', [input]), channels), b.dtype(input));
  const part = (given: ValueId): ValueId =>
    b.div(b.mul(asChannels(b, given, rank), b.scalar(share, input)), count);
  let sum = gradient;
  if (dy[1] !== undefined) sum = b.add(sum, part(dy[1]));
  if (dy[2] === undefined) return sum;
  const centre = b.mul(b.scalar(2, input), b.div(normal.centred, normal.inverse));
  return b.add(sum, b.mul(part(dy[2]), centre));
}

/** The operator without scale and bias. */
function normalizedLayer({ b, op, x }: Step): Normalized | undefined {
  const [input, scale] = x as [ValueId, ValueId];
  const axis = b.axis(op, input, -1);
  const ones = b.rank(scale) === b.rank(input) - axis ? filled(b, scale, 1) : undefined;
  if (ones === undefined || b.dtype(input) !== 'float32') return undefined;
  const [centred, , inverse] = b.ops(
    'LayerNormalization',
    [input, ones],
    3,
    int('axis', axis),
    float('epsilon', b.float(op, 'epsilon', EPSILON)),
  ) as [ValueId, ValueId, ValueId];
  return { centred, inverse };
}

const layer: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  const [input, scale, bias] = x as [ValueId, ValueId, ValueId | undefined];
  const rank = b.rank(input);
  const axes = axesFrom(b.axis(op, input, -1), rank);
  const normal = normalizedLayer(step) ?? normalize(b, input, input, axes, b.float(op, 'epsilon', EPSILON));
  const toInput = (): ValueId | undefined => {
    const parts = dy[0] === undefined ? [] : [through(b, normal, b.mul(dy[0], scale), axes)];
    const size = (): ValueId =>
      b.div(b.sizeOf(input, input), b.cast(b.op('Size', [normal.inverse]), b.dtype(input)));
    if (dy[1] !== undefined) parts.push(b.op('Expand', [b.div(dy[1], size()), b.shapeOf(input)]));
    // The inverse of the deviation d: of 1/d it is -(x - mean) / (n d³).
    if (dy[2] !== undefined) {
      const square = b.mul(normal.inverse, normal.inverse);
      parts.push(b.neg(b.mul(normal.centred, b.div(b.mul(dy[2], square), size()))));
    }
    return parts.length === 1 ? parts[0] : b.op('Sum', parts);
  };
  return [
    step.wants(0) ? toInput() : undefined,
    dy[0] && step.wants(1) ? b.unbroadcast(b.mul(dy[0], normal.centred), scale, y[0]!) : undefined,
    dy[0] && bias && step.wants(2) ? b.unbroadcast(dy[0], bias, y[0]!) : undefined,
  ];
};

const rootMeanSquare: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  const [input, scale] = x as [ValueId, ValueId];
  const axes = axesFrom(b.axis(op, input, -1), b.rank(input));
  const square = mean(b, b.mul(input, input), axes);
  const inverse = b.op('Reciprocal', [
    b.op('Sqrt', [b.add(square, b.scalar(b.float(op, 'epsilon', EPSILON), input))]),
  ]);
  const centred = b.mul(input, inverse);
  const given = b.mul(dy[0]!, scale);
  const slope = mean(b, b.mul(given, centred), axes);
  return [
    step.wants(0) ? b.mul(inverse, b.sub(given, b.mul(centred, slope))) : undefined,
    step.wants(1) ? b.unbroadcast(b.mul(dy[0]!, centred), scale, y[0]!) : undefined,
  ];
};

const instance: Rule = (step) => {
  const { b, op, x, dy } = step;
  const [input, scale] = x as [ValueId, ValueId];
  const rank = b.rank(input);
  const axes = axesFrom(2, rank);
  const normal = normalize(b, input, input, axes, b.float(op, 'epsilon', EPSILON));
  return [
    step.wants(0) ? through(b, normal, b.mul(dy[0]!, asChannels(b, scale, rank)), axes) : undefined,
    step.wants(1) ? b.sum(b.mul(dy[0]!, normal.centred), otherAxes(rank)) : undefined,
    step.wants(2) ? b.sum(dy[0]!, otherAxes(rank)) : undefined,
  ];
};

/** [N, C, …] seen as [N, groups, -1]. */
const group: Rule = (step) => {
  const { b, op, x, dy } = step;
  const [input, scale] = x as [ValueId, ValueId];
  const rank = b.rank(input);
  const rows = (value: ValueId): ValueId =>
    b.op('Reshape', [value, b.list([0, b.int(op, 'num_groups', 1), -1])]);
  const normal = normalize(b, rows(input), input, [2], b.float(op, 'epsilon', EPSILON));
  // Before opset 21, scale and bias are of groups, not of channels.
  const ofGroups = b.opset < 21;
  const [given, centred, axes] = ofGroups
    ? [rows(dy[0]!), normal.centred, [0, 2]]
    : [dy[0]!, b.reshapeLike(normal.centred, input), otherAxes(rank)];
  const factor = asChannels(b, scale, ofGroups ? 3 : rank);
  const scaled = b.mul(given, factor);
  const toInput = through(b, normal, ofGroups ? scaled : rows(scaled), [2]);
  return [
    step.wants(0) ? b.reshapeLike(toInput, input) : undefined,
    step.wants(1) ? b.sum(b.mul(given, centred), axes) : undefined,
    step.wants(2) ? b.sum(given, axes) : undefined,
  ];
};

/** Divided by the deviation plus a billionth. */
const meanVariance: Rule = ({ b, op, x: [x], dy }) => {
  const axes = b.ints(op, 'axes') ?? [0, 2, 3];
  const centre = b.sub(x!, mean(b, x!, axes));
  const variance = mean(b, b.mul(centre, centre), axes);
  // Where all are equal, they stay at their mean; the square root would have no slope that its own gradient can use.
  const still = b.op('Equal', [variance, b.scalar(0, x!)]);
  const deviation = b.op('Sqrt', [b.where(still, b.scalar(1, x!), variance)]);
  const least = b.scalar(1e-9, x!);
  const divisor = b.where(still, least, b.add(deviation, least));
  const slope = b.div(mean(b, b.mul(dy[0]!, centre), axes), b.mul(deviation, divisor));
  return [b.div(b.sub(b.sub(dy[0]!, mean(b, dy[0]!, axes)), b.mul(centre, slope)), divisor)];
};

/** Sums of squares over a window of channels, as an average pool over them. */
const localResponse: Rule = ({ b, op, x: [x], y, dy }) => {
  const size = b.int(op, 'size', 1);
  const [alpha, beta, bias] = [b.float(op, 'alpha', 1e-4), b.float(op, 'beta', 0.75), b.float(op, 'bias', 1)];
  const rank = b.rank(x!);
  // [N, C, …] with the channels last, padded, and summed over a window.
  const before = Math.floor((size - 1) / 2);
  const around = (value: ValueId, begin: number): ValueId => {
    const pads = new Array<number>(2 * rank).fill(0);
    pads[1] = begin;
    pads[1 + rank] = size - 1 - begin;
    const padded = b.op('Pad', [value, b.list(pads)]);
    const channels = b.op('Shape', [x!], int('start', 1), int('end', 2));
    const parts = Array.from({ length: size }, (_, from) =>
      b.op('Slice', [padded, b.list([from]), b.add(channels, b.list([from])), b.list([1])]),
    );
    return parts.length === 1 ? parts[0]! : b.op('Sum', parts);
  };
  const rate = b.scalar(alpha / size, x!);
  const base = b.add(b.scalar(bias, x!), b.mul(rate, around(b.mul(x!, x!), before)));
  const direct = b.mul(dy[0]!, b.op('Pow', [base, b.scalar(-beta, x!)]));
  const shared = around(b.div(b.mul(dy[0]!, y[0]!), base), size - 1 - before);
  return [b.sub(direct, b.mul(b.mul(b.scalar((2 * alpha * beta) / size, x!), x!), shared))];
};

export const normalizations: Rules = {
  BatchNormalization: batch,
  LayerNormalization: layer,
  RMSNormalization: rootMeanSquare,
  InstanceNormalization: instance,
  GroupNormalization: group,
  MeanVarianceNormalization: meanVariance,
  LRN: localResponse,
};
