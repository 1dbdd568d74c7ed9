// What the host has been asked to do and has not answered, and the buffers that it may read meanwhile.

import type { DataValue } from '../ir/data.ts';
import type { Flow } from './flow.ts';
import type { Call } from './instruction.ts';
import type { Held, Lease, Leases } from './lease.ts';
import type { Work } from './outlet.ts';
import { fill, type Saved } from './saved.ts';

export class Works {
  readonly #leases: Leases;
  readonly #keepsInputs: boolean;
  readonly #open = new Map<number, Work>();
  #next = 1;

  /** `keepsInputs`: so that what was asked can be asked again. */
  constructor(leases: Leases, keepsInputs: boolean) {
    this.#leases = leases;
    this.#keepsInputs = keepsInputs;
  }

  get all(): Iterable<Work> {
    return this.#open.values();
  }

  get(id: number): Work | undefined {
    return this.#open.get(id);
  }

  /** `used` is told when the inputs are held by the work, so that whoever held them can let go of them. */
  begin(flow: Flow, index: number, call: Call, inputs: readonly Held[], used: () => void) {
    const leases = new Set(inputs.flatMap(({ lease }) => lease ?? []));
    // Held while they are used up, so that the last reader finds out whether it is the only holder left.
    for (const lease of leases) lease.holders++;
    used();
    const transfer: ArrayBuffer[] = [];
    const holds: Lease[] = [];
    for (const lease of leases) {
      if (lease.holders > 1 || lease.shared || this.#keepsInputs) holds.push(lease);
      else transfer.push(this.#leases.giveAway(lease));
    }
    const data: readonly DataValue[] = inputs.map((one) => one.data);
    const asked = { flow, index, call, holds };
    const work: Work = { id: this.#next++, ...asked, inputs: this.#keepsInputs ? data : undefined };
    this.#open.set(work.id, work);
    return { work, data, transfer };
  }

  /** Gives up what the host does for an instruction; it may still be reading, so such buffers are never used again. */
  abort(flow: Flow, index: number): Work | undefined {
    for (const work of this.#open.values()) {
      if (work.flow !== flow || work.index !== index) continue;
      for (const lease of work.holds) lease.shared = true;
      return this.end(work.id);
    }
    return undefined;
  }

  save() {
    return { open: this.#open, next: this.#next };
  }

  load({ open, next }: Saved<Works>): void {
    fill(this.#open, open);
    this.#next = next;
  }

  end(id: number): Work | undefined {
    const work = this.#open.get(id);
    if (work === undefined) return undefined;
    this.#open.delete(id);
    for (const lease of work.holds) this.#leases.dropLease(lease);
    return work;
  }
}
