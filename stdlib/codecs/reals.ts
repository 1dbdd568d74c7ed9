// Tensors of real numbers as arrays, for codecs, and numbers of 32 bits in the bytes that they make.

import { elementCount, type Tensor } from '../../ir/index.ts';

export interface TensorCodec {
  /**
   * Always the same for the same tensor of the same peer: what is drawn comes from the settings, the peer's id and the
   * tensor's bytes. Throws an Error for what it does not take.
   */
  encode(tensor: Tensor, peer?: string): Uint8Array;
  /** A tensor of this dtype and these dimensions. Throws an Error where the bytes are not of one. */
  decode(bytes: Uint8Array, dtype: Tensor['dtype'], dims: readonly number[]): Tensor;
}

export type Reals = Float32Array | Float64Array;

const arrays = { float32: Float32Array, float64: Float64Array } as const;

const typeOf = (dtype: Tensor['dtype']) => {
  if (dtype !== 'float32' && dtype !== 'float64') throw new Error(`it is ${dtype}, not float32 or float64`);
  return arrays[dtype];
};

export const realsOf = ({ dtype, bytes }: Tensor): Reals => new (typeOf(dtype))(new Uint8Array(bytes).buffer);

/** Zeros, to be filled. */
export const madeOf = (dtype: Tensor['dtype'], dims: readonly number[]): Reals =>
  new (typeOf(dtype))(elementCount(dims)!);

export const tensor = (dtype: Tensor['dtype'], dims: readonly number[], values: Reals): Tensor => ({
  dtype,
  dims,
  bytes: new Uint8Array(values.buffer as ArrayBuffer),
});

/** Its numbers as float32. Throws an Error where one is not finite, or becomes infinite. */
export function float32sOf(given: Tensor): Float32Array {
  const reals = realsOf(given);
  const values = reals instanceof Float32Array ? reals : Float32Array.from(reals);
  for (let at = 0; at < values.length; at++)
    if (!Number.isFinite(values[at]))
      throw new Error(`element ${at} is ${reals[at]}, which this codec cannot say`);
  return values;
}

/** Throws an Error where there are more or fewer bytes; before memory is taken: the dimensions are the sender's. */
export function requireBytes(bytes: Uint8Array, wanted: number, dims: readonly number[]): void {
  if (bytes.length !== wanted) throw new Error(`${bytes.length} bytes for [${dims}], which takes ${wanted}`);
}

/** `count` float32 from a byte on. Throws an Error where one is not finite. */
export function readFloats(bytes: Uint8Array, from: number, count: number): Float32Array {
  const values = new Float32Array(bytes.slice(from, from + 4 * count).buffer);
  for (let at = 0; at < count; at++)
    if (!Number.isFinite(values[at])) throw new Error(`number ${at} is ${values[at]}`);
  return values;
}

/** The bytes of float32s. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
