// What codecs draw: from their seed, the peer that encodes and the bytes that it encodes, so that the same value of the
// same peer is always encoded alike, and other values, other peers' too, are not rounded in the same direction.

import { foldKey, hashName, keyOf, type PhiloxKey, philox } from '../../ir/philox.ts';

export function keyFor(seed: number, peer: string, bytes: Uint8Array): PhiloxKey {
  const own = foldKey(keyOf(BigInt(seed)), hashName(peer));
  const [low, high] = digestOf(bytes);
  return foldKey(own, BigInt(low) | (BigInt(high) << 32n));
}

/** 64 bits that differ where bytes do, by chance: no hash against those who seek two alike. After MurmurHash3 (Appleby). */
function digestOf(bytes: Uint8Array): readonly [number, number] {
  const words = new Uint32Array(new Uint8Array(bytes).buffer, 0, bytes.length >>> 2);
  let [a, b] = [bytes.length | 0, 0x9e3779b9 | 0];
  for (const word of words) {
    const mixed = Math.imul(word, 0xcc9e2d51);
    a = Math.imul(rotated(a ^ rotated(mixed, 15), 13), 5) + 0xe6546b64;
    b = Math.imul(rotated(b ^ Math.imul(rotated(mixed, 16), 0x1b873593), 15), 5) + 0x38b34ae5;
    a = (a + b) | 0;
  }
  return [scattered(a), scattered(b ^ a)];
}

const rotated = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

function scattered(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * Numbers in [0, 1), 32 bits each, of a key: sfc32 (Doty-Humphrey, PractRand), a few operations a number where a block of
 * Philox would be a hundred. It is begun from a block of the key's.
 */
export function fractions(key: PhiloxKey): () => number {
  let [a, b, c, counter] = philox(key, [0, 0, 0, 0x636f6465]);
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (rotated(c, 21) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}
