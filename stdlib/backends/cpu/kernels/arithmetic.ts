// Functions of two elements, with broadcasting: arithmetic, comparison, logic, bits.

import { kernels, type OpContext, since } from '../kernel.ts';
import { type Binary, binary, unary } from '../loops/elementwise.ts';
import { addRow, divideRow, multiplyRow, subtractRow } from '../loops/float32.ts';
import { broadcastDims, broadcastStrides } from '../loops/shape.ts';
import { gatherStrided } from '../loops/strided.ts';
import { allocate, familyOf, type NdArray, ndarray, settled } from '../value.ts';

const arithmetic = (scalars: Binary) => (_: OpContext, a: NdArray, b: NdArray) => binary(a, b, scalars);
const comparison = (scalars: Binary) => (_: OpContext, a: NdArray, b: NdArray) =>
  binary(a, b, scalars, 'bool');
/** Any number of inputs, from the left. */
const folded =
  (scalars: Binary) =>
  (_: OpContext, first: NdArray, ...rest: NdArray[]) =>
    rest.reduce((sum, one) => binary(sum, one, scalars), first);

const add: Binary = {
  float32: addRow,
  float: (a, b) => a + b,
  int: (a, b) => a + b,
  bigint: (a, b) => a + b,
};
const less = (a: number, b: number): boolean => a < b;
const more = (a: number, b: number): boolean => a > b;
const atMost = (a: number, b: number): boolean => a <= b;
const atLeast = (a: number, b: number): boolean => a >= b;
const same = (a: unknown, b: unknown): boolean => a === b;
/** JavaScript compares bigints by the same operators. */
const ordered = (f: (a: number, b: number) => boolean): Binary => ({
  float: f,
  int: f,
  bigint: f as never,
  string: f as never,
});

/** NaN wins. Bigints too, which JavaScript compares by the same operators. */
export const greater = (a: number, b: number): number => (a > b || Number.isNaN(a) ? a : b);
export const smaller = (a: number, b: number): number => (a < b || Number.isNaN(a) ? a : b);
const extreme = (f: (a: number, b: number) => number): Binary => ({ float: f, int: f, bigint: f as never });

/** The remainder with the divisor's sign, as Python has it, or the dividend's (fmod). */
function mod(op: OpContext, a: NdArray, b: NdArray): NdArray {
  if (op.int('fmod', 0) === 1) {
    return binary(a, b, {
      float: (x, y) => x % y,
      int: (x, y) => (y === 0 ? 0 : x % y),
      bigint: (x, y) => (y === 0n ? 0n : x % y),
    });
  }
  const floored = (x: number, y: number): number => {
    const rest = x % y;
    return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
  };
  return binary(a, b, {
    float: floored,
    int: (x, y) => (y === 0 ? 0 : floored(x, y)),
    bigint(x, y) {
      if (y === 0n) return 0n;
      const rest = x % y;
      return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
    },
  });
}

/** The exponent may have another type. Whole powers of whole numbers wrap; negative ones are cut to 0. */
function pow(_: OpContext, a: NdArray, b: NdArray): NdArray {
  const wide = a.dtype === 'int64' || a.dtype === 'uint64';
  if (wide && !b.dtype.startsWith('float') && b.dtype !== 'bfloat16') {
    return binary(a, converted(b, a.dtype), {
      bigint: (x, y) => (y < 0n ? (x === 1n ? 1n : x === -1n ? (y % 2n ? -1n : 1n) : 0n) : powerModulo(x, y)),
    });
  }
  // By far the most common power, and exact to the last bit.
  if (
    familyOf(a.dtype) === 'float' &&
    b.data.length === 1 &&
    Number(b.data[0]) === 2 &&
    b.dims.length <= a.dims.length
  )
    return unary(a, { float: (base) => base * base });
  const x = converted(a, 'float64');
  const result = binary(x, converted(b, 'float64'), { float: (base, power) => base ** power });
  return converted(result, a.dtype);
}

/** x^y of 64 bits. */
function powerModulo(x: bigint, y: bigint): bigint {
  let result = 1n;
  let square = x;
  for (let rest = y; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asUintN(64, result * square);
    square = BigInt.asUintN(64, square * square);
  }
  return result;
}

/** Numbers of another type, by value; fractions are cut for whole ones. */
export function converted(x: NdArray, dtype: NdArray['dtype']): NdArray {
  if (x.dtype === dtype) return x;
  const out = allocate(dtype, x.data.length);
  const from = x.data as ArrayLike<number | bigint>;
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
    for (let at = 0; at < out.length; at++) {
      const value = from[at]!;
      out[at] = typeof value === 'bigint' ? value : BigInt(Number.isFinite(value) ? Math.trunc(value) : 0);
    }
  } else for (let at = 0; at < out.length; at++) out[at] = Number(from[at]);
  return settled(dtype, x.dims, out);
}

