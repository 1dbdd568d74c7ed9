// Frames that wait: in memory of the node's budget, once for all peers that get the same, and in a snapshot.

import type { FlowId } from '../flow-id.ts';
import type { Lease, Leases } from '../lease.ts';
import { decode, encode } from '../proto/codec.ts';
import { envelope as envelopeTable } from '../wire/envelope.ts';
import { aligned, encodeFrame, type Payload } from '../wire/frame.ts';
import type { Parcel, SharedPayloads } from './network.ts';

/** A frame as it is before each sending, which adds what is new of the link. */
export interface Waiting extends Parcel {
  readonly shared: Shared | undefined;
}

export interface SavedFrame {
  /** Without what the link adds, and without payloads. */
  readonly envelope: Uint8Array;
  /** Which of the snapshot's payloads; they lie in it as in a frame. */
  readonly payloads: number;
  readonly flow?: FlowId | undefined;
  readonly number?: number | undefined;
}

const partsOf = (payload: Payload): readonly Uint8Array[] =>
  payload === undefined ? [] : payload instanceof Uint8Array ? [payload] : payload;

/** Payloads in memory of the node; who holds them gives them back, and the last one frees them. */
export class Shared implements SharedPayloads {
  readonly payloads: readonly Payload[];
  readonly #leases: Leases;
  readonly #lease: Lease;

  constructor(leases: Leases, buffer: ArrayBuffer, payloads: readonly Payload[]) {
    this.#leases = leases;
    this.#lease = leases.take(buffer);
    this.payloads = payloads;
  }

  /** Copies, laid out as in a frame; undefined: they take more than there is room for. */
  static of(leases: Leases, payloads: readonly Payload[], roomBytes: number): Shared | undefined {
    let total = 0;
    for (const one of payloads) for (const { length } of partsOf(one)) total += aligned(length);
    if (total > roomBytes) return undefined;
    const buffer = new ArrayBuffer(total);
    let at = 0;
    const copy = (bytes: Uint8Array): Uint8Array => {
      const own = new Uint8Array(buffer, at, bytes.length);
      own.set(bytes);
      at += aligned(bytes.length);
      return own;
    };
    return new Shared(
      leases,
      buffer,
      payloads.map((one) => one && partsOf(one).map(copy)),
    );
  }

  get buffer(): ArrayBuffer {
    return this.#lease.buffer;
  }

  hold(): void {
    this.#lease.holders++;
  }

  drop(): void {
    if (--this.#lease.holders === 0) this.#leases.giveAway(this.#lease);
  }
}

/** `shared`: those of the snapshot so far. */
export function savedFrame({ envelope, shared, payloads, flow, number }: Waiting, all: Shared[]): SavedFrame {
  if (shared !== undefined && !all.includes(shared)) all.push(shared);
  // Says where each payload lies.
  encodeFrame(envelope, payloads);
  const at = shared === undefined ? -1 : all.indexOf(shared);
  return { envelope: encode(envelopeTable, envelope), payloads: at, flow, number };
}

/** The frame again, holding one of the snapshot's payloads. */
export function waitingOf(saved: SavedFrame, all: readonly Shared[]): Waiting {
  const envelope = decode(envelopeTable, saved.envelope);
  const shared = all[saved.payloads];
  shared?.hold();
  const payloads = envelope.fills.map(
    ({ payloadOffset, payloadLength }) =>
      shared && new Uint8Array(shared.buffer, payloadOffset, payloadLength),
  );
  return { envelope, shared, payloads, flow: saved.flow, number: saved.number };
}
