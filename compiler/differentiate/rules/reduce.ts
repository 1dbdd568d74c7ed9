// Operators that reduce over axes, and what normalises over them.

import type { ValueId } from '../../../ir/index.ts';
import { type Builder, int } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';

/** What a reduction left out, put back as axes of size 1. */
function restore({ b, op, x }: Step, value: ValueId): ValueId {
  // One number, known by now, broadcasts as it is.
  if (b.int(op, 'keepdims', 1) !== 0 || b.number(value) !== undefined) return value;
  const ones = (): ValueId => b.list(new Array(b.rank(x[0]!)).fill(1));
  if (!x[1]) return b.op('Reshape', [value, ones()]);
  // None may mean all of them; unless there are some, that is only known when it runs.
  const axes = b.numbers(x[1]);
  if (axes !== undefined && axes.length > 0) return b.op('Unsqueeze', [value, x[1]]);
  if (axes !== undefined) return isNoop({ b, op, x }) ? value : b.op('Reshape', [value, ones()]);
  // As the op itself reduces ones of the input's shape: the shape of what it would keep.
  const kept = op.attributes.filter(({ name }) => name !== 'keepdims');
  const shape = b.shape(
    b.op(
      'ReduceMax',
      [b.op('Expand', [b.scalar(1, x[0]!), b.shapeOf(x[0]!)]), x[1]],
      ...kept,
      int('keepdims', 1),
    ),
  );
  return b.reshape(value, shape);
}

/** Whether it reduces nothing: no axes are given, and that is said to mean none. */
const isNoop = ({ b, op, x }: Pick<Step, 'b' | 'op' | 'x'>): boolean =>
  b.int(op, 'noop_with_empty_axes', 0) !== 0 && (!x[1] || b.numbers(x[1])?.length === 0);

/** The gradient from that of the result and the result itself, both of which have the input's rank. */
const reduction =
  (rule: (step: Step, dy: ValueId, y: ValueId) => ValueId): Rule =>
  (step) => {
    const dy = isNoop(step) ? step.dy[0]! : restore(step, step.dy[0]!);
    return [rule(step, dy, isNoop(step) ? step.y[0]! : restore(step, step.y[0]!))];
  };

/** How many elements each result was made from. */
function countOf({ b, x, y }: Step): ValueId {
  const [from, to] = [b.sizes(x[0]!), b.sizes(y[0]!)];
  const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);
  if (from !== undefined && to !== undefined && product(to) > 0)
    return b.scalar(product(from) / product(to), x[0]!);
  return b.div(b.sizeOf(x[0]!, x[0]!), b.sizeOf(y[0]!, x[0]!));
}

/** Sums over the axes that the op reduces, keeping them as 1. */
const sumLike = (step: Step, value: ValueId): ValueId => keeping(step, 'ReduceSum', value);

const keeping = ({ b, op, x }: Step, type: string, value: ValueId): ValueId =>
  b.op(
    type,
    x[1] ? [value, x[1]] : [value],
    ...op.attributes.filter(({ name }) => name === 'noop_with_empty_axes'),
    int('keepdims', 1),
  );

const extreme = reduction((step, dy, y) => {
  const { b, x } = step;
  const mask = b.cast(b.op('Equal', [x[0]!, y]), b.dtype(x[0]!));
  return b.mul(b.div(dy, sumLike(step, mask)), mask);
});

/** The product of the others, where at most one factor is zero. */
const product = reduction((step, dy) => {
  const { b, x } = step;
  const [zero, one] = [b.scalar(0, x[0]!), b.scalar(1, x[0]!)];
  const isZero = b.op('Equal', [x[0]!, zero]);
  const mark = b.cast(isZero, b.dtype(x[0]!));
  const zeros = sumLike(step, mark);
  const others = b.where(isZero, one, x[0]!);
  const rest = b.div(keeping(step, 'ReduceProd', others), others);
  const share = b.where(b.op('Equal', [zeros, zero]), one, b.where(b.op('Equal', [zeros, one]), mark, zero));
  return b.mul(b.mul(dy, rest), share);
});

const spread = ({ b, x }: Step, dy: ValueId): ValueId => b.op('Expand', [dy, b.shapeOf(x[0]!)]);

const softmax: Rule = ({ b, op, x, y, dy }) => {
  const axis = b.axis(op, x[0]!, -1);
  const weighted = b.mul(dy[0]!, y[0]!);
  return [b.sub(weighted, b.mul(y[0]!, b.sum(weighted, [axis], true)))];
};

