// A stream of random numbers from a key and a counter, which is all there is to save of it.

import { type PhiloxKey, philox } from '../../ir/philox.ts';

/** Sets these draws apart from others of the same key: the counter's last word. */
const TAG = 0x636f6d70;

export class Random {
  readonly #key: PhiloxKey;
  #words: readonly number[] = [];
  #next = 4;
  /** How many blocks of four words have been begun. */
  block: number;

  constructor(key: PhiloxKey, block = 0) {
    this.#key = key;
    this.block = block;
  }

  /** A whole number below 2^32. */
  word(): number {
    if (this.#next === 4) {
      const at = this.block++;
      this.#words = philox(this.#key, [at >>> 0, Math.floor(at / 2 ** 32), 0, TAG]);
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
