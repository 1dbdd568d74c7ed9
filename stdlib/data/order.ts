// Which records a batch holds: the endless order of a source, epoch after epoch, cut into batches.

import type { LastBatch, Shuffle } from '../../ir/index.ts';
import { shuffle, streamOf, upTo } from './philox.ts';

/** Epochs of `count` records: each in the source's order, or shuffled by seed, stream and epoch. */
export class Order {
  readonly count: number;
  readonly #shuffle: Shuffle | undefined;
  readonly #stream: number;
  /** The orders of the epochs asked for last: a batch may lie in two. */
  readonly #epochs = new Map<number, Uint32Array>();

  /** `stream`: tells apart members that share a seed; their shard's number. */
  constructor(count: number, options: { readonly shuffle?: Shuffle; readonly stream?: number } = {}) {
    this.count = count;
    this.#shuffle = options.shuffle;
    this.#stream = options.stream ?? 0;
  }

  /**
   * The records of batch `index` of `size`. wrap: positions [index × size, (index + 1) × size) of epochs one after the
   * other. drop and keep: each epoch has ⌊count / size⌋ or ⌈count / size⌉ batches of its own. Throws RangeError if
   * there is no such batch.
   */
  batch(index: number, size: number, last: LastBatch): Uint32Array {
    if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`there is no batch ${index}`);
    if (!Number.isSafeInteger(size) || size < 1) throw new RangeError(`there is no batch of ${size} records`);
    if (this.count === 0) throw new RangeError('there are no records');
    if (last === 'wrap') return this.#span(index * size, size);
    const perEpoch = last === 'drop' ? Math.floor(this.count / size) : Math.ceil(this.count / size);
    if (perEpoch === 0) throw new RangeError(`${this.count} records fill no batch of ${size}`);
    const from = (index % perEpoch) * size;
    return this.epoch(Math.floor(index / perEpoch)).slice(from, from + size);
  }

  #span(from: number, length: number): Uint32Array {
    if (!Number.isSafeInteger(from + length)) throw new RangeError(`there is no record ${from}`);
    const records = new Uint32Array(length);
    for (let done = 0; done < length; ) {
      const start = (from + done) % this.count;
      const part = this.epoch(Math.floor((from + done) / this.count)).subarray(start, start + length - done);
      records.set(part, done);
      done += part.length;
    }
    return records;
  }

  /** Every record once. */
  epoch(epoch: number): Uint32Array {
    const key = this.#shuffle === undefined ? 0 : epoch;
    const known = this.#epochs.get(key);
    if (known !== undefined) return known;
    const order = upTo(this.count);
    if (this.#shuffle !== undefined)
      shuffle(order, streamOf(this.#shuffle.seed, 'shuffle', epoch, this.#stream));
    if (this.#epochs.size === 2) this.#epochs.delete(this.#epochs.keys().next().value!);
    this.#epochs.set(key, order);
    return order;
  }
}
