// A codebook made of the tensor itself, and for each few numbers which of its entries is nearest.

import { bitsFor, codecDefaults, quantisedAs } from '../../ir/coded-bytes.ts';
import { elementCount } from '../../ir/index.ts';
import { keyOf } from '../../ir/philox.ts';
import { BitReader, BitWriter } from './bits.ts';
import { fractions } from './chance.ts';
import { bytesOf, float32sOf, madeOf, readFloats, requireBytes, type TensorCodec, tensor } from './reals.ts';

export interface ProductOptions {
  /** Numbers that have one code together, in the tensor's order. Default: 2. */
  readonly length?: number;
  /** Entries of the codebook, from 2 to 65536. Default: 16, which take 4 bits. */
  readonly centroids?: number;
  /** What the first entries are drawn from. Default: 0. */
  readonly seed?: number;
}

/** Rounds of k-means. */
const ROUNDS = 8;
/** Subvectors for each entry that the codebook is made of; of more, every so-manieth. */
const SAMPLES = 32;

/**
 * Product quantisation of a tensor cut into subvectors (Jégou et al. 2011; one codebook for the whole tensor as Stock et
 * al., And the bit goes down, 2020, section 3.1): the codebook by k-means (Lloyd 1982, begun as Arthur and Vassilvitskii
 * 2007), as float32, then a code for each subvector. Entry 0 is the zero vector. Only where both are fewer bytes than the
 * numbers: else these cross as float32.
 *
 * What is lost of a subvector is its distance to the nearest entry, so at most its norm, and nothing of zeros. Biased.
 * Throws an Error for NaN, infinities and what is beyond float32.
 */
export function productCodec(options: ProductOptions = {}): TensorCodec {
  const { length, centroids, seed } = { ...codecDefaults['product-quantised'], seed: 0, ...options };
  if (!(Number.isSafeInteger(centroids) && centroids >= 2 && centroids <= 65_536))
    throw new Error(`centroids is ${centroids}, not a whole number from 2 to 65536`);
  const width = bitsFor(centroids);
  return {
    encode(given) {
      const values = float32sOf(given);
      const size = quantisedAs(values.length, length, centroids);
      if (size === undefined) return bytesOf(values);
      const vectors = new Float32Array(Math.ceil(values.length / length) * length);
      vectors.set(values);
      const book = trained(vectors, length, centroids, seed);
      const bytes = new Uint8Array(size.book + size.codes);
      bytes.set(bytesOf(book));
      const writer = new BitWriter(bytes, size.book);
      for (const code of nearest(vectors, book, length).codes) writer.put(code, width);
      writer.end();
      return bytes;
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      const size = quantisedAs(count, length, centroids);
      requireBytes(bytes, size === undefined ? 4 * count : size.book + size.codes, dims);
      const values = madeOf(dtype, dims);
      if (size === undefined) {
        values.set(readFloats(bytes, 0, count));
        return tensor(dtype, dims, values);
      }
      const book = readFloats(bytes, 0, length * centroids);
      const reader = new BitReader(bytes, size.book);
      for (let from = 0; from < count; from += length) {
        const code = reader.take(width);
        if (code >= centroids) throw new Error(`code ${code} of ${centroids}`);
        for (let at = from; at < Math.min(count, from + length); at++)
          values[at] = book[code * length + at - from]!;
      }
      return tensor(dtype, dims, values);
    },
  };
}

/** By subvector: the entry that it is nearest to, of equal ones the first, and the square of how far. */
function nearest(
  vectors: Float32Array,
  book: Float32Array,
  length: number,
): { readonly codes: Uint16Array; readonly apart: Float64Array } {
  const [count, entries] = [vectors.length / length, book.length / length];
  const codes = new Uint16Array(count);
  const apart = new Float64Array(count);
  // First numbers of all entries, second ones of all …: the inner loop goes through memory in order.
  const across = Float32Array.from(
    book,
    (_, at) => book[(at % entries) * length + Math.floor(at / entries)]!,
  );
  const distances = new Float64Array(entries);
  for (let one = 0; one < count; one++) {
    distances.fill(0);
    for (let at = 0; at < length; at++) {
      const value = vectors[one * length + at]!;
      for (let entry = 0; entry < entries; entry++) {
        const off = value - across[at * entries + entry]!;
        distances[entry]! += off * off;
      }
    }
    let code = 0;
    for (let entry = 1; entry < entries; entry++) if (distances[entry]! < distances[code]!) code = entry;
    codes[one] = code;
    apart[one] = distances[code]!;
  }
  return { codes, apart };
}

function trained(all: Float32Array, length: number, centroids: number, seed: number): Float32Array {
  const vectors = sampleOf(all, length, SAMPLES * centroids);
  const book = begun(vectors, length, centroids, fractions(keyOf(BigInt(seed))));
  const count = vectors.length / length;
  for (let round = 0; round < ROUNDS; round++) {
    const { codes } = nearest(vectors, book, length);
    const sums = new Float64Array(book.length);
    const members = new Uint32Array(centroids);
    for (let one = 0; one < count; one++) {
      const code = codes[one]!;
      members[code]!++;
      for (let at = 0; at < length; at++) sums[code * length + at]! += vectors[one * length + at]!;
    }
    // Entry 0 stays where it is, and so do those that are nearest to none.
    for (let entry = 1; entry < centroids; entry++)
      if (members[entry]! > 0)
        for (let at = entry * length; at < (entry + 1) * length; at++) book[at] = sums[at]! / members[entry]!;
  }
  return book;
}

function sampleOf(all: Float32Array, length: number, most: number): Float32Array {
  const count = all.length / length;
  if (count <= most) return all;
  const sample = new Float32Array(most * length);
  for (let one = 0; one < most; one++) {
    const from = Math.floor((one * count) / most) * length;
    sample.set(all.subarray(from, from + length), one * length);
  }
  return sample;
}

/** Each entry one of the subvectors, with chances by the square of the distance to those before; 0 where all are met. */
function begun(vectors: Float32Array, length: number, centroids: number, chance: () => number): Float32Array {
  const book = new Float32Array(centroids * length);
  const count = vectors.length / length;
  const { apart } = nearest(vectors, book.subarray(0, length), length);
  for (let entry = 1; entry < centroids; entry++) {
    let left = chance() * apart.reduce((sum, one) => sum + one, 0);
    if (left === 0) break;
    let chosen = 0;
    while (chosen < count - 1 && left >= apart[chosen]!) left -= apart[chosen++]!;
    const added = vectors.subarray(chosen * length, (chosen + 1) * length);
    book.set(added, entry * length);
    for (let one = 0; one < count; one++) {
      let sum = 0;
      for (let at = 0; at < length; at++) sum += (vectors[one * length + at]! - added[at]!) ** 2;
      apart[one] = Math.min(apart[one]!, sum);
    }
  }
  return book;
}
