// Streams of random words and numbers for shuffling and sharding, the same on every platform.

import { keyOf } from '../../ir/philox.ts';
import { Random } from '../../ir/random.ts';

/** What streams of one seed are for: the last word of the counter. */
export const USE = { shuffle: 1, part: 2, shard: 3 } as const;

/**
 * A stream whose key is the seed, a whole number from 0 below 2^53; the counter is [block, a, b, use], so that streams that
 * differ in one of the last three share no word.
 */
export const streamOf = (seed: number, use: keyof typeof USE, a = 0, b = 0): Random =>
  new Random(keyOf(BigInt(seed)), (block) => [block >>> 0, a >>> 0, b >>> 0, USE[use]]);

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