const logSoftmax: Rule = ({ b, op, x, y, dy }) => {
  const axis = b.axis(op, x[0]!, -1);
  return [b.sub(dy[0]!, b.mul(b.op('Exp', [y[0]!]), b.sum(dy[0]!, [axis], true)))];
};

const lpNormalization: Rule = ({ b, op, x: [x], y, dy }) => {
  const axis = b.axis(op, x!, -1);
  const p = b.int(op, 'p', 2);
  // y = x / n. Where n is zero, so is y, and no gradient passes.
  const slope = p === 1 ? b.op('Sign', [x!]) : y[0]!;
  const norm = b.op(p === 1 ? 'ReduceL1' : 'ReduceL2', [x!, b.list([axis])], int('keepdims', 1));
  const inner = b.sum(b.mul(dy[0]!, y[0]!), [axis], true);
  const gradient = b.div(b.sub(dy[0]!, b.mul(slope, inner)), norm);
  const zero = b.scalar(0, x!);
  return [b.where(b.op('Equal', [norm, zero]), zero, gradient)];
};

const cumulative: Rule = ({ b, op, x, dy }) => [
  b.op(
    'CumSum',
    [dy[0]!, x[1]!],
    int('exclusive', b.int(op, 'exclusive', 0)),
    int('reverse', 1 - b.int(op, 'reverse', 0)),
  ),
];

const globalPool =
  (rule: (b: Builder, x: ValueId, y: ValueId, dy: ValueId) => ValueId): Rule =>
  ({ b, x, y, dy }) => [rule(b, x[0]!, y[0]!, dy[0]!)];

/** Elements of a constant that is not worth sparing. */
const LARGEST_SHARES = 1 << 12;

const spatial = (b: Builder, x: ValueId): number[] =>
  Array.from({ length: b.rank(x) - 2 }, (_, axis) => axis + 2);

/** (Σ |x|ᵖ)^(1/p) */
const globalLpPool: Rule = ({ b, op, x: [x], y, dy }) => {
  const p = b.int(op, 'p', 2);
  const power = (value: ValueId, exponent: number): ValueId => b.op('Pow', [value, b.scalar(exponent, x!)]);
  const zero = b.scalar(0, x!);
  const share = b.where(b.op('Equal', [y[0]!, zero]), zero, b.mul(dy[0]!, power(y[0]!, 1 - p)));
  return [b.mul(share, b.mul(b.op('Sign', [x!]), power(b.op('Abs', [x!]), p - 1)))];
};

export const reductions: Rules = {
  ReduceSum: reduction(spread),
  ReduceMean: reduction((step, dy) => spread(step, step.b.div(dy, countOf(step)))),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceProd: product,
  ReduceL1: reduction(({ b, x }, dy) => b.mul(dy, b.op('Sign', [x[0]!]))),
  ReduceL2: reduction(({ b, x }, dy, y) => {
    const zero = b.scalar(0, x[0]!);
    const slope = b.mul(dy, b.div(x[0]!, y));
    return b.where(b.op('Equal', [y, zero]), zero, slope);
  }),
  ReduceSumSquare: reduction(({ b, x }, dy) => b.mul(dy, b.mul(b.scalar(2, x[0]!), x[0]!))),
  ReduceLogSum: reduction((step, dy, y) => spread(step, step.b.div(dy, step.b.op('Exp', [y])))),
  ReduceLogSumExp: reduction(({ b, x }, dy, y) => b.mul(dy, b.op('Exp', [b.sub(x[0]!, y)]))),
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LpNormalization: lpNormalization,
  CumSum: cumulative,
  GlobalAveragePool: globalPool((b, x, y, dy) => {
    const sizes = b.sizes(x)?.slice(2);
    const area = sizes?.reduce((count, size) => count * size, 1) ?? Number.POSITIVE_INFINITY;
    // A share for each place: it spreads what it divides.
    if (sizes !== undefined && area <= LARGEST_SHARES)
      return b.mul(dy, b.full(1 / area, [1, 1, ...sizes], x));
    const count = b.div(b.sizeOf(x, x), b.sizeOf(y, x));
    return b.op('Expand', [b.div(dy, count), b.shapeOf(x)]);
  }),
  GlobalLpPool: globalLpPool,
  GlobalMaxPool: globalPool((b, x, y, dy) => {
    const mask = b.cast(b.op('Equal', [x, y]), b.dtype(x));
    return b.mul(b.div(dy, b.sum(mask, spatial(b, x), true)), mask);
  }),
};
