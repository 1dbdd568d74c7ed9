// A binary heap of times, so that the next wake-up is known however many flows are open.

import type { Saved } from './saved.ts';

/** A time that does not come. */
export const NEVER = Number.POSITIVE_INFINITY;

interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

export class Deadlines<T> {
  #heap: Entry<T>[] = [];
  readonly #isOver: (item: T) => boolean;

  /** `isOver`: whether an item is not wanted any more. */
  constructor(isOver: (item: T) => boolean) {
    this.#isOver = isOver;
  }

  /** The earliest time. */
  get next(): number {
    while (this.#heap.length > 0 && this.#isOver(this.#heap[0]!.item)) this.#removeFirst();
    return this.#heap[0]?.at ?? NEVER;
  }

  add(at: number, item: T): void {
    const heap = this.#heap;
    let index = heap.push({ at, item }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= at) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Takes out the earliest item, if its time has come. */
  due(now: number): T | undefined {
    if (this.next > now) return undefined;
    const { item } = this.#heap[0]!;
    this.#removeFirst();
    return item;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Drops all that are over, in linear time, where there are more than `most` in all. */
  tidy(most: number): void {
    if (this.size <= most) return;
    const wanted = this.#heap.filter(({ item }) => !this.#isOver(item));
    this.#heap = [];
    for (const { at, item } of wanted) this.add(at, item);
  }

  save() {
    return this.#heap;
  }

  load(heap: Saved<Deadlines<T>>): void {
    this.#heap = heap;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #swap(a: number, b: number): void {
    const entry = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = entry;
  }
}
