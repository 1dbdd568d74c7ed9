// Elements of tensors as JavaScript numbers, bigints, booleans and strings, one codec per element type.

import {
  bitsOf,
  type DType,
  elementCount,
  packBits,
  packStrings,
  type Tensor,
  unpackBits,
  unpackStrings,
} from '../../ir/index.ts';
import { type NarrowFloatDType, narrowBits, narrowValues, roundNarrow } from '../../ir/narrow.ts';

export type Element = number | bigint | boolean | string;

interface Codec {
  /** Bytes; elements narrower than one are unpacked to a byte each. */
  readonly size: number;
  readonly get: (view: DataView, at: number) => Element;
  /** Takes what JSON can hold for it, numbers as text included; throws RangeError or TypeError otherwise. */
  readonly set: (view: DataView, at: number, element: Element) => void;
}

function numberFrom(element: Element): number {
  if (typeof element === 'number') return element;
  if (typeof element === 'bigint' || typeof element === 'boolean') return Number(element);
  const parsed = Number(element);
  if (element.trim() === '' || (Number.isNaN(parsed) && element !== 'NaN')) {
    throw new TypeError(`${JSON.stringify(element.slice(0, 100))} is no number`);
  }
  return parsed;
}

const float = (
  size: number,
  get: Codec['get'],
  set: (view: DataView, at: number, value: number) => void,
) => ({
  size,
  get,
  set: (view: DataView, at: number, element: Element) => set(view, at, numberFrom(element)),
});

const MAX_DIGITS = 100;

const whole = (bits: 2 | 4 | 8 | 16 | 32 | 64, signed: boolean): Codec => {
  const low = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const high = signed ? 2n ** BigInt(bits - 1) : 2n ** BigInt(bits);
  const name = `${signed ? 'int' : 'uint'}${bits}`;
  const write = (view: DataView, at: number, value: bigint): void => {
    // Storing the low bits in two's complement is the same for both signs.
    if (bits === 64) view.setBigInt64(at, value, true);
    else if (bits === 32) view.setInt32(at, Number(value), true);
    else if (bits === 16) view.setInt16(at, Number(value), true);
    else if (bits === 8) view.setInt8(at, Number(value));
    else view.setUint8(at, Number(BigInt.asUintN(bits, value)));
  };
  const read = (view: DataView, at: number): number | bigint => {
    if (bits === 64) return signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
    if (bits === 32) return signed ? view.getInt32(at, true) : view.getUint32(at, true);
    if (bits === 16) return signed ? view.getInt16(at, true) : view.getUint16(at, true);
    if (bits === 8) return signed ? view.getInt8(at) : view.getUint8(at);
    const [code, rest] = [view.getUint8(at), 32 - bits];
    return signed ? (code << rest) >> rest : code;
  };
  return {
    size: Math.max(1, bits / 8),
    get: read,
    set(view, at, element) {
      let value: bigint;
      // Reading a number takes longer than its digits are many.
      if (typeof element === 'string' && element.length > MAX_DIGITS)
        throw new TypeError(`a text of ${element.length} characters is no whole number`);
      try {
        value = BigInt(element);
      } catch {
        throw new TypeError(`${JSON.stringify(String(element))} is no whole number`);
      }
      if (value < low || value >= high) throw new RangeError(`${value} does not fit in ${name}`);
      write(view, at, value);
    },
  };
};

const narrow = (dtype: NarrowFloatDType): Codec => {
  const wide = dtype === 'float16' || dtype === 'bfloat16';
  return float(
    wide ? 2 : 1,
    (view, at) => narrowValues(dtype)[wide ? view.getUint16(at, true) : view.getUint8(at)]!,
    (view, at, value) => {
      const bits = narrowBits(dtype, roundNarrow(dtype, value));
      if (wide) view.setUint16(at, bits, true);
      else view.setUint8(at, bits);
    },
  );
};

const PART = '[+-]?(?:NaN|Infinity|[\\d.]+(?:e[+-]?\\d+)?)';
const COMPLEX = new RegExp(`^(${PART})(?:([+-]${PART.slice(5)})i)?$`);

