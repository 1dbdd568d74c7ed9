// Numbers narrower than float32 as JavaScript numbers: bits to values, values to bits, and rounding to what a
// type can hold. Exact both ways; ties go to even.

import type { DType } from './types.ts';

interface NarrowFloat {
  readonly exponentBits: number;
  readonly fractionBits: number;
  readonly bias: number;
  readonly signed: boolean;
  /** Largest finite value. */
  readonly max: number;
  /** What ±infinity becomes, and what is beyond `max`: itself, NaN, or (float4e2m1) the largest. */
  readonly overflow: 'infinity' | 'nan' | 'max';
  /** Bits of NaN; undefined: there is none, and it becomes -0, as in ml_dtypes. */
  readonly nan?: number;
  /** Bits without sign from which all is infinity or NaN. */
  readonly special?: number;
  /** Whether -0 is +0, because its bits mean NaN. */
  readonly unsignedZero?: boolean;
}

const formats = {
  float16: f(5, 10, 15, 65504, 'infinity', { nan: 0x7e00, special: 0x7c00 }),
  bfloat16: f(8, 7, 127, (2 - 2 ** -7) * 2 ** 127, 'infinity', { nan: 0x7fc0, special: 0x7f80 }),
  float8e4m3fn: f(4, 3, 7, 448, 'nan', { nan: 0x7f, special: 0x7f }),
  float8e4m3fnuz: f(4, 3, 8, 240, 'nan', { nan: 0x80, unsignedZero: true }),
  float8e5m2: f(5, 2, 15, 57344, 'infinity', { nan: 0x7e, special: 0x7c }),
  float8e5m2fnuz: f(5, 2, 16, 57344, 'nan', { nan: 0x80, unsignedZero: true }),
  float4e2m1: f(2, 1, 1, 6, 'max', {}),
  float8e8m0: { ...f(8, 0, 127, 2 ** 127, 'nan', { nan: 0xff, special: 0xff }), signed: false },
} satisfies Partial<Record<DType, NarrowFloat>>;

function f(
  exponentBits: number,
  fractionBits: number,
  bias: number,
  max: number,
  overflow: NarrowFloat['overflow'],
  rest: Pick<NarrowFloat, 'nan' | 'special' | 'unsignedZero'>,
): NarrowFloat {
  return { exponentBits, fractionBits, bias, max, overflow, signed: true, ...rest };
}

export type NarrowFloatDType = keyof typeof formats;
export const isNarrowFloat = (dtype: string): dtype is NarrowFloatDType => Object.hasOwn(formats, dtype);

const tables = new Map<NarrowFloatDType, Float32Array>();

/** The value of every bit pattern of a type. */
export function narrowValues(dtype: NarrowFloatDType): Float32Array {
  let values = tables.get(dtype);
  if (values === undefined) {
    const format: NarrowFloat = formats[dtype];
    const bits = format.exponentBits + format.fractionBits + (format.signed ? 1 : 0);
    values = Float32Array.from({ length: 2 ** bits }, (_, index) => decoded(format, index));
    tables.set(dtype, values);
  }
  return values;
}

function decoded(format: NarrowFloat, bits: number): number {
  const { exponentBits, fractionBits, bias, signed, special } = format;
  const magnitude = signed ? bits & (2 ** (exponentBits + fractionBits) - 1) : bits;
  const sign = magnitude === bits ? 1 : -1;
  if (bits === format.nan) return Number.NaN;
  if (special !== undefined && magnitude >= special) {
    return magnitude === special && format.overflow === 'infinity'
      ? sign * Number.POSITIVE_INFINITY
      : Number.NaN;
  }
  const exponent = magnitude >> fractionBits;
  const fraction = magnitude & (2 ** fractionBits - 1);
  // float8e8m0 has neither zero nor subnormal numbers.
  if (exponent === 0 && signed) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias);
}

const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);
/** floor(log2(size)) of a normal number; less than any narrow exponent for subnormal ones and 0. */
function exponentOf(size: number): number {
  float64[0] = size;
  return ((words[1]! >>> 20) & 0x7ff) - 1023;
}

/** Adding and taking away 2^52 rounds a number below 2^51 to a whole one, ties to even. */
const TO_WHOLE = 2 ** 52;

/**
 * The nearest number that the type holds. Beyond the largest: infinity or NaN as the type has it, or the
 * largest if `saturate`.
 */
export function roundNarrow(dtype: NarrowFloatDType, value: number, saturate = false): number {
  const format: NarrowFloat = formats[dtype];
  if (Number.isNaN(value)) return format.nan === undefined ? -0 : value;
  if (!format.signed) return roundPower(format, value, saturate);
  const size = Math.abs(value);
  let rounded = size;
  if (size !== Number.POSITIVE_INFINITY) {
    const step = 2 ** (Math.max(exponentOf(size), 1 - format.bias) - format.fractionBits);
    rounded = (size / step + TO_WHOLE - TO_WHOLE) * step;
  }
  if (rounded > format.max) {
    if (saturate || format.overflow === 'max') rounded = format.max;
    else rounded = format.overflow === 'infinity' ? Number.POSITIVE_INFINITY : Number.NaN;
  }
  if (rounded === 0 && format.unsignedZero) return 0;
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}

/** float8e8m0: powers of two from 2^-127 to 2^127. */
function roundPower(format: NarrowFloat, value: number, saturate: boolean): number {
  const least = 2 ** -format.bias;
  const exponent = exponentOf(value);
  const rounded = 2 ** (value / 2 ** exponent >= 1.5 ? exponent + 1 : exponent);
  if (value > 0 && rounded >= least && rounded <= format.max) return rounded;
  if (!saturate) return Number.NaN;
  return value > 1 ? format.max : least;
}

/** The bits of a number that the type holds, as {@link roundNarrow} gives it. */
export function narrowBits(dtype: NarrowFloatDType, value: number): number {
  const { exponentBits, fractionBits, bias, signed, nan = 0, special = 0 }: NarrowFloat = formats[dtype];
  if (Number.isNaN(value)) return nan;
  const sign = value < 0 || Object.is(value, -0) ? 2 ** (exponentBits + fractionBits) : 0;
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | special;
  const exponent = exponentOf(size);
  if (signed && exponent < 1 - bias) return sign | (size * 2 ** (bias - 1 + fractionBits));
  return (
    sign | (((exponent + bias) << fractionBits) + (size * 2 ** (fractionBits - exponent) - 2 ** fractionBits))
  );
}
