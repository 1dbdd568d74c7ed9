// Values inside the backend. A tensor's elements are in the typed array of their type; types that JavaScript
// has no array for are decoded to a wider one, and hold only numbers that the type has:
//
//   float16, bfloat16, float8…, float4e2m1   Float32Array
//   int4, int2 / uint4, uint2                Int8Array / Uint8Array
//   bool                                     Uint8Array of 0 and 1
//   string, complex64, complex128            arrays of strings, of [real, imaginary]
//
// Values are immutable and share memory freely (Reshape costs nothing): a kernel writes only what it allocated.

import { isNarrowFloat, narrowBits, narrowValues, roundNarrow } from '../../../ir/narrow.ts';
import {
  byteLengthOf,
  type DType,
  elementCount,
  packBits,
  packStrings,
  type Tensor,
  unpackBits,
  unpackStrings,
} from '../../../ir/types.ts';

export type Complex = readonly [real: number, imaginary: number];
export type Floats = Float32Array | Float64Array;
export type Ints = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
export type Numbers = Floats | Ints;
export type BigInts = BigInt64Array | BigUint64Array;
export type Data = Numbers | BigInts | string[] | Complex[];

export interface NdArray {
  readonly kind: 'tensor';
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Row-major. */
  readonly data: Data;
}
export interface Sequence {
  readonly kind: 'sequence';
  readonly items: readonly Value[];
}
export interface Optional {
  readonly kind: 'optional';
  readonly value: Value | undefined;
}
export interface MapValue {
  readonly kind: 'map';
  readonly key: DType;
  readonly value: DType;
  readonly entries: ReadonlyMap<string | bigint | number, string | bigint | number>;
}
export type Value = NdArray | Sequence | Optional | MapValue;

export const ndarray = (dtype: DType, dims: readonly number[], data: Data): NdArray => ({
  kind: 'tensor',
  dtype,
  dims,
  data,
});

/** How a type's elements are held and computed with. */
export type Family = 'float' | 'int' | 'bigint' | 'bool' | 'string' | 'complex';

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float16: Float32Array,
  bfloat16: Float32Array,
  float8e4m3fn: Float32Array,
  float8e4m3fnuz: Float32Array,
  float8e5m2: Float32Array,
  float8e5m2fnuz: Float32Array,
  float8e8m0: Float32Array,
  float4e2m1: Float32Array,
  int4: Int8Array,
  int2: Int8Array,
  uint4: Uint8Array,
  uint2: Uint8Array,
} as const;

export function familyOf(dtype: DType): Family {
  if (dtype.startsWith('float') || dtype === 'bfloat16') return 'float';
  if (dtype === 'int64' || dtype === 'uint64') return 'bigint';
  if (dtype === 'bool' || dtype === 'string') return dtype;
  return dtype.startsWith('complex') ? 'complex' : 'int';
}

/** Bits of a packed integer type, undefined for others. */
export const packedBits = (dtype: DType): 2 | 4 | undefined =>
  dtype === 'int4' || dtype === 'uint4' ? 4 : dtype === 'int2' || dtype === 'uint2' ? 2 : undefined;

/** Fresh elements: zeros, false, empty strings. */
export function allocate(dtype: 'float32', count: number): Float32Array;
export function allocate(dtype: 'int64', count: number): BigInt64Array;
export function allocate(dtype: DType, count: number): Data;
export function allocate(dtype: DType, count: number): Data {
  if (dtype === 'string') return new Array<string>(count).fill('');
  if (dtype === 'complex64' || dtype === 'complex128') return new Array<Complex>(count).fill([0, 0]);
  return new arrays[dtype](count);
}

export const sizeOf = (dims: readonly number[]): number => elementCount(dims)!;
export const scalar = (dtype: DType, value: number | bigint | string): NdArray => fill(dtype, [], value);

export function fill(
  dtype: DType,
  dims: readonly number[],
  value: number | bigint | string | Complex,
): NdArray {
  const data = allocate(dtype, sizeOf(dims));
  (data as unknown[]).fill(value);
  return ndarray(dtype, dims, data);
}

export const int64s = (values: readonly number[], dims: readonly number[] = [values.length]): NdArray =>
  ndarray('int64', dims, BigInt64Array.from(values, BigInt));
