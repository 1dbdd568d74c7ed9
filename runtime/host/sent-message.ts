// What a host counts of the frames that its peers send.

import { payloadBytes, pieceBytes } from '../wire/frame.ts';

/** A frame of values that one peer sent to another. */
export interface SentMessage {
  readonly from: string;
  readonly to: string;
  /** Which of the plan's messages it is. */
  readonly envelope: number;
  /** Of the tensors in it. */
  readonly payloadBytes: number;
  /** Of all the rest: prefix, envelope and padding. */
  readonly headerBytes: number;
}

export function sentMessage(
  from: string,
  to: string,
  envelope: number,
  pieces: readonly Uint8Array[],
): SentMessage {
  const payload = payloadBytes(pieces);
  return { from, to, envelope, payloadBytes: payload, headerBytes: pieceBytes(pieces) - payload };
}
