// Digests of tensors: SHA-256 (FIPS 180-4) over dtype, shape and raw little-endian elements, of which the first 8 bytes are
// an int64. The core computes them itself, since what platforms have answers later and from outside.

import type { Tensor } from '../ir/types.ts';
import { utf8Encoder } from '../ir/utf8.ts';

/** Fractional parts of roots of the first primes, 32 bits of each. */
function fractions(count: number, root: 2 | 3): Uint32Array {
  const words = new Uint32Array(count);
  for (let prime = 2, found = 0; found < count; prime++) {
    let divisor = 2;
    while (divisor * divisor <= prime && prime % divisor !== 0) divisor++;
    if (divisor * divisor <= prime) continue;
    const value = root === 2 ? Math.sqrt(prime) : Math.cbrt(prime);
    words[found++] = Math.floor((value - Math.floor(value)) * 2 ** 32);
  }
  return words;
}

const ROUNDS = fractions(64, 3);
const START = fractions(8, 2);

const rotated = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** The SHA-256 of the parts, one after another. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const padded = new Uint8Array(Math.ceil((length + 9) / 64) * 64);
  let at = 0;
  for (const part of parts) {
    padded.set(part, at);
    at += part.length;
  }
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(length) * 8n);
  const state = START.slice();
  const words = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 64; i++) words[i] = i < 16 ? view.getUint32(block + 4 * i) : extended(words, i);
    compress(state, words);
  }
  const digest = new Uint8Array(32);
  state.forEach((word, i) => {
    new DataView(digest.buffer).setUint32(4 * i, word);
  });
  return digest;
}

function extended(words: Uint32Array, i: number): number {
  const [early, late] = [words[i - 15]!, words[i - 2]!];
  const s0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
  const s1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
  return words[i - 16]! + s0 + words[i - 7]! + s1;
}

function compress(state: Uint32Array, words: Uint32Array): void {
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotated(e!, 6) ^ rotated(e!, 11) ^ rotated(e!, 25);
    const one = (h! + s1 + ((e! & f!) ^ (~e! & g!)) + ROUNDS[i]! + words[i]!) | 0;
    const s0 = rotated(a!, 2) ^ rotated(a!, 13) ^ rotated(a!, 22);
    const two = (s0 + ((a! & b!) ^ (a! & c!) ^ (b! & c!))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d! + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = state[i]! + word!;
  });
}

/** An int64 scalar that is equal for equal tensors, on every platform. */
export function digestOf({ dtype, dims, bytes }: Tensor): Tensor {
  const head = utf8Encoder.encode(`${dtype}[${dims.join()}]`);
  return { dtype: 'int64', dims: [], bytes: sha256(head, bytes).slice(0, 8) };
}