export const float32s = (values: readonly number[], dims: readonly number[] = [values.length]): NdArray =>
  ndarray('float32', dims, Float32Array.from(values));

/**
 * Makes freshly computed elements ones of their type, in place: narrow floats are rounded, packed integers
 * wrapped. The arrays of all other types do so when they are written. Returns the tensor of them.
 */
export function settled(dtype: DType, dims: readonly number[], data: Data): NdArray {
  const bits = packedBits(dtype);
  if (bits !== undefined) {
    const shift = 32 - bits;
    const ints = data as Ints;
    const signed = dtype === 'int4' || dtype === 'int2';
    for (let at = 0; at < ints.length; at++)
      ints[at] = signed ? (ints[at]! << shift) >> shift : (ints[at]! << shift) >>> shift;
  } else if (isNarrowFloat(dtype)) {
    const floats = data as Floats;
    for (let at = 0; at < floats.length; at++) floats[at] = roundNarrow(dtype, floats[at]!);
  }
  return ndarray(dtype, dims, data);
}

/** Throws RangeError if the bytes do not fill the shape. The elements may be a view of the tensor's bytes. */
export function fromTensor({ dtype, dims, bytes }: Tensor): NdArray {
  const count = sizeOf(dims);
  const wanted = byteLengthOf(dtype, count);
  if (wanted !== undefined && wanted !== bytes.byteLength)
    throw new RangeError(`${dtype}[${dims.join(', ')}] needs ${wanted} bytes, got ${bytes.byteLength}`);
  return ndarray(dtype, dims, decode(dtype, count, bytes));
}

function decode(dtype: DType, count: number, bytes: Uint8Array): Data {
  if (dtype === 'string') return unpackStrings(bytes, count);
  if (dtype === 'complex64' || dtype === 'complex128') {
    const parts = dtype === 'complex64' ? view(Float32Array, bytes) : view(Float64Array, bytes);
    return Array.from({ length: count }, (_, at): Complex => [parts[2 * at]!, parts[2 * at + 1]!]);
  }
  const bits = dtype === 'float4e2m1' ? 4 : packedBits(dtype);
  const whole = bits === undefined ? bytes : unpackBits(bytes, bits, count);
  if (isNarrowFloat(dtype)) {
    const values = narrowValues(dtype);
    const codes = dtype === 'float16' || dtype === 'bfloat16' ? view(Uint16Array, whole) : whole;
    return Float32Array.from(codes, (code) => values[code]!);
  }
  if (bits !== undefined)
    return settled(dtype, [count], new (arrays[dtype] as Uint8ArrayConstructor)(whole)).data;
  return view(arrays[dtype] as Float32ArrayConstructor, bytes);
}

interface ViewConstructor<T> {
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}
/** The bytes as elements; copied if their address does not suit. */
function view<T>(View: ViewConstructor<T>, bytes: Uint8Array): T {
  const size = View.BYTES_PER_ELEMENT;
  // Not `slice`: of a Buffer of Node it is a view.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new View(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** In bytes of its own, which the caller may give away. */
export function toTensor({ dtype, dims, data }: NdArray): Tensor {
  return { dtype, dims, bytes: encode(dtype, data) };
}

function encode(dtype: DType, data: Data): Uint8Array {
  if (dtype === 'string') return packStrings(data as string[]);
  if (dtype === 'complex64' || dtype === 'complex128') {
    const parts = (data as Complex[]).flat();
    return bytesOf(dtype === 'complex64' ? Float32Array.from(parts) : Float64Array.from(parts));
  }
  if (isNarrowFloat(dtype)) {
    const codes = (to: Uint8Array | Uint16Array): Uint8Array => {
      (data as Floats).forEach((value, at) => {
        to[at] = narrowBits(dtype, value);
      });
      return bytesOf(to);
    };
    if (dtype === 'float16' || dtype === 'bfloat16') return codes(new Uint16Array(data.length));
    const bytes = codes(new Uint8Array(data.length));
    return dtype === 'float4e2m1' ? packBits(bytes, 4) : bytes;
  }
  const bits = packedBits(dtype);
  if (bits !== undefined) return packBits(bytesOf(data as Ints), bits);
  return bytesOf(data as Numbers).slice();
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
