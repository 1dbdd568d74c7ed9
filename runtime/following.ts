// Flows that are to follow others in their session, until they may begin.

import type { Flow, FlowStart } from './flow.ts';
import type { Leases, Slot } from './lease.ts';

type Waiting = Omit<FlowStart, 'id'>;

export class Following {
  readonly #leases: Leases;
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  /** Takes over the arguments. None follows if the session has had as many as its caller wants. */
  add(flow: Flow, given: readonly Slot[]): void {
    const { session, step, flows } = flow;
    if (this.#closed || step + 1 >= flows) {
      for (const value of given) this.#leases.drop(value);
      return;
    }
    flow.followers++;
    this.#waiting.push({ session, step: step + 1, flows, given });
  }

  /** The one that has waited longest; undefined: none waits. */
  take(): Waiting | undefined {
    return this.#waiting.shift();
  }

  /** Drops all, and takes no more. */
  close(): void {
    this.#closed = true;
    for (const { given = [] } of this.#waiting) for (const value of given) this.#leases.drop(value);
    this.#waiting = [];
  }
}
