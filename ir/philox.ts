// Philox 4x32-10: a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11,
// section 3.3). Block n of a key's stream is a function of key and n alone, so nothing is carried from draw to
// draw, and the same key draws the same on every machine. `dsl/random` records the same function as ONNX.

import { utf8Encoder } from './utf8.ts';

/** 64 bits: two uint32, the lower one first. */
export type PhiloxKey = readonly [low: number, high: number];
/** 128 bits: four uint32, the lowest one first. */
export type PhiloxBlock = readonly [number, number, number, number];

export const PHILOX_ROUNDS = 10;
/** What a counter's first and third word are multiplied with. */
export const PHILOX_MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** What is added to the key after each round: the golden ratio and √3 − 1, as fractions of 2³². */
export const PHILOX_WEYL = [0x9e3779b9, 0xbb67ae85] as const;

/** The block of random bits at a counter. */
export function philox(key: PhiloxKey, counter: PhiloxBlock): PhiloxBlock {
  let [a, b, c, d] = counter;
  let [low, high] = key;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const [m, n] = PHILOX_MULTIPLIERS;
    const [mHigh, nHigh] = [multiplyHigh(m, a), multiplyHigh(n, c)];
    const [mLow, nLow] = [Math.imul(m, a), Math.imul(n, c)];
    [a, b, c, d] = [(nHigh ^ b ^ low) >>> 0, nLow >>> 0, (mHigh ^ d ^ high) >>> 0, mLow >>> 0];
    low = (low + PHILOX_WEYL[0]) >>> 0;
    high = (high + PHILOX_WEYL[1]) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper 32 bits of a product of two uint32. */
function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh] = [a & 0xffff, a >>> 16];
  const [bLow, bHigh] = [b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle % 0x10000);
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000);
}

/** What a fold's counter has in its fourth word, so that folding shares no block with drawing. */
export const FOLD_TAG = 0x666f6c64;

/** The key that a number of 64 bits makes of another: for a step, a layer, a member. */
export function foldKey(key: PhiloxKey, data: bigint): PhiloxKey {
  const [low, high] = philox(key, [...wordsOf(data), 0, FOLD_TAG]);
  return [low, high];
}

/** The key of a seed of 64 bits. */
export const keyOf = (seed: bigint): PhiloxKey => wordsOf(seed);

const wordsOf = (data: bigint): [number, number] => [
  Number(BigInt.asUintN(32, data)),
  Number(BigInt.asUintN(32, data >> 32n)),
];

/** 64 bits of a name (FNV-1a over its UTF-8), to fold into a key. */
export function hashName(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of utf8Encoder.encode(name)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

/** The first `count` words of a key's stream: block n is at the counter n. */
export function randomWords(key: PhiloxKey, count: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let block = 0; block * 4 < count; block++) {
    const [low, high] = [block >>> 0, Math.floor(block / 2 ** 32)];
    words.set(philox(key, [low, high, 0, 0]).slice(0, count - block * 4), block * 4);
  }
  return words;
}
