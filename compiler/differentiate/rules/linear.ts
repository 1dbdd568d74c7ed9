// Products of matrices.

import type { Dim, ValueId } from '../../../ir/index.ts';
import { type Builder, float, int, string } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';

const flags = (alpha: number, transA: boolean, transB: boolean) => [
  float('alpha', alpha),
  int('transA', transA ? 1 : 0),
  int('transB', transB ? 1 : 0),
];

const gemm: Rule = (step) => {
  const { b, op, x, y, dy } = step;
  const [a, w, c] = x as [ValueId, ValueId, ValueId | undefined];
  const { base: given, factor } = b.unscaled(dy[0]!);
  const [transA, transB] = [b.int(op, 'transA', 0) !== 0, b.int(op, 'transB', 0) !== 0];
  const alpha = b.float(op, 'alpha', 1) * factor;
  const product = (left: ValueId, right: ValueId, ta: boolean, tb: boolean): ValueId =>
    b.op('Gemm', [left, right], ...flags(alpha, ta, tb));
  const da = () => (transA ? product(w, given, transB, true) : product(given, w, false, !transB));
  const dw = () => (transB ? product(given, a, true, transA) : product(a, given, !transA, false));
  const dc = (): ValueId => {
    const beta = b.float(op, 'beta', 1);
    return b.unbroadcast(beta === 1 ? dy[0]! : b.mul(dy[0]!, b.scalar(beta, a)), c!, y[0]!);
  };
  return [
    step.wants(0) ? da() : undefined,
    step.wants(1) ? dw() : undefined,
    c && step.wants(2) ? dc() : undefined,
  ];
};

const swapLast = (b: Builder, value: ValueId, rank: number): ValueId =>
  b.transpose(
    value,
    Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );

const matmul: Rule = (step) => {
  const { b, x, dy } = step;
  const [left, right] = x as [ValueId, ValueId];
  const [rankL, rankR] = [b.rank(left), b.rank(right)];
  if (rankL === 2 && rankR === 2) {
    const { base, factor } = b.unscaled(dy[0]!);
    return [
      step.wants(0) ? b.op('Gemm', [base, right], ...flags(factor, false, true)) : undefined,
      step.wants(1) ? b.op('Gemm', [left, base], ...flags(factor, true, false)) : undefined,
    ];
  }
  const contracted = byContraction(step);
  if (contracted !== undefined) return contracted;
  // Vectors become matrices of one row, or of one column.
  const [first, last] = [b.list([-2]), b.list([-1])];
  const l = rankL === 1 ? b.op('Unsqueeze', [left, b.list([0])]) : left;
  const r = rankR === 1 ? b.op('Unsqueeze', [right, b.list([1])]) : right;
  let given = dy[0]!;
  if (rankR === 1) given = b.op('Unsqueeze', [given, last]);
  if (rankL === 1) given = b.op('Unsqueeze', [given, first]);
  const [ranksL, ranksR] = [Math.max(rankL, 2), Math.max(rankR, 2)];
  const batched = Math.max(ranksL, ranksR);
  const back = (value: ValueId, operand: ValueId, own: number): ValueId => {
    const dims = b.dims(operand);
    // With the same batch, nothing was repeated.
    const batch = dims.slice(0, -2);
    const others = b.dims(operand === left ? right : left).slice(0, -2);
    const lead = batch.length - others.length;
    const opposite = (axis: number): Dim => (axis < lead ? 1 : others[axis - lead]!);
    const same =
      own === batched &&
      batch.every((dim, axis) =>
        typeof dim === 'number' && dim !== 1 ? true : dim !== null && dim === opposite(axis),
      );
    if (same || batched === 2) return dims.length === 1 ? b.reshapeLike(value, operand) : value;
    return b.unbroadcastTo(value, paddedShape(b, operand, dims.length), batched - own);
  };
  const paddedShape = (builder: Builder, operand: ValueId, rank: number): ValueId => {
    const shape = builder.shapeOf(operand);
    if (rank > 1) return shape;
    const one = builder.list([1]);
    return builder.op('Concat', operand === left ? [one, shape] : [shape, one], int('axis', 0));
  };
  const finish = (value: ValueId, operand: ValueId, own: number): ValueId => {
    const matrix = back(value, operand, own);
    return b.rank(operand) === 1 ? b.reshapeLike(matrix, operand) : matrix;
  };
  // A matrix for the whole batch: its gradient is one product of long matrices.
  const shared = ranksR === 2 && rankR === 2 && ranksL > 2;
  const dRight = (): ValueId => {
    if (!shared) return finish(b.op('MatMul', [swapLast(b, l, ranksL), given]), right, ranksR);
    const columns = (value: ValueId): ValueId => b.op('Flatten', [value], int('axis', -1));
    return b.op('Gemm', [columns(l), columns(given)], int('transA', 1));
  };
  return [
    step.wants(0) ? finish(b.op('MatMul', [given, swapLast(b, r, ranksR)]), left, ranksL) : undefined,
    step.wants(1) ? dRight() : undefined,
  ];
};

