// Reductions over axes, and positions of extremes. Sums of floats are taken in float64.

import { Invalid, kernels, type OpContext, since, Unsupported } from '../kernel.ts';
import { fromRows, rowsOf } from '../loops/rows.ts';
import { axesOf, axisOf, numbersOf } from '../loops/shape.ts';
import { allocate, type Data, familyOf, type NdArray, ndarray, settled, sizeOf } from '../value.ts';

type NumberRow = (x: ArrayLike<number>, at: number, count: number) => number;
type BigRow = (x: ArrayLike<bigint>, at: number, count: number) => bigint;
interface Reduction {
  readonly number: NumberRow;
  readonly big?: BigRow;
  /** Whether it makes sense for bool too. */
  readonly bool?: boolean;
}

const total: NumberRow = (x, at, count) => {
  let sum = 0;
  for (let n = at; n < at + count; n++) sum += x[n]!;
  return sum;
};
const totalBig: BigRow = (x, at, count) => {
  let sum = 0n;
  for (let n = at; n < at + count; n++) sum += x[n]!;
  return sum;
};
const totalOf =
  (f: (x: number) => number): NumberRow =>
  (x, at, count) => {
    let sum = 0;
    for (let n = at; n < at + count; n++) sum += f(x[n]!);
    return sum;
  };
const totalOfBig =
  (f: (x: bigint) => bigint): BigRow =>
  (x, at, count) => {
    let sum = 0n;
    for (let n = at; n < at + count; n++) sum += f(x[n]!);
    return sum;
  };
const extreme = (start: number, better: (a: number, b: number) => boolean): NumberRow => {
  return (x, at, count) => {
    let best = start;
    for (let n = at; n < at + count; n++) {
      const value = x[n]!;
      if (better(value, best) || Number.isNaN(value)) best = value;
      if (Number.isNaN(best)) return best;
    }
    return best;
  };
};
const extremeBig =
  (better: (a: bigint, b: bigint) => boolean): BigRow =>
  (x, at, count) => {
    let best = x[at]!;
    for (let n = at + 1; n < at + count; n++) if (better(x[n]!, best)) best = x[n]!;
    return best;
  };
const square = totalOf((x) => x * x);
const squareBig = totalOfBig((x) => x * x);
const greatest = extreme(Number.NEGATIVE_INFINITY, (a, b) => a > b);

/** Without the greatest element taken out first, e^x would overflow. */
const logSumExp: NumberRow = (x, at, count) => {
  const most = greatest(x, at, count);
  if (!Number.isFinite(most)) return most;
  let sum = 0;
  for (let n = at; n < at + count; n++) sum += Math.exp(x[n]! - most);
  return Math.log(sum) + most;
};

const sum: Reduction = { number: total, big: totalBig };
const viaFloat = (f: NumberRow): Reduction => ({
  number: f,
  big: (x, at, count) =>
    BigInt(
      Math.trunc(
        f(
          Array.from({ length: count }, (_, n) => Number(x[at + n])),
          0,
          count,
        ),
      ),
    ),
});

/** The least value of a type (`low`), or the greatest: what an empty extreme gives. */
function bound(dtype: NdArray['dtype'], low: boolean): number | bigint {
  const family = familyOf(dtype);
  if (family === 'float') return low ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (family === 'bool') return low ? 0 : 1;
  const signed = dtype.startsWith('int');
  const bits = Number(/\d+$/.exec(dtype)![0]);
  const value = low ? (signed ? -(2n ** BigInt(bits - 1)) : 0n) : 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  return family === 'bigint' ? value : Number(value);
}

function reduce(op: OpContext, x: NdArray, given: readonly number[] | undefined, how: Reduction): NdArray {
  if (given?.length === 0 && op.int('noop_with_empty_axes', 0) === 1 && op.opset >= 13)
    return eachAlone(x, how);
  const axes =
    given === undefined || given.length === 0 ? x.dims.map((_, axis) => axis) : axesOf(given, x.dims.length);
  const keep = op.int('keepdims', 1) === 1;
  const dims = x.dims.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  const rows = rowsOf(x, axes);
  return reduceRows(x, rows.data, rows.count, rows.length, dims, how, op.type);
}

/** No axes at all: every element is reduced alone. */
const eachAlone = (x: NdArray, how: Reduction): NdArray =>
  reduceRows(x, x.data, x.data.length, 1, x.dims, how, '');

function reduceRows(
  { dtype }: NdArray,
  data: Data,
  count: number,
  length: number,
  dims: readonly number[],
  how: Reduction,
  type: string,
): NdArray {
  const family = familyOf(dtype);
  if (family === 'string' || family === 'complex' || (family === 'bool' && how.bool !== true))
    throw new Unsupported(dtype);
  const out = allocate(dtype, count);
  if (length === 0 && how.bool === true)
    (out as Float32Array).fill(bound(dtype, type === 'ReduceMax') as number);
  else if (family === 'bigint') {
    if (how.big === undefined) throw new Unsupported(dtype);
    for (let row = 0; row < count; row++) out[row] = how.big(data as BigInt64Array, row * length, length);
  } else {
    for (let row = 0; row < count; row++) out[row] = how.number(data as Float32Array, row * length, length);
  }
  return settled(dtype, dims, out);
}

const byAttribute = (how: Reduction) => (op: OpContext, x: NdArray) => reduce(op, x, op.ints('axes'), how);
const byInput =
  (how: Reduction) =>
  (op: OpContext, x: NdArray, axes?: NdArray): NdArray =>
    reduce(
      op,
      x,
      axes === undefined ? (op.int('noop_with_empty_axes', 0) === 1 ? [] : undefined) : numbersOf(axes),
      how,
    );
