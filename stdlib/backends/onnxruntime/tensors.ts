// Tensors of ours to tensors of ONNX Runtime and back, without copying where alignment permits.

import type { Tensor as OrtTensor, TypedTensor } from 'onnxruntime-node';
import {
  bitsOf,
  type DType,
  elementCount,
  packStrings,
  type Tensor,
  unpackStrings,
} from '../../../ir/index.ts';

/** Constructor of an ONNX Runtime tensor, passed in because that package loads lazily. */
export interface OrtTensorConstructor {
  new (type: OrtTensor.Type, data: OrtTensor.DataType, dims: readonly number[]): TypedTensor<OrtTensor.Type>;
}

/** The view that ONNX Runtime wants for each element type that crosses the JavaScript boundary as numbers. */
const views = {
  float32: Float32Array,
  float64: Float64Array,
  // Float16Array does not exist on every supported Node; the bits are what we want anyway.
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;
type NumericDType = keyof typeof views;

const isNumeric = (dtype: string): dtype is NumericDType => Object.hasOwn(views, dtype);

/** Whether values of this element type can enter and leave a session from JavaScript. */
export const crossesToJavaScript = (dtype: DType): boolean => dtype === 'string' || isNumeric(dtype);

/** Throws TypeError for an element type that does not cross, RangeError if the bytes do not fill the shape. */
export function toOrt(Constructor: OrtTensorConstructor, { dtype, dims, bytes }: Tensor): OrtTensor {
  const count = elementCount(dims)!;
  if (dtype === 'string') return new Constructor('string', unpackStrings(bytes, count), dims);
  if (!isNumeric(dtype)) throw new TypeError(`ONNX Runtime takes no ${dtype} tensors from JavaScript`);
  const size = bitsOf(dtype) / 8;
  if (bytes.byteLength !== count * size) {
    throw new RangeError(`${dtype}[${dims.join(', ')}] needs ${count * size} bytes, got ${bytes.byteLength}`);
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const data = new views[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
  return new Constructor(dtype, data, dims);
}

/** Throws TypeError for what is not a tensor. */
export function fromOrt(name: string, value: OrtTensor): Tensor {
  const dtype = value?.type;
  if (dtype === 'string') {
    return { dtype, dims: value.dims, bytes: packStrings(value.data as string[]) };
  }
  if (!isNumeric(dtype)) throw new TypeError(`output ${name} is no tensor that crosses to JavaScript`);
  const data = value.data as InstanceType<(typeof views)[NumericDType]>;
  return { dtype, dims: value.dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
