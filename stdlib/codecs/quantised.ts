// Codecs with a few bits for each number, and a float32 for each block of them.

import { bitsFor, blocksOf, codecDefaults } from '../../ir/coded-bytes.ts';
import { elementCount } from '../../ir/index.ts';
import { BitReader, BitWriter } from './bits.ts';
import { fractions, keyFor } from './chance.ts';
import { bytesOf, float32sOf, madeOf, readFloats, requireBytes, type TensorCodec, tensor } from './reals.ts';

/** Each block of so many numbers: which it is, and from where to where it goes. */
function* blocksIn(
  count: number,
  block: number,
): Generator<readonly [one: number, from: number, to: number]> {
  for (let [one, from] = [0, 0]; from < count; one++, from += block)
    yield [one, from, Math.min(count, from + block)];
}

export interface QsgdOptions {
  /** Steps from 0 to the largest magnitude of a block, below 2^22. Default: 7, which takes 4 bits. */
  readonly levels?: number;
  /** Numbers that share a scale, counted through the tensor in its order. Default: 512. */
  readonly block?: number;
  /** Default: 0. */
  readonly seed?: number;
}

/**
 * Stochastic quantisation (Alistarh et al., QSGD, 2017, section 3.1) to multiples of a block's scale divided by `levels`,
 * up or down with the chances that make the number itself the expectation. The scale is the block's largest magnitude, as
 * that paper's experiments have it (section 5); 2·levels + 1 codes take ⌈log₂⌉ of that many bits.
 *
 * What is off by is less than one step: scale / levels; its standard deviation at most half of that. Unbiased. 0 stays
 * 0. Throws an Error for NaN, infinities and what is beyond float32.
 */
export function qsgdCodec(options: QsgdOptions = {}): TensorCodec {
  const { levels, block, seed } = { ...codecDefaults.qsgd, seed: 0, ...options };
  if (!(Number.isSafeInteger(levels) && levels >= 1 && levels < 2 ** 22))
    throw new Error(`levels is ${levels}, not a whole number from 1, below 2^22`);
  const width = bitsFor(2 * levels + 1);
  const sizeOf = (count: number): number => 4 * blocksOf(count, block) + Math.ceil((count * width) / 8);
  return {
    encode(given, peer = '') {
      const values = float32sOf(given);
      const bytes = new Uint8Array(sizeOf(values.length));
      const scales = new Float32Array(blocksOf(values.length, block));
      const chance = fractions(keyFor(seed, peer, given.bytes));
      const writer = new BitWriter(bytes, scales.byteLength);
      for (const [one, from, to] of blocksIn(values.length, block)) {
        let scale = 0;
        for (let at = from; at < to; at++) scale = Math.max(scale, Math.abs(values[at]!));
        scales[one] = scale;
        for (let at = from; at < to; at++) {
          const place = scale === 0 ? 0 : (values[at]! / scale) * levels;
          const below = Math.floor(place);
          writer.put(below + (chance() < place - below ? 1 : 0) + levels, width);
        }
      }
      writer.end();
      bytes.set(bytesOf(scales));
      return bytes;
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      requireBytes(bytes, sizeOf(count), dims);
      const scales = readFloats(bytes, 0, blocksOf(count, block));
      const reader = new BitReader(bytes, scales.byteLength);
      const values = madeOf(dtype, dims);
      for (const [one, from, to] of blocksIn(count, block)) {
        for (let at = from; at < to; at++) {
          const code = reader.take(width);
          if (code > 2 * levels) throw new Error(`code ${code} of ${2 * levels + 1}`);
          values[at] = (scales[one]! * (code - levels)) / levels;
        }
      }
      return tensor(dtype, dims, values);
    },
  };
}

export interface SignOptions {
  /** Numbers that share a scale, counted through the tensor in its order. Default: all of them. */
  readonly block?: number;
}

/**
 * A bit for each number, its sign, times the mean magnitude of its block (Bernstein et al., signSGD, 2018, with the scale of
 * Karimireddy et al., Error feedback fixes SignSGD, 2019, definition 2 and lemma 8). 0 counts as above 0.
 *
 * What is lost of a block v of d numbers has the squared norm ‖v‖² − ‖v‖₁²/d, so at most 1 − 1/d of all. Biased. Throws an
 * Error for NaN, infinities and what is beyond float32.
 */
export function signCodec({ block = Number.POSITIVE_INFINITY }: SignOptions = {}): TensorCodec {
  const sizeOf = (count: number): number => 4 * blocksOf(count, block) + Math.ceil(count / 8);
  return {
    encode(given) {
      const values = float32sOf(given);
      const bytes = new Uint8Array(sizeOf(values.length));
      const scales = new Float32Array(blocksOf(values.length, block));
      const writer = new BitWriter(bytes, scales.byteLength);
      for (const [one, from, to] of blocksIn(values.length, block)) {
        let sum = 0;
        for (let at = from; at < to; at++) {
          sum += Math.abs(values[at]!);
          writer.put(values[at]! < 0 ? 1 : 0, 1);
        }
        scales[one] = sum / (to - from);
      }
      writer.end();
      bytes.set(bytesOf(scales));
      return bytes;
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      requireBytes(bytes, sizeOf(count), dims);
      const scales = readFloats(bytes, 0, blocksOf(count, block));
      const reader = new BitReader(bytes, scales.byteLength);
      const values = madeOf(dtype, dims);
      for (const [one, from, to] of blocksIn(count, block)) {
        for (let at = from; at < to; at++) values[at] = reader.take(1) === 1 ? -scales[one]! : scales[one]!;
      }
      return tensor(dtype, dims, values);
    },
  };
}
