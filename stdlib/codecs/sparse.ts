// Codecs that send a few of a tensor's numbers.

import { keptOf, positionBits } from '../../ir/coded-bytes.ts';
import { elementCount, type Tensor } from '../../ir/index.ts';
import type { PhiloxKey } from '../../ir/philox.ts';
import { fractions, keyFor } from './chance.ts';
import { readPositions, writePositions } from './positions.ts';
import { bytesOf, float32sOf, madeOf, readFloats, requireBytes, type TensorCodec, tensor } from './reals.ts';

export interface KeptOptions {
  /** Numbers that are kept of each tensor. */
  readonly k?: number;
  /** Or the share of them, rounded. Default: 0.01. */
  readonly share?: number;
}

/** Throws an Error where both are said, or one is out of its range. */
function requireKept({ k, share }: KeptOptions): void {
  if (k !== undefined && share !== undefined) throw new Error('it takes k or share, not both');
  if (k !== undefined && !(Number.isSafeInteger(k) && k >= 1))
    throw new Error(`k is ${k}, not a whole number from 1`);
  if (share !== undefined && !(share > 0 && share <= 1))
    throw new Error(`share is ${share}, not above 0 and at most 1`);
}

/**
 * The largest numbers by magnitude, of equal ones the first, and where they stand; the rest is 0. At least one number, and
 * one of 4096, is kept.
 *
 * What is lost has at most √(1 − k/n) of the Euclidean norm (Stich et al., Sparsified SGD with memory, 2018, definition
 * 2.1), and no number that is lost is larger than one that is kept. Biased. The numbers are sent as float32, which takes
 * off at most 2^-24 of a float64 that is no denormal float32. Throws an Error for NaN, infinities and what is beyond
 * float32.
 */
export function topKCodec(options: KeptOptions = {}): TensorCodec {
  requireKept(options);
  return {
    encode(given) {
      const values = float32sOf(given);
      const kept = keptOf(values.length, options);
      const positions = largest(values, kept);
      const bytes = new Uint8Array(4 * kept + Math.ceil(positionBits(values.length, kept).bits / 8));
      bytes.set(bytesOf(Float32Array.from(positions, (at) => values[at]!)));
      writePositions(positions, values.length, bytes, 4 * kept);
      return bytes;
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      const kept = keptOf(count, options);
      requireBytes(bytes, 4 * kept + Math.ceil(positionBits(count, kept).bits / 8), dims);
      const positions = readPositions(bytes, 4 * kept, count, kept);
      return spread(positions, readFloats(bytes, 0, kept), dtype, dims);
    },
  };
}

function spread(
  positions: Uint32Array,
  numbers: Float32Array,
  dtype: Tensor['dtype'],
  dims: readonly number[],
): Tensor {
  const values = madeOf(dtype, dims);
  for (let one = 0; one < positions.length; one++) values[positions[one]!] = numbers[one]!;
  return tensor(dtype, dims, values);
}

/** Where the `kept` largest magnitudes stand, ascending. */
function largest(values: Float32Array, kept: number): Uint32Array {
  if (kept === values.length) return Uint32Array.from(values, (_, at) => at);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const { least, ties } = leastKept(bits, kept);
  const positions = new Uint32Array(kept);
  let [taken, left] = [0, ties];
  for (let at = 0; at < bits.length; at++) {
    const magnitude = bits[at]! & 0x7fffffff;
    if (magnitude < least || (magnitude === least && left-- <= 0)) continue;
    positions[taken++] = at;
  }
  return positions;
}

/**
 * The `kept`-th largest magnitude, and how many of those that are equal to it are kept. The bits of a float32 without its
 * sign order as its magnitude does, so it is found byte by byte from the top: linear, whatever the numbers are.
 */
function leastKept(bits: Uint32Array, kept: number): { readonly least: number; readonly ties: number } {
  let [prefix, left] = [0, kept];
  for (const shift of [24, 16, 8, 0]) {
    const counts = new Uint32Array(256);
    for (let at = 0; at < bits.length; at++) {
      const magnitude = bits[at]! & 0x7fffffff;
      if (shift === 24 || magnitude >>> (shift + 8) === prefix) counts[(magnitude >>> shift) & 255]!++;
    }
    let byte = 255;
    while (left > counts[byte]!) left -= counts[byte--]!;
    prefix = (prefix << 8) | byte;
  }
  return { least: prefix, ties: left };
}

export interface RandomKOptions extends KeptOptions {
  /** Default: 0. */
  readonly seed?: number;
  /** Whether what is kept is multiplied by n/k, so that the expectation is the tensor. Default: no. */
  readonly unbiased?: 'no' | 'yes';
}

/**
 * So many numbers, each choice equally likely, and the 64 bits that the choice is drawn from; the rest is 0. As many as
 * {@link topKCodec} would keep.
 *
 * What is lost is expected to have √(1 − k/n) of the Euclidean norm, and never has more than all of it (Stich et al. 2018,
 * definition 2.1). Unbiased, it is expected to be the tensor, with √(n/k − 1) of the norm as standard deviation (Wangni et
 * al. 2018, section 2, with equal chances): nothing for error feedback, which needs what loses less than there is. The numbers are
 * sent as float32. Throws an Error for NaN, infinities and what is beyond float32, multiplied.
 */
export function randomKCodec({ seed = 0, unbiased = 'no', ...options }: RandomKOptions = {}): TensorCodec {
  requireKept(options);
  return {
    encode(given, peer = '') {
      const values = float32sOf(given);
      if (values.length === 0) return new Uint8Array(0);
      const kept = keptOf(values.length, options);
      const key = keyFor(seed, peer, given.bytes);
      const factor = unbiased === 'yes' ? values.length / kept : 1;
      const numbers = Float32Array.from(drawn(key, values.length, kept), (at) => values[at]! * factor);
      const beyond = numbers.findIndex((one) => !Number.isFinite(one));
      if (beyond >= 0) throw new Error(`a number times ${factor} is beyond float32`);
      const bytes = new Uint8Array(8 + 4 * kept);
      new Uint32Array(bytes.buffer, 0, 2).set(key);
      bytes.set(bytesOf(numbers), 8);
      return bytes;
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      const kept = keptOf(count, options);
      requireBytes(bytes, count === 0 ? 0 : 8 + 4 * kept, dims);
      if (count === 0) return tensor(dtype, dims, madeOf(dtype, dims));
      const numbers = readFloats(bytes, 8, kept);
      const [low, high] = new Uint32Array(bytes.slice(0, 8).buffer);
      return spread(drawn([low!, high!], count, kept), numbers, dtype, dims);
    },
  };
}

/** Selection sampling: each of `count` is taken with the chance that what is left to take needs (Knuth, TAOCP 2, 3.4.2 S). */
function drawn(key: PhiloxKey, count: number, kept: number): Uint32Array {
  const next = fractions(key);
  const positions = new Uint32Array(kept);
  for (let [at, taken] = [0, 0]; taken < kept; at++)
    if ((count - at) * next() < kept - taken) positions[taken++] = at;
  return positions;
}