/** Letters of the axes before the last two. */
const BATCH = 'abcdefgh';

/** Where the operands have the same batch, or the right one none: each gradient is one op, whatever turned its parts. */
function byContraction(step: Step): readonly (ValueId | undefined)[] | undefined {
  const { b, x, dy } = step;
  const [left, right] = x as [ValueId, ValueId];
  const [from, to] = [b.dims(left), b.dims(right)];
  const count = from.length - 2;
  // Other element types have no Einsum on some backends.
  const isPlain = b.dtype(left) === 'float32' || b.dtype(left) === 'float64';
  if (!isPlain || count < 1 || count > BATCH.length || to.length < 2) return undefined;
  const isOne = to.length === 2;
  const isSame =
    to.length === from.length && from.slice(0, count).every((dim, axis) => dim !== null && dim === to[axis]);
  if (!isOne && !isSame) return undefined;
  const batch = BATCH.slice(0, count);
  const [a, w, y] = [`${batch}mk`, isOne ? 'kn' : `${batch}kn`, `${batch}mn`];
  const given = dy[0]!;
  return [
    step.wants(0) ? b.contract({ left: [given, y], right: [right, w], result: a }) : undefined,
    step.wants(1) ? b.contract({ left: [left, a], right: [given, y], result: w }) : undefined,
  ];
}

