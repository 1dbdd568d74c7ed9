// Codecs that send every number in fewer bits.

import { byteLengthOf, elementCount } from '../../ir/index.ts';
import { narrowBits, narrowValues, roundNarrow } from '../../ir/narrow.ts';
import { madeOf, type Reals, realsOf, type TensorCodec, tensor } from './reals.ts';

/**
 * Each number as the nearest of IEEE 754 binary16, ties to even; beyond 65504 it is infinite. Off by at most 2^-11 of the
 * number, or 2^-25 where that is more.
 */
export const float16Codec = (): TensorCodec => narrowCodec('float16');

/**
 * Each number as the nearest of bfloat16, the upper half of a float32 (Kalamkar et al. 2019), ties to even; beyond
 * 3.39e38 it is infinite. Off by at most 2^-8 of the number, or 2^-134 where that is more.
 */
export const bfloat16Codec = (): TensorCodec => narrowCodec('bfloat16');

const narrowCodec = (kind: 'float16' | 'bfloat16'): TensorCodec => ({
  encode(given) {
    const values = realsOf(given);
    const bits = new Uint16Array(values.length);
    if (kind === 'bfloat16' && values instanceof Float32Array)
      upperHalves(new Uint32Array(values.buffer), bits);
    else
      for (let at = 0; at < values.length; at++) bits[at] = narrowBits(kind, roundNarrow(kind, values[at]!));
    return new Uint8Array(bits.buffer);
  },
  decode(bytes, dtype, dims) {
    const count = elementCount(dims)!;
    // Before memory is taken: the dimensions are the sender's.
    if (bytes.length !== byteLengthOf(kind, count))
      throw new Error(`${bytes.length} bytes for ${count} numbers of 16 bits`);
    const values = madeOf(dtype, dims);
    const known = narrowValues(kind);
    const bits = new Uint16Array(new Uint8Array(bytes).buffer);
    for (let at = 0; at < values.length; at++) values[at] = known[bits[at]!]!;
    return tensor(dtype, dims, values);
  },
});

/** Of float32s, rounded: what is just above half carries, into infinity too, and NaN stays what it is. */
function upperHalves(words: Uint32Array, halves: Uint16Array): void {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const isNumber = (word & 0x7fffffff) <= 0x7f800000;
    halves[at] = isNumber ? (word + 0x7fff + ((word >>> 16) & 1)) >>> 16 : 0x7fc0;
  }
}

export interface Int8Options {
  /** Numbers that share a scale, counted through the tensor in its order. Default: all of them. */
  readonly block?: number;
}

/**
 * Affine quantisation (Jacob et al. 2018, section 2.1) to 8 bits: of each block the least number and the step between
 * codes as float32, then a code a number. What is off by is half a step, (greatest − least) / 510. Throws for NaN and
 * infinities, which no step reaches.
 */
export function int8Codec({ block = Number.POSITIVE_INFINITY }: Int8Options = {}): TensorCodec {
  const blocksOf = (count: number): number => Math.max(1, Math.ceil(count / block));
  return {
    encode(given) {
      const values = realsOf(given);
      const blocks = blocksOf(values.length);
      const bytes = new Uint8Array(8 * blocks + values.length);
      const head = new DataView(bytes.buffer);
      for (let one = 0; one < blocks; one++) {
        const [from, to] = [one * block || 0, Math.min(values.length, (one + 1) * block)];
        const [least, step] = rangeOf(values, from, to);
        head.setFloat32(8 * one, least, true);
        head.setFloat32(8 * one + 4, step, true);
        for (let at = from; at < to; at++)
          bytes[8 * blocks + at] =
            step === 0 ? 0 : Math.min(255, Math.max(0, Math.round((values[at]! - least) / step)));
      }
      return bytes;
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      const blocks = blocksOf(count);
      // Before memory is taken: the dimensions are the sender's.
      if (bytes.length !== 8 * blocks + count)
        throw new Error(`${bytes.length} bytes for ${count} numbers in ${blocks} blocks`);
      const values = madeOf(dtype, dims);
      const head = new DataView(bytes.buffer, bytes.byteOffset);
      for (let at = 0; at < values.length; at++) {
        const one = blocks === 1 ? 0 : Math.floor(at / block);
        values[at] =
          head.getFloat32(8 * one, true) + head.getFloat32(8 * one + 4, true) * bytes[8 * blocks + at]!;
      }
      return tensor(dtype, dims, values);
    },
  };
}

/** The least number and the step, as float32 has them: both ends must use the same. */
function rangeOf(values: Reals, from: number, to: number): readonly [number, number] {
  if (from === to) return [0, 0];
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = from; at < to; at++) {
    if (!Number.isFinite(values[at]))
      throw new Error(`element ${at} is ${values[at]}, which 8 bits cannot say`);
    if (values[at]! < least) least = values[at]!;
    if (values[at]! > most) most = values[at]!;
  }
  const low = Math.fround(least);
  const step = Math.fround((most - low) / 255);
  if (!Number.isFinite(step)) throw new Error('its numbers are further apart than float32 reaches');
  return [low, step];
}