const reduction = (how: Reduction, inputsSince = 18) =>
  since([1, byAttribute(how)], [inputsSince, byInput(how)]);

/** Index of the extreme along an axis, the first or the last of equal ones. */
const position =
  (better: (a: number | bigint, b: number | bigint) => boolean) =>
  (op: OpContext, x: NdArray): NdArray => {
    const axis = axisOf(op.int('axis', 0), x.dims.length);
    const keep = op.int('keepdims', 1) === 1;
    const last = op.int('select_last_index', 0) === 1;
    const { data, count, length } = rowsOf(x, [axis]);
    if (length === 0) throw new Invalid('the axis is empty');
    if (Array.isArray(data)) throw new Unsupported(x.dtype);
    const out = new BigInt64Array(count);
    for (let row = 0; row < count; row++) {
      let best = 0;
      for (let n = 1; n < length; n++) {
        const [a, b] = [data[row * length + n]!, data[row * length + best]!];
        if (better(a, b) || (last && a === b)) best = n;
      }
      out[row] = BigInt(best);
    }
    return ndarray(
      'int64',
      x.dims.flatMap((dim, at) => (at === axis ? (keep ? [1] : []) : [dim])),
      out,
    );
  };

function cumulative(op: OpContext, x: NdArray, axis: NdArray, product: boolean): NdArray {
  const { data, count, length, order } = rowsOf(x, [axisOf(numbersOf(axis)[0]!, x.dims.length)]);
  if (Array.isArray(data)) throw new Unsupported(x.dtype);
  const [reverse, exclusive] = [op.int('reverse', 0) === 1, op.int('exclusive', 0) === 1];
  const out = allocate(x.dtype, data.length);
  const big = familyOf(x.dtype) === 'bigint';
  for (let row = 0; row < count; row++) {
    let held: number | bigint = big ? (product ? 1n : 0n) : product ? 1 : 0;
    for (let n = 0; n < length; n++) {
      const at = row * length + (reverse ? length - 1 - n : n);
      const next: number | bigint = product
        ? big
          ? BigInt.asIntN(64, (held as bigint) * (data[at] as bigint))
          : (held as number) * (data[at] as number)
        : big
          ? (held as bigint) + (data[at] as bigint)
          : (held as number) + (data[at] as number);
      out[at] = exclusive ? held : next;
      held = next;
    }
  }
  return fromRows(settled(x.dtype, x.dims, out), order, x.dims);
}

function topK(op: OpContext, x: NdArray, k: number): readonly NdArray[] {
  const axis = axisOf(op.int('axis', -1), x.dims.length);
  const largest = op.int('largest', 1) === 1;
  const { data, count, length, order } = rowsOf(x, [axis]);
  if (k > length) throw new Invalid(`the top ${k} of ${length}`);
  const dims = x.dims.map((dim, at) => (at === axis ? k : dim));
  const values = allocate(x.dtype, sizeOf(dims));
  const indices = new BigInt64Array(values.length);
  // NaN counts as the greatest.
  const nan = (one: unknown): boolean => Number.isNaN(one);
  const before = (a: never, b: never): boolean =>
    largest ? a > b || (nan(a) && !nan(b)) : a < b || (nan(b) && !nan(a));
  for (let row = 0; row < count; row++) {
    const at = row * length;
    const ranked = Array.from({ length }, (_, n) => n).sort((a, b) => {
      const [x1, x2] = [data[at + a] as never, data[at + b] as never];
      return before(x1, x2) ? -1 : before(x2, x1) ? 1 : a - b;
    });
    for (let n = 0; n < k; n++) {
      values[row * k + n] = data[at + ranked[n]!]!;
      indices[row * k + n] = BigInt(ranked[n]!);
    }
  }
  return [
    fromRows(ndarray(x.dtype, dims, values), order, dims),
    fromRows(ndarray('int64', dims, indices), order, dims),
  ];
}

export const reductions = kernels('', {
  ReduceSum: reduction(sum, 13),
  ReduceMean: reduction(viaFloat((x, at, count) => total(x, at, count) / count)),
  ReduceProd: reduction({
    number(x, at, count) {
      let product = 1;
      for (let n = at; n < at + count; n++) product *= x[n]!;
      return product;
    },
    big(x, at, count) {
      let product = 1n;
      for (let n = at; n < at + count; n++) product = BigInt.asUintN(64, product * x[n]!);
      return product;
    },
  }),
  ReduceMax: reduction({ number: greatest, big: extremeBig((a, b) => a > b), bool: true }),
  ReduceMin: reduction({
    number: extreme(Number.POSITIVE_INFINITY, (a, b) => a < b),
    big: extremeBig((a, b) => a < b),
    bool: true,
  }),
  ReduceL1: reduction({ number: totalOf(Math.abs), big: totalOfBig((x) => (x < 0n ? -x : x)) }),
  ReduceL2: reduction(viaFloat((x, at, count) => Math.sqrt(square(x, at, count)))),
  ReduceSumSquare: reduction({ number: square, big: squareBig }),
  ReduceLogSum: reduction(viaFloat((x, at, count) => Math.log(total(x, at, count)))),
  ReduceLogSumExp: reduction(viaFloat(logSumExp)),
  ArgMax: position((a, b) => a > b),
  ArgMin: position((a, b) => a < b),
  CumSum: (op: OpContext, x: NdArray, axis: NdArray) => cumulative(op, x, axis, false),
  CumProd: (op: OpContext, x: NdArray, axis: NdArray) => cumulative(op, x, axis, true),
  TopK: since(
    [1, (op: OpContext, x: NdArray) => topK(op, x, op.int('k', 1))],
    [10, (op: OpContext, x: NdArray, k: NdArray) => topK(op, x, numbersOf(k)[0]!)],
  ),
});
