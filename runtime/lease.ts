// Buffers and who holds them: a value's memory is reused as soon as nothing on the node can read it.

import type { DataValue } from '../ir/data.ts';
import { inOneBuffer, objectBytes, packed } from './packed.ts';
import { isMissing, type Missing, type Value } from './value.ts';

/** One buffer that the node owns; several tensors may be views into it. */
export class Lease {
  readonly buffer: ArrayBuffer;
  /** What it counts for: the buffer, and the objects of values in many parts. */
  bytes: number;
  holders = 0;
  /** Handed to the application too: may be neither reused nor given away. */
  shared = false;
  /** The peer that it came from. */
  readonly from: string | undefined;
  constructor(buffer: ArrayBuffer, from: string | undefined) {
    this.buffer = buffer;
    this.from = from;
    this.bytes = buffer.byteLength;
  }
}

/** A present value. Constants and values without a tensor have no lease; all tensors of a value are in one buffer. */
export interface Held {
  readonly data: DataValue;
  readonly lease: Lease | undefined;
}

export type Slot = Held | Missing;

export const isHeld = (slot: Slot): slot is Held => 'data' in slot;

/** All leases of a node, their bytes, and what happens with those nobody holds. */
export class Leases {
  #bytes = 0;
  /** Of peers that hold any. */
  readonly #byPeer = new Map<string, number>();
  readonly #released: (buffer: ArrayBuffer) => void;

  constructor(released: (buffer: ArrayBuffer) => void) {
    this.#released = released;
  }

  /** Bytes of all buffers held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of them, those that a peer sent. */
  heldFor(peer: string): number {
    return this.#byPeer.get(peer) ?? 0;
  }

  take(buffer: ArrayBuffer, from?: string): Lease {
    const lease = new Lease(buffer, from);
    this.#count(lease, buffer.byteLength);
    return lease;
  }

  #count({ from }: Lease, bytes: number): void {
    this.#bytes += bytes;
    if (from === undefined) return;
    const held = this.heldFor(from) + bytes;
    if (held === 0) this.#byPeer.delete(from);
    else this.#byPeer.set(from, held);
  }

  /** A value from the host in memory of the node's. `known`: leases of buffers that it may share with others. */
  own(value: Value, owned: boolean, known?: Map<ArrayBuffer, Lease>): Slot {
    if (isMissing(value)) return value;
    const data = owned && inOneBuffer(value) !== undefined ? value : packed(value);
    const buffer = inOneBuffer(data);
    if (buffer === undefined) return { data, lease: undefined };
    const lease = known?.get(buffer) ?? this.take(buffer);
    known?.set(buffer, lease);
    this.charge(lease, objectBytes(data));
    return { data, lease };
  }

  /** Counts more bytes for a lease than its buffer has. */
  charge(lease: Lease, bytes: number): void {
    lease.bytes += bytes;
    this.#count(lease, bytes);
  }

  hold(slot: Slot): void {
    if (isHeld(slot) && slot.lease !== undefined) slot.lease.holders++;
  }

  drop(slot: Slot): void {
    if (isHeld(slot) && slot.lease !== undefined) this.dropLease(slot.lease);
  }

  holdAll(slots: Iterable<Slot | undefined>): void {
    for (const slot of slots) if (slot !== undefined) this.hold(slot);
  }

  dropAll(slots: Iterable<Slot | undefined> = []): void {
    for (const slot of slots) if (slot !== undefined) this.drop(slot);
  }

  dropLease(lease: Lease): void {
    if (--lease.holders === 0) this.discard(lease);
  }

  /** Ends a lease that nobody holds. */
  discard(lease: Lease): void {
    this.#count(lease, -lease.bytes);
    if (!lease.shared) this.#released(lease.buffer);
  }

  /** Counts leases that were held when a snapshot was taken. */
  load(leases: Iterable<Lease>): void {
    for (const lease of leases) this.#count(lease, lease.bytes);
  }

  /** Takes a lease that nobody holds out of the accounts, to give its buffer away. */
  giveAway(lease: Lease): ArrayBuffer {
    this.#count(lease, -lease.bytes);
    return lease.buffer;
  }
}
