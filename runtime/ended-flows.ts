// Remembers which flows have ended, in bounded memory, so that late messages do not revive them.

import { countOf, type FlowId } from './flow-id.ts';
import { fill, type Saved } from './saved.ts';

interface Mark {
  epoch: number;
  /** Every flow up to this counter has ended, or will never be let in. */
  low: number;
  /** Those ended beyond it. */
  readonly beyond: Set<number>;
}

function least(numbers: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const one of numbers) if (one < found) found = one;
  return found;
}

export class EndedFlows {
  readonly #marks = new Map<string, Mark>();
  readonly #limit: number;
  readonly #evicted: (count: number) => void;
  #size = 0;

  /**
   * `limit`: flows remembered one by one for each origin. Origins are the deployment's peers and classes, in a place within others
   * for each path that may lead there: bounded. `evicted` hears of flows that count as ended for lack of room.
   */
  constructor(limit: number, evicted: (count: number) => void) {
    this.#limit = limit;
    this.#evicted = evicted;
  }

  /** Flows remembered one by one. */
  get size(): number {
    return this.#size;
  }

  /** Whether a flow that is not open may no more be opened. */
  has(id: FlowId): boolean {
    const [origin, epoch, counter] = countOf(id);
    const mark = this.#marks.get(origin);
    if (mark === undefined || epoch > mark.epoch) return false;
    return epoch < mark.epoch || counter <= mark.low || mark.beyond.has(counter);
  }

  add(id: FlowId): void {
    const [origin, epoch, counter] = countOf(id);
    let mark = this.#marks.get(origin);
    if (mark === undefined || epoch > mark.epoch) {
      this.#size -= mark?.beyond.size ?? 0;
      mark = { epoch, low: 0, beyond: new Set() };
      this.#marks.set(origin, mark);
    }
    if (epoch < mark.epoch || counter <= mark.low) return;
    this.#size -= mark.beyond.size;
    mark.beyond.add(counter);
    this.#raise(mark);
    this.#size += mark.beyond.size;
  }

  save() {
    return this.#marks;
  }

  load(marks: Saved<EndedFlows>): void {
    fill(this.#marks, marks);
    for (const { beyond } of marks.values()) this.#size += beyond.size;
  }

  #raise(mark: Mark): void {
    // Above the limit the oldest gap is given up: flows in it that never showed are late by now.
    if (mark.beyond.size > this.#limit) {
      const low = least(mark.beyond) - 1;
      this.#evicted(low - mark.low);
      mark.low = low;
    }
    while (mark.beyond.delete(mark.low + 1)) mark.low++;
  }
}
