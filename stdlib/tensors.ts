// Tensors as arrays, for components: what they are given may begin at any byte, what they give is their own.

import {
  type DataValue,
  elementCount,
  isTensor,
  packStrings,
  type Tensor,
  unpackStrings,
} from '../ir/index.ts';

/** Throws an Error where a component was given something else. */
export function tensorOf(value: DataValue | undefined, what: string): Tensor {
  if (value === undefined || !isTensor(value)) throw new Error(`${what} is no tensor`);
  return value;
}

const wrong = ({ dtype }: Tensor, what: string, wanted: string): never => {
  throw new Error(`${what} is ${dtype}, not ${wanted}`);
};

export function float32sOf(value: DataValue | undefined, what: string): Float32Array {
  const tensor = tensorOf(value, what);
  if (tensor.dtype !== 'float32') return wrong(tensor, what, 'float32');
  return new Float32Array(new Uint8Array(tensor.bytes).buffer);
}

export function bigintsOf(value: DataValue | undefined, what: string): BigInt64Array {
  const tensor = tensorOf(value, what);
  if (tensor.dtype !== 'int64') return wrong(tensor, what, 'int64');
  return new BigInt64Array(new Uint8Array(tensor.bytes).buffer);
}

/** A whole number from 0. */
export function countOf(value: DataValue | undefined, what: string): number {
  const [count] = bigintsOf(value, what);
  if (count === undefined || count < 0n || count > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Error(`${what} is ${count}, not a count`);
  return Number(count);
}

export function stringsOf(value: DataValue | undefined, what: string): readonly string[] {
  const tensor = tensorOf(value, what);
  if (tensor.dtype !== 'string') return wrong(tensor, what, 'string');
  return unpackStrings(tensor.bytes, elementCount(tensor.dims)!);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

export const float32s = (dims: readonly number[], values: Float32Array): Tensor => ({
  dtype: 'float32',
  dims,
  bytes: bytesOf(values),
});
export const int64s = (dims: readonly number[], values: BigInt64Array): Tensor => ({
  dtype: 'int64',
  dims,
  bytes: bytesOf(values),
});
export const int64 = (value: number | bigint): Tensor => int64s([], BigInt64Array.of(BigInt(value)));
export const strings = (values: readonly string[]): Tensor => ({
  dtype: 'string',
  dims: [values.length],
  bytes: packStrings(values),
});
