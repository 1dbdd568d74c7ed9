// onnxruntime-web, run in Node: the backend of browsers.

import { env, InferenceSession, Tensor as WebTensor } from 'onnxruntime-web';
import { type DataValue, type DType, isTensor, type Tensor } from '../../ir/index.ts';
import { bytesOf, type OpenEngine } from './converted.ts';

env.wasm.numThreads = 1;
env.logLevel = 'error';

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;
type WebType = keyof typeof arrays;

const isWebType = (dtype: DType | string): dtype is WebType => Object.hasOwn(arrays, dtype);

function toWeb(name: string, value: DataValue): WebTensor {
  if (!isTensor(value) || !isWebType(value.dtype))
    throw new Error(`${name} cannot be given to onnxruntime-web`);
  const { dtype, dims, bytes } = value;
  const data = new arrays[dtype](bytes.slice().buffer as ArrayBuffer);
  return new WebTensor(dtype, data as never, dims);
}

function fromWeb(name: string, value: WebTensor): Tensor {
  const { type, dims, data } = value;
  if (!isWebType(type) || !ArrayBuffer.isView(data)) throw new Error(`${name} is of type ${type}`);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { dtype: type, dims: [...dims], bytes };
}

export const openOnWeb: OpenEngine = async (model) => {
  const session = await InferenceSession.create(bytesOf(model));
  return {
    run: async (inputs) => {
      const feeds = [...inputs].map(([name, value]) => [name, toWeb(name, value)] as const);
      const results = await session.run(Object.fromEntries(feeds));
      return new Map(
        Object.entries(results).map(([name, value]) => [name, fromWeb(name, value as WebTensor)]),
      );
    },
    close: () => session.release(),
  };
};
