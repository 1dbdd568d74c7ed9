// Frames that wait, in memory of the node's budget, and in a snapshot.

import type { FlowId } from '../flow-id.ts';
import type { Lease, Leases } from '../lease.ts';
import { decodeFrame, encodeFrame, joinPieces, pieceBytes } from '../wire/frame.ts';
import type { Waiting } from './link.ts';
import type { NetworkContext } from './network.ts';

export interface SavedFrame {
  readonly bytes: Uint8Array;
  readonly flow: FlowId | undefined;
  readonly number: number | undefined;
}

/** Who holds a lease gives it back; the last one takes it out of the accounts. */
export const heldBy = (leases: Leases, lease: Lease) => ({
  hold: (): void => void lease.holders++,
  drop: (): void => {
    if (--lease.holders === 0) leases.giveAway(lease);
  },
});

export function savedFrame({ envelope, payloads, flow, number }: Waiting): SavedFrame {
  const pieces = encodeFrame(envelope, payloads);
  const bytes = new Uint8Array(pieceBytes(pieces));
  joinPieces(pieces, bytes);
  return { bytes, flow, number };
}

/** Frames in a snapshot are the node's own: one that does not decode is a snapshot of something else. */
export function waitingOf({ bytes, flow, number }: SavedFrame, { leases, limits }: NetworkContext): Waiting {
  const own = bytes.slice();
  const decoded = decodeFrame(own, limits);
  if (!decoded.ok) throw new RangeError(`a kept frame of a snapshot: ${decoded.error.message}`);
  const { envelope, payloads } = decoded.frame;
  const { hold, drop } = heldBy(leases, leases.take(own.buffer));
  hold();
  return { envelope, payloads, flow, number, drop };
}
