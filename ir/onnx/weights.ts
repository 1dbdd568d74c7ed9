// Constant tensors: their values from a byte range or from the typed fields of a TensorProto, and back.

import { create } from '@bufbuild/protobuf';
import { DiagnosticError, diagnostic } from '../diagnostic.ts';
import { type TensorProto, TensorProtoSchema } from '../generated/onnx-ml_pb.ts';
import type { ByteRange, Weight } from '../graph.ts';
import {
  bitsOf,
  byteLengthOf,
  type DType,
  elementCount,
  elemTypeOf,
  packStrings,
  type Tensor,
  unpackStrings,
} from '../types.ts';
import { CONTENT, type Draft } from './encode.ts';
import { memorySource, readRange } from './source.ts';

/**
 * The elements of a weight, read now. Throws {@link DiagnosticError} (BB106) if the content does not have the
 * size that dtype and dims need.
 */
export function readWeight(weight: Weight): Tensor {
  const { dtype, dims } = weight;
  if (dtype === undefined) throw unreadable(weight, `element type ${weight.proto.dataType} is not known`);
  const count = elementCount(dims)!;
  if (!dims.every((dim) => dim >= 0) || !Number.isSafeInteger(count))
    throw unreadable(weight, `its dimensions are [${dims.join(', ')}]`);
  const wanted = byteLengthOf(dtype, count);
  const check = (held: number): void => {
    if (held !== (wanted ?? held))
      throw unreadable(weight, `it holds ${held} bytes where ${dtype}[${dims.join(', ')}] has ${wanted}`);
  };
  // Before it is read: a small constant may claim the whole file as its content.
  if (weight.range !== undefined) check(weight.range.byteLength);
  const bytes = dtype === 'string' ? stringBytes(weight) : rawBytes(weight, dtype, count);
  check(bytes.length);
  return { dtype, dims, bytes };
}

/** Bytes of a weight's raw form, without reading it; undefined if its element type is not known. */
export function weightByteLength(weight: Weight): number | undefined {
  if (weight.range !== undefined) return weight.range.byteLength;
  if (weight.dtype === undefined) return undefined;
  if (weight.dtype === 'string')
    return weight.proto.stringData.reduce(
      (sum, text) => sum + text.length,
      4 * weight.proto.stringData.length,
    );
  return byteLengthOf(weight.dtype, elementCount(weight.dims)!);
}

/** A weight with the content of `tensor`, which it shares. */
export function weightOf(tensor: Tensor, name = ''): Weight {
  const proto = create(TensorProtoSchema, {
    dims: tensor.dims.map(BigInt),
    dataType: elemTypeOf(tensor.dtype),
  });
  if (name !== '') proto.name = name;
  const { dtype, dims } = tensor;
  if (dtype === 'string') {
    const encoder = new TextEncoder();
    proto.stringData = unpackStrings(tensor.bytes, elementCount(dims)!).map((text) => encoder.encode(text));
    return { dtype, dims, proto };
  }
  const range = { source: memorySource(name, tensor.bytes), offset: 0, byteLength: tensor.bytes.length };
  return { dtype, dims, proto, range };
}

/** Fields of the weight's TensorProto, for `encode`; `range` stays where it is. */
export function weightDraft(weight: Weight): Draft<TensorProto> {
  const { proto, range } = weight;
  if (range === undefined || isExternal(weight)) return proto;
  return { ...proto, [CONTENT]: { field: weight.field ?? 'raw_data', bytes: contentOf(range) } };
}

/** Whether the file keeps the content in another file. */
export const isExternal = ({ proto }: Weight): boolean => proto.dataLocation === 1;

/** The same weight with its content in raw_data of the file itself. */
export function internalDraft(weight: Weight, name: string): Draft<TensorProto> {
  const named = { ...weight.proto, name, dataLocation: undefined, externalData: [] };
  if (weight.range === undefined) return named;
  return { ...named, [CONTENT]: { field: weight.field ?? 'raw_data', bytes: contentOf(weight.range) } };
}

/** Small contents are better copied than referred to. */
const contentOf = (range: ByteRange): Uint8Array | ByteRange =>
  range.byteLength <= 256 ? readRange(range) : range;

function unreadable(weight: Weight, reason: string): DiagnosticError {
  const { name } = weight.proto;
  const file = weight.range?.source.name;
  const at = file === undefined ? undefined : { file, offset: weight.range!.offset };
  return new DiagnosticError(
    diagnostic('BB106', { name, reason }, { value: name, ...(at === undefined ? {} : { at }) }),
  );
}

function stringBytes(weight: Weight): Uint8Array {
  const texts = weight.proto.stringData;
  const count = elementCount(weight.dims)!;
  if (texts.length !== count)
    throw unreadable(weight, `it holds ${texts.length} strings instead of ${count}`);
  const decoder = new TextDecoder();
  return packStrings(texts.map((text) => decoder.decode(text)));
}

function rawBytes(weight: Weight, dtype: DType, count: number): Uint8Array {
  const { proto, range } = weight;
  if (range !== undefined) return readRange(range);
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(proto.floatData));
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(proto.doubleData));
    case 'int64':
      return bytesOf(BigInt64Array.from(proto.int64Data));
    case 'uint64':
      return bytesOf(BigUint64Array.from(proto.uint64Data));
    case 'uint32':
      return bytesOf(Uint32Array.from(proto.uint64Data, (value) => Number(BigInt.asUintN(32, value))));
    case 'int32':
      return bytesOf(Int32Array.from(proto.int32Data));
    case 'uint16':
    case 'int16':
    case 'float16':
    case 'bfloat16':
      return bytesOf(Uint16Array.from(proto.int32Data));
    default:
      return subBytes(proto.int32Data, bitsOf(dtype), count);
  }
}

/** One byte of packed elements per entry. */
function subBytes(data: readonly number[], bits: number, count: number): Uint8Array {
  // Some writers put each 4-bit element into an entry of its own.
  if (bits === 8 || data.length !== count || count === 1) return Uint8Array.from(data);
  const bytes = new Uint8Array(Math.ceil((count * bits) / 8));
  const perByte = 8 / bits;
  data.forEach((value, index) => {
    const at = Math.floor(index / perByte);
    bytes[at] = bytes[at]! | ((value & ((1 << bits) - 1)) << (bits * (index % perByte)));
  });
  return bytes;
}

// Typed arrays are little-endian on every platform that has Node or a browser today; ONNX's raw form is too.
const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