/** As text: `1.5-2i`. */
const complex = (part: Codec): Codec => ({
  size: 2 * part.size,
  get(view, at) {
    const [real, imaginary] = [part.get(view, at), part.get(view, at + part.size)] as [number, number];
    const minus = imaginary < 0 || Object.is(imaginary, -0);
    return `${real}${minus ? '' : '+'}${Object.is(imaginary, -0) ? '-0' : imaginary}i`;
  },
  set(view, at, element) {
    const [, real, imaginary = '0'] = COMPLEX.exec(String(element)) ?? [];
    if (real === undefined)
      throw new TypeError(`${JSON.stringify(String(element).slice(0, 100))} is no complex number`);
    part.set(view, at, real);
    part.set(view, at + part.size, imaginary.replace('+', ''));
  },
});

const float32 = float(
  4,
  (view, at) => view.getFloat32(at, true),
  (view, at, value) => view.setFloat32(at, value, true),
);
const float64 = float(
  8,
  (view, at) => view.getFloat64(at, true),
  (view, at, value) => view.setFloat64(at, value, true),
);

const codecs: Readonly<Record<Exclude<DType, 'string'>, Codec>> = {
  float32,
  float64,
  complex64: complex(float32),
  complex128: complex(float64),
  float16: narrow('float16'),
  bfloat16: narrow('bfloat16'),
  float8e4m3fn: narrow('float8e4m3fn'),
  float8e4m3fnuz: narrow('float8e4m3fnuz'),
  float8e5m2: narrow('float8e5m2'),
  float8e5m2fnuz: narrow('float8e5m2fnuz'),
  float8e8m0: narrow('float8e8m0'),
  float4e2m1: narrow('float4e2m1'),
  int2: whole(2, true),
  int4: whole(4, true),
  uint2: whole(2, false),
  uint4: whole(4, false),
  bool: {
    size: 1,
    get: (view, at) => view.getUint8(at) !== 0,
    set(view, at, element) {
      if (element !== true && element !== false && element !== 0 && element !== 1) {
        throw new TypeError(`${JSON.stringify(String(element))} is no bool`);
      }
      view.setUint8(at, Number(element));
    },
  },
  int8: whole(8, true),
  int16: whole(16, true),
  int32: whole(32, true),
  int64: whole(64, true),
  uint8: whole(8, false),
  uint16: whole(16, false),
  uint32: whole(32, false),
  uint64: whole(64, false),
};

/** Elements in row-major order. The tensor's bytes must fill its shape. */
export function elementsOf({ dtype, dims, bytes }: Tensor): Element[] {
  const count = elementCount(dims)!;
  if (dtype === 'string') return unpackStrings(bytes, count);
  const { size, get } = codecs[dtype];
  const whole = bitsOf(dtype) < 8 ? unpackBits(bytes, bitsOf(dtype), count) : bytes;
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  return Array.from({ length: count }, (_, index) => get(view, index * size));
}

/** A tensor of these elements. Throws TypeError or RangeError for an element that does not fit. */
export function tensorFrom(dtype: DType, dims: readonly number[], elements: readonly Element[]): Tensor {
  const count = elementCount(dims)!;
  if (elements.length !== count) {
    throw new RangeError(`[${dims.join(', ')}] needs ${count} elements, got ${elements.length}`);
  }
  if (dtype === 'string') {
    const wrong = elements.find((element) => typeof element !== 'string');
    if (wrong !== undefined) throw new TypeError(`${String(wrong)} is no string`);
    return { dtype, dims, bytes: packStrings(elements as string[]) };
  }
  const codec = codecs[dtype];
  const bytes = new Uint8Array(count * codec.size);
  const view = new DataView(bytes.buffer);
  elements.forEach((element, index) => {
    codec.set(view, index * codec.size, element);
  });
  return { dtype, dims, bytes: bitsOf(dtype) < 8 ? packBits(bytes, bitsOf(dtype)) : bytes };
}
