// The types a value can have: element types, dimensions, tensors and the ONNX containers around them.

import { utf8Decoder, utf8Encoder } from './utf8.ts';

/** Element types in the order of their numbers in TensorProto.DataType, from 1: bits of one element in raw_data; 0: it varies. */
const elements = {
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
} as const;

/** The name of an ONNX element type, as used in every file and message of ours: `float32`, `int64`, `string` … */
export type DType = keyof typeof elements;

export const dtypes = /* @__PURE__ */ Object.keys(elements) as readonly DType[];
const elemTypes = /* @__PURE__ */ new Map(dtypes.map((dtype, index) => [dtype, index + 1]));

export const isDType = (text: string): text is DType => Object.hasOwn(elements, text);
/** The element type with this TensorProto.DataType number; undefined for UNDEFINED (0) and unknown numbers. */
export const dtypeOfElemType = (elemType: number): DType | undefined => dtypes[elemType - 1];
export const elemTypeOf = (dtype: DType): number => elemTypes.get(dtype)!;
/** The element type inside a schema's `tensor(float)`, given as `float`. */
export const dtypeOfOnnxName = (name: string): DType | undefined =>
  dtypes.find((dtype) => onnxNameOf(dtype) === name);
export const onnxNameOf = (dtype: DType): string =>
  dtype === 'float32' ? 'float' : dtype === 'float64' ? 'double' : dtype;
/** Bits of one element; 0 for strings. */
export const bitsOf = (dtype: DType): number => elements[dtype];

/** A dimension: a size, a symbol that the author or the model's file named, or null for "not known". */
export type Dim = number | string | null;

/** A shape; undefined where not even the rank is known. */
export type Shape = readonly Dim[] | undefined;

export interface TensorType {
  readonly kind: 'tensor' | 'sparse';
  /** undefined: not known (yet). */
  readonly dtype: DType | undefined;
  readonly dims: Shape;
}
export interface SequenceType {
  readonly kind: 'sequence';
  readonly elem: ValueType | undefined;
}
export interface OptionalType {
  readonly kind: 'optional';
  readonly elem: ValueType | undefined;
}
export interface MapType {
  readonly kind: 'map';
  readonly key: DType | undefined;
  readonly value: ValueType | undefined;
}
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly domain: string;
  readonly name: string;
}
/** What a value of a graph can be. */
export type ValueType = TensorType | SequenceType | OptionalType | MapType | OpaqueType;

export const tensorType = (dtype: DType | undefined, dims?: Shape): TensorType => ({
  kind: 'tensor',
  dtype,
  dims,
});

/** Number of elements, or undefined if a dimension is not a number. A scalar (no dimensions) has 1. */
export function elementCount(dims: Shape): number | undefined {
  if (dims === undefined) return undefined;
  let count = 1;
  for (const dim of dims) {
    if (typeof dim !== 'number') return undefined;
    count *= dim;
  }
  return count;
}

/** As {@link elementCount}, where all sizes are known. */
export const productOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Bytes of `count` elements in raw form (sub-byte types packed, rounded up); undefined for strings. */
export function byteLengthOf(dtype: DType, count: number): number | undefined {
  const bits = bitsOf(dtype);
  return bits === 0 ? undefined : Math.ceil((count * bits) / 8);
}

/** Bytes of a value of this type, or undefined if the shape or the element size is not known. */
export function byteLengthOfType(type: ValueType | undefined): number | undefined {
  if (type?.kind !== 'tensor' || type.dtype === undefined) return undefined;
  const count = elementCount(type.dims);
  return count === undefined ? undefined : byteLengthOf(type.dtype, count);
}

/** `float32[2, N, ?]`, `seq(int64[])`, `float32` if the rank is unknown. */
export function formatType(type: ValueType | undefined): string {
  if (type === undefined) return '?';
  switch (type.kind) {
    case 'tensor':
    case 'sparse': {
      const dims = type.dims?.map((dim) => dim ?? '?').join(', ');
      const text = (type.dtype ?? '?') + (dims === undefined ? '' : `[${dims}]`);
      return type.kind === 'sparse' ? `sparse(${text})` : text;
    }
    case 'sequence':
      return `seq(${formatType(type.elem)})`;
    case 'optional':
      return `optional(${formatType(type.elem)})`;
    case 'map':
      return `map(${type.key ?? '?'}, ${formatType(type.value)})`;
    case 'opaque':
      return `opaque(${type.domain}, ${type.name})`;
  }
}

/**
 * A tensor at run time: dtype, dims and raw little-endian bytes in row-major order.
 * Strings: for each element a uint32 byte length, then, after all lengths, the UTF-8 bytes.
 * bool is one byte per element; sub-byte types are packed, first element in the low bits.
 */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/** Elements of `bits` bits, packed as in raw form, to a byte each: their codes, without sign. */
export function unpackBits(bytes: Uint8Array, bits: number, count: number): Uint8Array {
  const mask = 2 ** bits - 1;
  return Uint8Array.from(
    { length: count },
    (_, at) => (bytes[(at * bits) >> 3]! >> ((at * bits) & 7)) & mask,
  );
}

/** The raw form of codes narrower than a byte; of each, the low bits count. */
export function packBits(codes: Uint8Array, bits: number): Uint8Array {
  const mask = 2 ** bits - 1;
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  codes.forEach((code, at) => {
    bytes[(at * bits) >> 3]! |= (code & mask) << ((at * bits) & 7);
  });
  return bytes;
}

/** The raw form of a string tensor's elements; see {@link Tensor}. */
export function packStrings(strings: readonly string[]): Uint8Array {
  const parts = strings.map((text) => utf8Encoder.encode(text));
  const total = parts.reduce((sum, part) => sum + part.length, 4 * parts.length);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 4 * parts.length;
  parts.forEach((part, index) => {
    view.setUint32(4 * index, part.length, true);
    bytes.set(part, at);
    at += part.length;
  });
  return bytes;
}

/** The elements of a string tensor of `count` elements. Throws RangeError if the bytes do not hold them. */
export function unpackStrings(bytes: Uint8Array, count: number): string[] {
  if (4 * count > bytes.length)
    throw new RangeError(`${count} string lengths do not fit in ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  let at = 4 * count;
  for (let index = 0; index < count; index++) {
    const end = at + view.getUint32(4 * index, true);
    if (end > bytes.length) throw new RangeError(`string ${index} ends beyond its ${bytes.length} bytes`);
    strings.push(utf8Decoder.decode(bytes.subarray(at, end)));
    at = end;
  }
  if (at !== bytes.length) throw new RangeError(`${bytes.length - at} bytes left after ${count} strings`);
  return strings;
}