/** The product of the result's gradient with the other operands, under the operand's own letters. */
const einsum: Rule = (step) => {
  const { b, op, x } = step;
  const equation = b.string(op, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->') as [string, string | undefined];
  const operands = left.split(',');
  const count = (letters: string, one: string): number => letters.split(one).length - 1;
  const output =
    right ??
    [
      ...(left.includes(REST) ? [REST] : []),
      ...[...new Set(left.replace(/[^A-Za-z]/g, ''))].sort().filter((one) => count(left, one) === 1),
    ].join('');
  return x.map((_, index) => (step.wants(index) ? ofOperand(step, operands, output, index) : undefined));
};

/** All axes that have no letter. */
const REST = '...';
const lettersOf = (subscript: string): string => subscript.replaceAll(REST, '');

function ofOperand(
  { b, x, dy }: Parameters<Rule>[0],
  operands: readonly string[],
  output: string,
  index: number,
): ValueId {
  const [own, operand] = [operands[index]!, x[index]!];
  const letters = [...new Set(lettersOf(own))];
  const sources = [output, ...operands.filter((_, other) => other !== index)];
  const values = [dy[0]!, ...x.filter((_, other) => other !== index)];
  // What is summed over and stands nowhere else was repeated: it comes from a one for each.
  const given = sources.join('');
  const lost = letters.filter((one) => !given.includes(one));
  const losesRest = own.includes(REST) && !given.includes(REST);
  if (lost.length > 0 || losesRest) {
    sources.push((losesRest ? REST : '') + lost.join(''));
    const shape = axesOf(b, own, operand, lost, losesRest);
    values.push(b.op('Expand', [b.scalar(1, operand), shape]));
  }
  const repeats = letters.length !== lettersOf(own).length;
  const ranks = operands.map((one, at) => (one.includes(REST) ? restOf(b, one, x[at]!) : 0));
  const widest = Math.max(...ranks);
  const isBroadcast =
    own.includes(REST) && operands.some((one, at) => !sameRest(b, one, x[at]!, own, operand, widest));
  if (!repeats && !isBroadcast)
    return b.op('Einsum', values, string('equation', `${sources.join(',')}->${own}`));
  const compact = (own.includes(REST) ? REST : '') + letters.join('');
  let gradient = b.op('Einsum', values, string('equation', `${sources.join(',')}->${compact}`));
  if (isBroadcast && !losesRest)
    gradient = b.unbroadcastTo(gradient, axesOf(b, own, operand, letters, true), widest - ranks[index]!);
  if (own === compact) return gradient;
  return onDiagonals(b, gradient, compact, own, operand);
}

/** How many axes have no letter. */
const restOf = (b: Builder, subscript: string, operand: ValueId): number =>
  b.rank(operand) - lettersOf(subscript).length;

/** Whether two operands are known to have the same sizes where there are no letters, as many as there are at most. */
function sameRest(
  b: Builder,
  other: string,
  value: ValueId,
  own: string,
  operand: ValueId,
  widest: number,
): boolean {
  if (!other.includes(REST)) return true;
  const rest = (subscript: string, of: ValueId): readonly Dim[] =>
    b.dims(of).slice(subscript.indexOf(REST), subscript.indexOf(REST) + restOf(b, subscript, of));
  const [mine, theirs] = [rest(own, operand), rest(other, value)];
  if (mine.length !== widest) return false;
  return mine.every((dim, axis) => {
    const their = theirs[axis - widest + theirs.length] ?? 1;
    return their === 1 || (dim !== null && dim === their);
  });
}

/** The sizes of the axes without letters, if asked for, and of those with some of the letters. */
function axesOf(
  b: Builder,
  own: string,
  operand: ValueId,
  letters: readonly string[],
  rest: boolean,
): ValueId {
  const start = own.includes(REST) ? own.indexOf(REST) : own.length;
  const count = restOf(b, own, operand);
  const axes = rest ? Array.from({ length: count }, (_, at) => start + at) : [];
  for (const one of letters) {
    const at = lettersOf(own).indexOf(one);
    axes.push(at < start ? at : at + count);
  }
  return b.op('Gather', [b.shapeOf(operand), b.list(axes)]);
}

/** Spread over all axes of the operand, in its order: where axes of one letter differ, nothing was read. */
function onDiagonals(b: Builder, gradient: ValueId, compact: string, own: string, operand: ValueId): ValueId {
  const spare = [...'abcdefghijklmnopqrstuvwxyz'].filter((one) => !own.includes(one));
  const factors = [gradient];
  const parts = [compact];
  const seen = new Set<string>();
  const names = own.replace(/[A-Za-z]/g, (letter) => {
    if (!seen.has(letter)) {
      seen.add(letter);
      return letter;
    }
    const name = spare.shift()!;
    const size = b.op('Squeeze', [axesOf(b, own, operand, [letter], false)]);
    const row = b.op('Range', [b.scalarOf(0, 'int64'), size, b.scalarOf(1, 'int64')]);
    const equal = b.op('Equal', [
      b.op('Unsqueeze', [row, b.list([1])]),
      b.op('Unsqueeze', [row, b.list([0])]),
    ]);
    factors.push(b.cast(equal, b.dtype(operand)));
    parts.push(letter + name);
    return name;
  });
  return b.op('Einsum', factors, string('equation', `${parts.join(',')}->${names}`));
}

export const linear: Rules = { Gemm: gemm, MatMul: matmul, Einsum: einsum };
