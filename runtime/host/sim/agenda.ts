// What is to happen, earliest first; of what happens at the same time, what was put in first.

export interface Due {
  /** ns */
  readonly at: number;
  /** Set when it is put in: unique. */
  sequence: number;
}

export interface Agenda<Event extends Due> {
  readonly size: number;
  push(event: Event): void;
  /** Takes out what is next; undefined: there is nothing. */
  pop(): Event | undefined;
  /** When the next one is. */
  readonly next: number | undefined;
}

/** A binary heap. */
export class TimeOrder<Event extends Due> implements Agenda<Event> {
  readonly #heap: Event[] = [];
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  get next(): number | undefined {
    return this.#heap[0]?.at;
  }

  push(event: Event): void {
    event.sequence = this.#sequence++;
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
