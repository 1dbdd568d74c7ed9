// Sending: values for other seats are kept until their whole envelope is decided, then leave at once.

import { boolScalar } from './core-ops.ts';
import type { Flow } from './flow.ts';
import type { Send } from './instruction.ts';
import { isHeld, type Leases, type Slot } from './lease.ts';
import type { EngineOutlet } from './outlet.ts';
import type { Missing } from './value.ts';

export class Sending {
  readonly #leases: Leases;
  readonly #outlet: EngineOutlet;

  constructor(leases: Leases, outlet: EngineOutlet) {
    this.#leases = leases;
    this.#outlet = outlet;
  }

  /** Notes what a send takes along; it leaves now, unless its fragment has to commit first. */
  take(flow: Flow, index: number, { inputs, fragment, envelope }: Send): void {
    const [slot, members] = inputs;
    const value = flow.cancelled ?? (slot === undefined ? boolScalar(true) : flow.values[slot]!);
    this.#leases.hold(value);
    flow.outgoing.set(index, value);
    if (members !== undefined) {
      this.#leases.hold(flow.values[members]!);
      flow.recipients.set(index, flow.values[members]!);
    }
    if (fragment === undefined || !flow.seat.fragments[fragment]!.writes) this.#pack(flow, envelope);
  }

  /** Its fragment has committed, or is void. */
  commit(flow: Flow, index: number, { envelope }: Send, missing: Missing | undefined): void {
    const value = flow.outgoing.get(index)!;
    if (missing !== undefined && isHeld(value)) {
      this.#leases.drop(value);
      flow.outgoing.set(index, missing);
    }
    this.#pack(flow, envelope);
  }

  /** It will never have a value. */
  decline(flow: Flow, index: number, { envelope }: Send, missing: Missing): void {
    flow.outgoing.set(index, missing);
    this.#pack(flow, envelope);
  }

  /** One more send of the envelope is decided; the last one makes it leave. */
  #pack(flow: Flow, envelope: number): void {
    if (--flow.unsent[envelope]! > 0) return;
    const { sends } = flow.seat.envelopes[envelope]!;
    const values = sends.map((index) => flow.outgoing.get(index)!);
    if (flow.seat.outputs.length === 0 && values.some(isHeld)) flow.cameOut = true;
    const recipients: (Slot | undefined)[] =
      flow.recipients.size > 0 ? sends.map((index) => flow.recipients.get(index)) : [];
    // Nobody waits to hear that what it wants no more is not there.
    if (values.some((value) => isHeld(value) || !flow.unwanted.has(value)))
      this.#outlet.ship(flow, envelope, values, recipients);
    this.#leases.dropAll(values);
    this.#leases.dropAll(recipients);
    for (const index of sends) {
      flow.outgoing.delete(index);
      flow.recipients.delete(index);
    }
  }
}
