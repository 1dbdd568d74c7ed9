// Tensors that the node itself needs from a program: constants read by core and wire ops.

import type { ByteSource } from '../ir/graph.ts';
import {
  byteLengthOf,
  type DType,
  dtypeOfElemType,
  packStrings,
  productOf,
  type Tensor,
} from '../ir/types.ts';
import { utf8Decoder } from '../ir/utf8.ts';
import { EXTERNAL, type TensorProto } from './proto/onnx.ts';

/** The value of an initializer. Throws RangeError or Error where it is damaged or its bytes are not there. */
export function tensorOfProto(proto: TensorProto, weights: ByteSource | undefined): Tensor {
  const dtype = dtypeOfElemType(proto.dataType);
  if (dtype === undefined) throw new Error(`element type ${proto.dataType}`);
  const dims = proto.dims.map(Number);
  const count = productOf(dims);
  const bytes = readBytes(proto, dtype, count, weights);
  const expected = byteLengthOf(dtype, count);
  if (expected !== undefined && expected !== bytes.length)
    throw new RangeError(`${bytes.length} bytes where ${expected} belong`);
  return { dtype, dims, bytes };
}

function readBytes(
  proto: TensorProto,
  dtype: DType,
  count: number,
  weights: ByteSource | undefined,
): Uint8Array {
  if (proto.dataLocation === EXTERNAL) {
    if (weights === undefined) throw new Error('the bundle has no weights');
    const field = (key: string): number =>
      Number(proto.externalData.find((entry) => entry.key === key)?.value ?? 0);
    // A copy: the source may reuse its memory, and the value lives as long as the node.
    return weights.read(field('offset'), field('length')).slice();
  }
  // A copy here too, which puts the bytes at an aligned address.
  if (proto.rawData.length > 0) return proto.rawData.slice();
  if (dtype === 'string') return packStrings(proto.stringData.map((one) => utf8Decoder.decode(one)));
  return typedField(proto, dtype, byteLengthOf(dtype, count)!);
}

/** Elements in float_data, int32_data … in their raw form. */
function typedField(proto: TensorProto, dtype: DType, byteLength: number): Uint8Array {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return new Uint8Array(Float32Array.from(proto.floatData).buffer);
    case 'float64':
    case 'complex128':
      return new Uint8Array(Float64Array.from(proto.doubleData).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(proto.int64Data).buffer);
    case 'uint64':
    case 'uint32': {
      const wide = BigUint64Array.from(proto.uint64Data);
      return new Uint8Array(dtype === 'uint64' ? wide.buffer : Uint32Array.from(wide, Number).buffer);
    }
    default: {
      // int32_data holds everything narrower; one entry per element, or per byte for packed types.
      const width = proto.int32Data.length === 0 ? 1 : byteLength / proto.int32Data.length;
      const narrow = Int32Array.from(proto.int32Data, Number);
      if (width === 4) return new Uint8Array(narrow.buffer);
      return new Uint8Array(width === 2 ? Uint16Array.from(narrow).buffer : Uint8Array.from(narrow).buffer);
    }
  }
}
