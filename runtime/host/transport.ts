// What a host asks of whatever moves its frames: sockets, message ports, a simulated network. A transport knows who
// is at the other end, finds it again when a connection breaks, and bounds what it holds.

import type { Overhead } from './overhead.ts';

/** What became of a frame given to `send`. */
export type SendOutcome =
  /** Taken over; it arrives unless the connection breaks on its way. */
  | 'taken'
  /** Dropped: too much waits for this peer already. */
  | 'full'
  /** Dropped: no such peer, or it was given up. */
  | 'unreachable';

export interface Transport {
  /** Copies the pieces of one frame. While a peer is out of reach, frames wait for it, within bounds. */
  send(to: string, pieces: readonly Uint8Array[]): SendOutcome;
  /** A short text from host to host, in order with the frames; nothing if the peer is not connected. */
  tell(to: string, note: string): void;
  /** What was sent besides frames, and twice. */
  readonly overhead: Readonly<Overhead>;
  /** What waits for peers. */
  readonly queued?: { readonly frames: number; readonly bytes: number };
  /** Discards what waits for a peer: it was given up. */
  forget(peer: string): void;
  /** Sends what waits, within a bound of time, and closes every connection. */
  close(): Promise<void>;
}

export type TransportEvent =
  /** Somebody did not get in. `fatal`: we were refused, and trying again will not help. */
  | { readonly kind: 'refused'; readonly who: string; readonly why: string; readonly fatal: boolean }
  /** Bytes that came from a peer, or were to go to it, were dropped. */
  | { readonly kind: 'frame-dropped'; readonly peer: string; readonly bytes: number; readonly why: string };

/** Where a transport delivers. */
export interface TransportUser {
  connected(peer: string): void;
  disconnected(peer: string, why: string): void;
  /** The frame's buffer is given away. `vouched`: the other has proven to be this peer, and none but it could have. */
  frame(from: string, bytes: Uint8Array, vouched: boolean): void;
  note(from: string, note: string): void;
  event(event: TransportEvent): void;
}