function bitShift(op: OpContext, a: NdArray, b: NdArray): NdArray {
  const bits = 8 * (a.data as Uint8Array).BYTES_PER_ELEMENT;
  const left = op.string('direction') === 'LEFT';
  return binary(a, b, {
    int: (x, y) => (y >= bits ? 0 : left ? x << y : x >>> y),
    bigint: (x, y) => (y >= 64n ? 0n : left ? x << y : x >> y),
  });
}

function where(_: OpContext, condition: NdArray, a: NdArray, b: NdArray): NdArray {
  const dims = broadcastDims(condition.dims, a.dims, b.dims);
  const full = (one: NdArray): NdArray => gatherStrided(one, dims, broadcastStrides(one.dims, dims));
  const [t, u, v] = [full(condition).data, full(a).data, full(b).data];
  const out = allocate(a.dtype, t.length) as unknown[];
  for (let at = 0; at < t.length; at++) out[at] = t[at] ? u[at] : v[at];
  return ndarray(a.dtype, dims, out as never);
}

/** The slope broadcasts to x, and only in that direction. */
const prelu = (_: OpContext, x: NdArray, slope: NdArray): NdArray =>
  binary(x, slope, {
    float: (a, s) => (a < 0 ? a * s : a),
    int: (a, s) => (a < 0 ? Math.imul(a, s) : a),
    bigint: (a, s) => (a < 0n ? a * s : a),
  });

const perChannel = (x: NdArray, slope: NdArray): NdArray =>
  ndarray(
    slope.dtype,
    slope.data.length === 1 ? [] : [slope.data.length, ...x.dims.slice(2).map(() => 1)],
    slope.data,
  );

function mean(op: OpContext, ...inputs: NdArray[]): NdArray {
  const sum = folded(add)(op, ...(inputs as [NdArray, ...NdArray[]]));
  return unary(sum, { float: (x) => x / inputs.length });
}

/** Before opset 7, b was aligned with an axis of a when `broadcast` said so. */
const aligned =
  (kernel: (op: OpContext, a: NdArray, b: NdArray) => NdArray) => (op: OpContext, a: NdArray, b: NdArray) => {
    const axis = op.int('axis') ?? a.dims.length - b.dims.length;
    const start = axis < 0 ? axis + a.dims.length : axis;
    const dims = [
      ...b.dims,
      ...new Array<number>(Math.max(0, a.dims.length - start - b.dims.length)).fill(1),
    ];
    return kernel(op, a, op.int('broadcast', 0) === 1 ? ndarray(b.dtype, dims, b.data) : b);
  };
const both = (kernel: (op: OpContext, a: NdArray, b: NdArray) => NdArray) =>
  since([1, aligned(kernel)], [7, kernel]);

export const pairwise = kernels('', {
  Add: both(arithmetic(add)),
  Sub: both(
    arithmetic({
      float32: subtractRow,
      float: (a, b) => a - b,
      int: (a, b) => a - b,
      bigint: (a, b) => a - b,
    }),
  ),
  Mul: both(
    arithmetic({ float32: multiplyRow, float: (a, b) => a * b, int: Math.imul, bigint: (a, b) => a * b }),
  ),
  // Whole numbers: towards zero; by zero gives 0, as numpy has it.
  Div: both(
    arithmetic({
      float32: divideRow,
      float: (a, b) => a / b,
      int: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
      bigint: (a, b) => (b === 0n ? 0n : a / b),
    }),
  ),
  Mod: mod,
  Pow: both(pow),
  PRelu: since(
    // Slopes were one per channel.
    [1, (op: OpContext, x: NdArray, slope: NdArray) => prelu(op, x, perChannel(x, slope))],
    [7, prelu],
  ),
  Sum: folded(add),
  Mean: mean,
  Max: folded(extreme(greater)),
  Min: folded(extreme(smaller)),
  Where: where,
  Equal: both(comparison({ float: same, int: same, bigint: same, bool: same, string: same })),
  Less: both(comparison(ordered(less))),
  Greater: both(comparison(ordered(more))),
  LessOrEqual: comparison(ordered(atMost)),
  GreaterOrEqual: comparison(ordered(atLeast)),
  And: both(arithmetic({ bool: (a, b) => a & b })),
  Or: both(arithmetic({ bool: (a, b) => a | b })),
  Xor: both(arithmetic({ bool: (a, b) => a ^ b })),
  BitwiseAnd: arithmetic({ int: (a, b) => a & b, bigint: (a, b) => a & b }),
  BitwiseOr: arithmetic({ int: (a, b) => a | b, bigint: (a, b) => a | b }),
  BitwiseXor: arithmetic({ int: (a, b) => a ^ b, bigint: (a, b) => a ^ b }),
  BitShift: bitShift,
});
