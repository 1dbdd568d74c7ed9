// Values of joint flows that this member has not entered yet: they wait, as many as fit.

import type { Edge } from '../ir/deployment.ts';
import type { Leases, Slot } from './lease.ts';
import { fill, type Saved } from './saved.ts';

export interface EarlyValue {
  readonly edge: Edge;
  readonly from: string;
  /** Held. */
  readonly slot: Slot;
}

/** Of all flows. */
const MAX_EARLY = 4096;

export class EarlyFrames {
  readonly #leases: Leases;
  /** By flow and seat, oldest first. */
  readonly #waiting = new Map<string, EarlyValue[]>();
  #size = 0;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  get size(): number {
    return this.#size;
  }

  /** Keeps a value; gives what had to go for it. */
  keep(key: string, value: EarlyValue): readonly EarlyValue[] {
    this.#leases.hold(value.slot);
    const mine = this.#waiting.get(key) ?? [];
    mine.push(value);
    this.#waiting.set(key, mine);
    this.#size++;
    return this.#size > MAX_EARLY ? this.#drop(value.from) : [];
  }

  /** The oldest of the peer that sends too much: what others sent stays. */
  #drop(from: string): readonly EarlyValue[] {
    for (const [key, values] of this.#waiting) {
      const at = values.findIndex((one) => one.from === from);
      if (at === -1) continue;
      const gone = values.splice(at, 1);
      if (values.length === 0) this.#waiting.delete(key);
      this.#size--;
      this.#leases.drop(gone[0]!.slot);
      return gone;
    }
    return [];
  }

  /** What has come for a flow; its slots stay held, for the caller. */
  take(key: string): readonly EarlyValue[] {
    const mine = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    this.#size -= mine.length;
    return mine;
  }

  save() {
    return { waiting: this.#waiting, size: this.#size };
  }

  load({ waiting, size }: Saved<EarlyFrames>): void {
    fill(this.#waiting, waiting);
    this.#size = size;
  }
}
