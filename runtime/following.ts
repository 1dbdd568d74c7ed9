// Flows that are to follow others in their session, until they may begin; and what a session that its caller bounds
// would have gone on with.

import type { Flow, FlowStart } from './flow.ts';
import { flowKey } from './flow-id.ts';
import type { NodeEvent, Values } from './io.ts';
import { isHeld, type Leases, type Slot } from './lease.ts';

type Waiting = Omit<FlowStart, 'id'>;

export class Following {
  readonly #leases: Leases;
  /** Of the entry's arguments. */
  readonly #names: readonly string[];
  readonly #tell: (event: NodeEvent) => void;
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(leases: Leases, names: readonly string[], tell: (event: NodeEvent) => void) {
    this.#leases = leases;
    this.#names = names;
    this.#tell = tell;
  }

  /** Takes over the arguments. None follows if the session has had as many as its caller wants. */
  add(flow: Flow, given: readonly Slot[]): void {
    const { session, flows } = flow;
    const step = flow.step + 1;
    if (!this.#closed && flows > 1) {
      flow.followers++;
      this.#waiting.push({ session, step, flows: flows - 1, given });
      return;
    }
    if (!this.#closed) this.#pause(flow, step, given);
    for (const value of given) this.#leases.drop(value);
  }

  #pause(flow: Flow, step: number, given: readonly Slot[]): void {
    const values: Record<string, Values[string]> = {};
    for (const [at, slot] of given.entries()) {
      if (isHeld(slot) && slot.lease !== undefined) slot.lease.shared = true;
      values[this.#names[at]!] = isHeld(slot) ? slot.data : slot;
    }
    this.#tell({ kind: 'session-paused', flow: flow.id, step, arguments: values });
  }

  /** The one that has waited longest; undefined: none waits. */
  take(): Waiting | undefined {
    return this.#waiting.shift();
  }

  /** Drops those of a flow's session. */
  drop({ session }: Flow): void {
    const key = flowKey(session);
    this.#waiting = this.#waiting.filter((one) => {
      const stays = flowKey(one.session) !== key;
      if (!stays) for (const value of one.given ?? []) if (value !== undefined) this.#leases.drop(value);
      return stays;
    });
  }

  /** Drops all, and takes no more. */
  close(): void {
    this.#closed = true;
    for (const { given = [] } of this.#waiting)
      for (const value of given) if (value !== undefined) this.#leases.drop(value);
    this.#waiting = [];
  }
}
