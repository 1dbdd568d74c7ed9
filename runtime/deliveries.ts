// What comes in frames: given to the flows that wait for it, in every seat of this peer; or refused, kept or dropped.

import { type DataValue, isTensor } from '../ir/data.ts';
import type { Edge } from '../ir/deployment.ts';
import type { Collects } from './collects.ts';
import type { ComponentDesk } from './components/desk.ts';
import type { EarlyFrames } from './early-frames.ts';
import type { EndedFlows } from './ended-flows.ts';
import type { Engine } from './engine.ts';
import { type Flow, type FlowHead, isStartedSo, seatKey } from './flow.ts';
import { type FlowId, flowKey, startersOf } from './flow-id.ts';
import type { Program, SeatProgram } from './instruction.ts';
import type { Input } from './io.ts';
import type { Lease, Leases, Slot } from './lease.ts';
import type { Limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { objectBytes } from './packed.ts';
import { isMissing, type Missing, type Value } from './value.ts';
import { hand } from './wire/control.ts';
import type { Courier, Delivery } from './wire/courier.ts';

/** The node around. */
export interface DeliveriesAround {
  readonly peer: string;
  readonly program: Program;
  readonly limits: Limits;
  readonly leases: Leases;
  readonly outbox: Outbox;
  readonly courier: Courier;
  readonly engine: Engine;
  readonly early: EarlyFrames;
  /** By flow and seat. */
  readonly flows: ReadonlyMap<string, Flow>;
  /** By seat. */
  readonly ended: readonly EndedFlows[];
  readonly collects: readonly Collects[];
  components(): ComponentDesk | undefined;
  heard(peer: string): void;
  inAllSeats(id: FlowId): readonly Flow[];
  /** Whether flows of the seat's entry begin in it. */
  beginsAt(seat: SeatProgram): boolean;
  isShutDown(): boolean;
  open(seat: SeatProgram, head: FlowHead): Flow;
  cancel(flow: Flow, why: string): void;
  ship(head: FlowHead, seat: SeatProgram, envelope: number, slots: readonly Slot[]): void;
}

const bytesBeside = (value: DataValue, { buffer }: Lease): number =>
  isTensor(value) && value.bytes.buffer !== buffer ? value.bytes.length : 0;

export class Deliveries {
  readonly #around: DeliveriesAround;

  constructor(around: DeliveriesAround) {
    this.#around = around;
  }

  frame({ from, bytes, vouched, owned }: Omit<Extract<Input, { type: 'frame' }>, 'type'>): void {
    if (from !== this.#around.peer && this.#around.courier.network?.admits(from) === false) return;
    this.#around.heard(from);
    if (bytes.length > this.#around.limits.frameBytes)
      return this.#around.outbox.drop('limit', from, `a frame of ${bytes.length} bytes`);
    const mine = owned === true && bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
    const lease = this.#around.leases.take(mine.buffer as ArrayBuffer, from);
    // Held meanwhile: a value that nobody reads must not free the frame of those that come after it.
    lease.holders++;
    const delivery = this.#around.courier.open(from, mine);
    if (delivery?.control !== undefined)
      hand(delivery.control, from, this.#around.components(), this.#around.outbox);
    else if (delivery !== undefined)
      this.#deliver(from, vouched === true ? delivery : this.#vouchless(from, delivery), lease);
    this.#around.leases.dropLease(lease);
    if (delivery?.flow === undefined) return;
    const { flow: head, cancel, unwanted } = delivery;
    for (const flow of unwanted.length === 0 ? [] : this.#around.inAllSeats(head.id)) {
      const edges = unwanted.map(({ id }) => id);
      this.#around.engine.leave(flow, edges, { reason: 'cancelled', peer: from, detail: 'wanted no more' });
      this.#around.engine.settle(flow);
    }
    if (cancel === undefined) return;
    for (const flow of this.#around.inAllSeats(head.id)) this.#around.cancel(flow, cancel);
  }

  /** Without what is only taken from those who are vouched for: whoever it is really from may still answer. */
  #vouchless(from: string, delivery: Delivery): Delivery {
    const values = delivery.values.filter(({ edge }) => {
      const seat = this.#around.program.receivers.get(edge.id)!;
      const one = seat.instructions[seat.receivers.get(edge.id)!]!;
      if (one.kind !== 'collect' || !one.vouched) return true;
      this.#around.outbox.drop('unvouched', from, 'nobody vouches for its sender', edge.id);
      return false;
    });
    return { ...delivery, values };
  }

  /** Gives a frame's values to its flow, in the seats that wait for them. */
  #deliver(from: string, { flow: head, values, cancel }: Delivery, lease: Lease): void {
    const { receivers, seats } = this.#around.program;
    // What a codec decoded is in memory of its own, which is counted and let go of with the frame's.
    for (const { value } of values)
      if (!isMissing(value))
        this.#around.leases.charge(lease, objectBytes(value) + bytesBeside(value, lease));
    const seatsOf = new Set(values.map(({ edge }) => receivers.get(edge.id)!));
    // What is cancelled before anything of it comes is so in the only seat, if there is one only.
    if (cancel !== undefined && seats.length === 1) seatsOf.add(seats[0]!);
    for (const seat of seatsOf) {
      const mine = values.filter(({ edge }) => receivers.get(edge.id) === seat);
      const flow = this.#deliverTo(seat, from, { ...head, values: mine }, lease);
      if (flow !== undefined) this.#around.engine.settle(flow);
    }
  }

  /** Gives the flow, to be settled; undefined if the values go nowhere. */
  #deliverTo(
    seat: SeatProgram,
    from: string,
    { values, ...head }: FlowHead & Pick<Delivery, 'values'>,
    lease: Lease,
  ): Flow | undefined {
    const { id } = head;
    const key = flowKey(id);
    let flow = this.#around.flows.get(seatKey(id, seat));
    const collects = this.#around.collects[seat.index]!;
    if (!isStartedSo(seat, id)) {
      this.#around.outbox.drop('binding', from, `nobody starts flow ${key} in this entry`);
      return undefined;
    }
    if (flow === undefined) {
      // Nobody else can open a flow of ours where it begins.
      const here = this.#around.beginsAt(seat);
      const ours = here && startersOf(id).includes(this.#around.peer);
      if (id.kind === 'joint' && here && !this.#around.ended[seat.index]!.has(id)) {
        this.#keepEarly(seatKey(id, seat), from, values, lease);
        return undefined;
      }
      if (ours || this.#around.ended[seat.index]!.has(id)) {
        const awaited = values.filter(({ edge, value }) =>
          collects.late(head, edge, from, this.#slotIn(value, lease)),
        );
        if (awaited.length < values.length || values.length === 0)
          this.#around.outbox.drop('late', from, `flow ${key} has ended here`);
        return undefined;
      }
      const why = this.#fullFor(from, true);
      if (why !== undefined) {
        this.#refuse(seat, from, head, why);
        return undefined;
      }
      flow = this.#around.open(seat, head);
      flow.openedBy = from;
    }
    for (const { edge, value } of values) {
      // Over the budget only news that cost no memory still gets in.
      const full = isMissing(value) ? undefined : this.#fullFor(from, false);
      const fill: Value =
        full === undefined ? value : { reason: 'refused', peer: this.#around.peer, edge: edge.id };
      if (full !== undefined) this.#around.outbox.drop('limit', from, full, edge.id);
      const slot = this.#slotIn(fill, lease);
      if (!this.fill(flow, edge, from, slot) && !collects.late(head, edge, from, slot))
        this.#around.outbox.drop('duplicate', from, `edge ${edge.id} of flow ${key} has its value`, edge.id);
    }
    return flow;
  }

  /** Why nothing more of a peer, or no new flow of it, may be taken in; undefined: it may. */
  #fullFor(from: string, opens: boolean): string | undefined {
    const { flows, leases, limits, peer } = this.#around;
    if (leases.bytes > limits.bytes) return `${leases.bytes} bytes are held`;
    const held = from === peer ? 0 : leases.heldFor(from);
    if (held > limits.peerBytes) return `${held} bytes of it are held`;
    if (!opens) return undefined;
    if (this.#around.isShutDown()) return 'the node shuts down';
    if (flows.size >= limits.flows) return `${flows.size} flows are open`;
    if (from === peer || flows.size < limits.peerFlows) return undefined;
    let opened = 0;
    for (const flow of flows.values()) if (flow.openedBy === from) opened++;
    return opened >= limits.peerFlows ? `${opened} flows of it are open` : undefined;
  }

  /** A flow that this member has not entered yet. */
  #keepEarly(key: string, from: string, values: Delivery['values'], lease: Lease): void {
    for (const { edge, value } of values) {
      const full = this.#fullFor(from, false);
      if (full !== undefined) this.#around.outbox.drop('limit', from, full, edge.id);
      const gone =
        full !== undefined
          ? []
          : this.#around.early.keep(key, { edge, from, slot: this.#slotIn(value, lease) });
      for (const one of gone)
        this.#around.outbox.drop(
          'limit',
          one.from,
          'too much waits for flows that are not entered',
          one.edge.id,
        );
    }
  }

  fill(flow: Flow, edge: Edge, from: string, slot: Slot): boolean {
    const index = flow.seat.receivers.get(edge.id)!;
    const one = flow.seat.instructions[index]!;
    const field = one.kind === 'collect' ? one.edges.indexOf(edge) : 0;
    return this.#around.engine.arrivals.arrive(flow, index, field, from, slot);
  }

  #slotIn(value: Value, lease: Lease): Slot {
    if (isMissing(value)) return value;
    return { data: value, lease };
  }

  /** Takes no part in a flow, and says so to everyone who would wait for it here. */
  #refuse(seat: SeatProgram, from: string, head: FlowHead, why: string): void {
    this.#around.ended[seat.index]!.add(head.id);
    this.#around.outbox.drop('limit', from, `flow ${flowKey(head.id)} is refused: ${why}`);
    const missing: Missing = { reason: 'refused', peer: this.#around.peer, detail: why };
    seat.envelopes.forEach(({ sends }, envelope) => {
      this.#around.ship(
        head,
        seat,
        envelope,
        sends.map(() => missing),
      );
    });
  }
}
