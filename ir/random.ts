// A stream of random words and numbers, the same on every platform: all there is to it is a key and how many blocks of it
// have been begun.

import { type PhiloxBlock, type PhiloxKey, philox } from './philox.ts';

export class Random {
  readonly #key: PhiloxKey;
  readonly #counterOf: (block: number) => PhiloxBlock;
  #words: readonly number[] = [];
  #next = 4;
  /** How many blocks of four words have been begun. */
  block: number;

  /** `counterOf`: where a block is. Streams of one key whose counters differ share no word. */
  constructor(key: PhiloxKey, counterOf: (block: number) => PhiloxBlock, block = 0) {
    this.#key = key;
    this.#counterOf = counterOf;
    this.block = block;
  }

  /** A whole number below 2^32. */
  word(): number {
    if (this.#next === 4) {
      this.#words = philox(this.#key, this.#counterOf(this.block++));
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
