// Streams of random words and numbers for shuffling and sharding, the same on every platform.

import { philox } from '../../ir/philox.ts';

/** What streams of one seed are for: the last word of the counter. */
export const USE = { shuffle: 1, part: 2, shard: 3 } as const;

/**
 * A stream of random words. The key is the seed; the counter is [block, a, b, use], so that streams that differ in one
 * of the last three share no word.
 */
export class Random {
  readonly #key: readonly [number, number];
  readonly #stream: readonly [number, number, number];
  #block = 0;
  #words: readonly number[] = [];
  #next = 4;

  /** `seed`: a whole number from 0 below 2^53. */
  constructor(seed: number, use: keyof typeof USE, a = 0, b = 0) {
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.#stream = [a >>> 0, b >>> 0, USE[use]];
  }

  /** A whole number below 2^32. */
  word(): number {
    if (this.#next === 4) {
      this.#words = philox(this.#key, [this.#block++ >>> 0, ...this.#stream]);
      this.#next = 0;
    }
    return this.#words[this.#next++]!;
  }

  /** A whole number below `bound`, each equally likely; `bound` is from 1 to 2^32. */
  below(bound: number): number {
    // Words of the last, incomplete run of `bound` would favour low numbers.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % bound;
  }

  /** In (0, 1): (n + 0.5) / 2^53 for a random n below 2^53, so never 0. */
  fraction(): number {
    const high = this.word() >>> 5;
    const low = this.word() >>> 6;
    return (high * 2 ** 26 + low + 0.5) / 2 ** 53;
  }
}

/** Puts the numbers in random order, in place: Fisher–Yates from the end, j = below(i + 1). */
export function shuffle(numbers: Uint32Array, random: Random): Uint32Array {
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = numbers[i]!;
    numbers[i] = numbers[j]!;
    numbers[j] = kept;
  }
  return numbers;
}

/** 0, 1 … count - 1. */
export const upTo = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, index) => index);
