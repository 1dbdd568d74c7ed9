// Remembers which flows have ended, in bounded memory, so that late messages do not revive them.

import type { InitiatedFlowId } from './flow-id.ts';

interface Mark {
  incarnation: number;
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

  /** `limit`: flows remembered one by one for each initiator. Initiators are the deployment's peers: bounded. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Flows remembered one by one. */
  get size(): number {
    let size = 0;
    for (const { beyond } of this.#marks.values()) size += beyond.size;
    return size;
  }

  /** Whether a flow that is not open may no more be opened. */
  has(id: InitiatedFlowId): boolean {
    const mark = this.#marks.get(id.initiator);
    if (mark === undefined || id.incarnation > mark.incarnation) return false;
    return id.incarnation < mark.incarnation || id.counter <= mark.low || mark.beyond.has(id.counter);
  }

  add(id: InitiatedFlowId): void {
    let mark = this.#marks.get(id.initiator);
    if (mark === undefined || id.incarnation > mark.incarnation) {
      mark = { incarnation: id.incarnation, low: 0, beyond: new Set() };
      this.#marks.set(id.initiator, mark);
    }
    if (id.incarnation < mark.incarnation || id.counter <= mark.low) return;
    mark.beyond.add(id.counter);
    this.#raise(mark);
  }

  #raise(mark: Mark): void {
    // Above the limit the oldest gap is given up: flows in it that never showed are late by now.
    if (mark.beyond.size > this.#limit) mark.low = least(mark.beyond) - 1;
    while (mark.beyond.delete(mark.low + 1)) mark.low++;
  }
}
