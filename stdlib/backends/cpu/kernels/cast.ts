// Between element types: Cast, CastLike, BitCast.

import { isNarrowFloat, roundNarrow } from '../../../../ir/narrow.ts';
import type { DType } from '../../../../ir/types.ts';
import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { allocate, familyOf, fromTensor, type NdArray, ndarray, settled, toTensor } from '../value.ts';
import { converted } from './arithmetic.ts';

interface Rounding {
  readonly saturate: boolean;
  /** Of float8e8m0. */
  readonly mode: string;
}

export function cast(x: NdArray, to: DType, rounding: Rounding): NdArray {
  if (x.dtype === to) return x;
  const [from, into] = [familyOf(x.dtype), familyOf(to)];
  if (from === 'complex' || into === 'complex') throw new Unsupported(from === 'complex' ? x.dtype : to);
  if (to === 'string') return ndarray(to, x.dims, Array.from(x.data as ArrayLike<unknown>, textOf(x.dtype)));
  if (x.dtype === 'string') return cast(parsed(x.data as string[], x.dims, into === 'bigint'), to, rounding);
  if (to === 'bool') {
    const truths = Uint8Array.from(x.data as ArrayLike<number>, (value) => (Number(value) === 0 ? 0 : 1));
    return ndarray(to, x.dims, truths);
  }
  if (into === 'int') return wholeNumbers(x, to);
  if (!isNarrowFloat(to)) return converted(x, to);
  const round = to === 'float8e8m0' ? powerOfTwo(rounding) : saturating(to, rounding.saturate);
  return ndarray(
    to,
    x.dims,
    Float32Array.from(x.data as ArrayLike<number>, (value) => round(Number(value))),
  );
}

/** Bigints lose their higher bits first; floats are cut towards zero. */
function wholeNumbers(x: NdArray, to: DType): NdArray {
  const out = allocate(to, x.data.length) as Int32Array;
  const { data } = x;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let at = 0; at < out.length; at++) out[at] = Number(BigInt.asIntN(32, data[at]!));
  } else for (let at = 0; at < out.length; at++) out[at] = data[at] as number;
  return settled(to, x.dims, out);
}

const saturating = (to: Parameters<typeof roundNarrow>[0], saturate: boolean) => {
  const float8 = to.startsWith('float8');
  return (value: number): number => roundNarrow(to, value, float8 && saturate);
};

/** float8e8m0 has powers of two from 2^-127 to 2^127. */
function powerOfTwo({ saturate, mode }: Rounding) {
  const [least, most] = [2 ** -127, 2 ** 127];
  return (value: number): number => {
    if (Number.isNaN(value)) return value;
    const size = Math.abs(value);
    let power = 2 ** Math.floor(Math.log2(size));
    if (power > size) power /= 2;
    if (power * 2 <= size) power *= 2;
    const up = mode === 'up' ? size > power : mode === 'down' ? false : size >= 1.5 * power;
    const rounded = up ? 2 * power : power;
    if (size > 0 && rounded >= least && rounded <= most) return rounded;
    if (!saturate) return Number.NaN;
    return size > 1 ? most : least;
  };
}

/** Text of numbers as numpy writes them: `1`, `0.5`, `1e-05`, `NaN`, `INF`. */
function textOf(dtype: DType): (value: unknown) => string {
  if (familyOf(dtype) !== 'float')
    return (value) => (dtype === 'bool' ? (value ? 'True' : 'False') : String(value));
  return (value) => {
    const number = value as number;
    if (Number.isNaN(number)) return 'NaN';
    if (!Number.isFinite(number)) return number > 0 ? 'INF' : '-INF';
    const text = shortest(number, dtype);
    return text;
  };
}

/** The fewest digits that give the same number in its type. */
function shortest(value: number, dtype: DType): string {
  if (dtype === 'float64') return String(value);
  const same = (text: string): boolean =>
    isNarrowFloat(dtype) ? roundNarrow(dtype, Number(text)) === value : Math.fround(Number(text)) === value;
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (same(text)) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

function parsed(texts: readonly string[], dims: readonly number[], exact: boolean): NdArray {
  if (exact && texts.every((text) => /^\s*[+-]?\d{1,20}\s*$/.test(text)))
    return ndarray(
      'int64',
      dims,
      BigInt64Array.from(texts, (text) => BigInt(text.trim().replace('+', ''))),
    );
  return ndarray('float64', dims, Float64Array.from(texts, numberOf));
}

function numberOf(text: string): number {
  const [, sign, rest] = /^\s*([+-]?)(.*?)\s*$/s.exec(text)!;
  const word = rest!.toLowerCase();
  if (word === 'nan') return Number.NaN;
  const size = word === 'inf' || word === 'infinity' ? Number.POSITIVE_INFINITY : Number(rest);
  if (rest === '' || Number.isNaN(size))
    throw new Invalid(`${JSON.stringify(text.slice(0, 50))} is no number`);
  return sign === '-' ? -size : size;
}

const roundingOf = (op: OpContext): Rounding => ({
  saturate: op.int('saturate', 1) === 1,
  mode: op.string('round_mode', 'up'),
});

function target(op: OpContext): DType {
  const dtype = op.dtype('to');
  if (dtype === undefined) throw new Invalid(`element type ${op.int('to')} is not known`);
  return dtype;
}

/** The same bits read as another type of the same size. */
function bitCast(op: OpContext, x: NdArray): NdArray {
  const to = target(op);
  const bytes = toTensor(x).bytes;
  return fromTensor({ dtype: to, dims: x.dims, bytes });
}

export const casting = kernels('', {
  Cast: (op: OpContext, x: NdArray) => cast(x, target(op), roundingOf(op)),
  CastLike: (op: OpContext, x: NdArray, like: NdArray) => cast(x, like.dtype, roundingOf(op)),
  BitCast: bitCast,
});
