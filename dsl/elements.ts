// JavaScript numbers to the raw little-endian form of a dtype.

import { byteLengthOf, type DType } from '../ir/index.ts';

type Element = number | bigint | boolean;

const ranges: Partial<Record<DType, readonly [low: bigint, high: bigint]>> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  bool: [0n, 1n],
};

/** The raw form of `elements`. Throws RangeError for an element that the dtype cannot hold, or a dtype without literals. */
export function packElements(dtype: DType, elements: readonly Element[]): Uint8Array {
  const bytes = new Uint8Array(byteLengthOf(dtype, elements.length) ?? 0);
  const view = new DataView(bytes.buffer);
  const write = writers[dtype];
  if (write === undefined) throw new RangeError(`constants of dtype ${dtype} cannot be written as numbers`);
  const range = ranges[dtype];
  const size = elements.length === 0 ? 0 : bytes.length / elements.length;
  elements.forEach((element, index) => {
    write(view, index * size, range === undefined ? Number(element) : whole(dtype, element, range));
  });
  return bytes;
}

/** An integer that the dtype can hold. Throws RangeError for others. */
function whole(dtype: DType, element: Element, [low, high]: readonly [bigint, bigint]): bigint {
  if (typeof element === 'number' && !Number.isInteger(element)) {
    throw new RangeError(`${element} is not of dtype ${dtype}`);
  }
  const integer = BigInt(element);
  if (integer < low || integer > high) throw new RangeError(`${element} is not of dtype ${dtype}`);
  return integer;
}

const writers: Partial<Record<DType, (view: DataView, at: number, element: number | bigint) => void>> = {
  float32: (view, at, element) => view.setFloat32(at, Number(element), true),
  float64: (view, at, element) => view.setFloat64(at, Number(element), true),
  float16: (view, at, element) => view.setUint16(at, toHalf(Number(element)), true),
  bfloat16: (view, at, element) => view.setUint16(at, toBrain(Number(element)), true),
  int8: (view, at, element) => view.setInt8(at, Number(element)),
  uint8: (view, at, element) => view.setUint8(at, Number(element)),
  bool: (view, at, element) => view.setUint8(at, Number(element)),
  int16: (view, at, element) => view.setInt16(at, Number(element), true),
  uint16: (view, at, element) => view.setUint16(at, Number(element), true),
  int32: (view, at, element) => view.setInt32(at, Number(element), true),
  uint32: (view, at, element) => view.setUint32(at, Number(element), true),
  int64: (view, at, element) => view.setBigInt64(at, BigInt(element), true),
  uint64: (view, at, element) => view.setBigUint64(at, BigInt(element), true),
};

const scratch = new DataView(new ArrayBuffer(8));

function float32Bits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/** Upper half of a float32, rounded to nearest, ties to even. */
function toBrain(value: number): number {
  const bits = float32Bits(value);
  if (Number.isNaN(value)) return 0x7fc0;
  return Math.floor((bits + 0x7fff + ((bits >>> 16) & 1)) / 0x10000) & 0xffff;
}

/** IEEE 754 binary16, rounded to nearest, ties to even. */
function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundEven(size * 2 ** 24);
  const exponent = Math.min(15, Math.floor(Math.log2(size)));
  // log2 may round up across a power of two.
  const exact = size < 2 ** exponent ? exponent - 1 : size >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  return sign | (((exact + 15) << 10) + roundEven((size / 2 ** exact - 1) * 1024));
}

function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
