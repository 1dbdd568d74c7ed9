// Frames of a peer that has come back, for those that it has not met again: what it sends again would come too early.

import { joinPieces, pieceBytes } from '../wire/frame.ts';

const MAX_BYTES = 256 * 2 ** 20;

export class HeldFrames {
  readonly #met = new Set<string>();
  readonly #frames = new Map<string, Uint8Array[]>();
  #bytes = 0;

  /** Keeps a copy, if the peer is still to come and there is room. */
  hold(to: string, pieces: readonly Uint8Array[]): void {
    const bytes = pieceBytes(pieces);
    if (this.#met.has(to) || this.#bytes + bytes > MAX_BYTES) return;
    const frame = new Uint8Array(bytes);
    joinPieces(pieces, frame);
    this.#bytes += bytes;
    const frames = this.#frames.get(to) ?? [];
    this.#frames.set(to, frames);
    frames.push(frame);
  }

  /** The peer is here. */
  take(peer: string): readonly Uint8Array[] {
    const frames = this.#frames.get(peer) ?? [];
    this.#met.add(peer);
    this.#frames.delete(peer);
    for (const { length } of frames) this.#bytes -= length;
    return frames;
  }
}
