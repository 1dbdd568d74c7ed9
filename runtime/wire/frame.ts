// One frame of the wire:
//
//   offset  0  magic "bbwf"
//           4  uint8 wire version, 5  uint8 its minor version, which only adds what may be passed over
//           6  uint16 flags, 0
//           8  uint32 envelope length    12  uint32 head length: prefix, envelope and padding
//          16  uint64 frame length
//          24  envelope (envelope.proto), padding to 64
//   head + payload_offset                    payloads, each at a multiple of 64, padded to 64 but for the last;
//                                            so are the tensors within one
//
// Little-endian. A sender ships the list of pieces without joining them; a receiver views payloads in place.
// The prefix keeps its form over all wire versions, so that an unknown version can be told and answered.

import { WIRE_VERSION } from '../../ir/deployment.ts';
import type { Limits } from '../limits.ts';
import { decode, encode, TooManyMessages } from '../proto/codec.ts';
import { messageOf } from '../value.ts';
import { type Envelope, type EnvelopeInit, envelope as envelopeTable } from './envelope.ts';

export const PREFIX_BYTES = 24;
export const ALIGNMENT = 64;
const MAGIC = 0x66776262;
const padding = new Uint8Array(ALIGNMENT);

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** The bytes of one fill: of a tensor, or of all the tensors in its value. */
export type Payload = Uint8Array | readonly Uint8Array[] | undefined;

/** In the fill itself: a copy of each costs more than all else here. */
function place(
  fill: { payloadOffset?: number; payloadLength?: number },
  offset: number,
  length: number,
): void {
  fill.payloadOffset = offset;
  fill.payloadLength = length;
}

/**
 * The pieces of a frame; payloads are not copied. `payloads[i]` belongs to `envelope.fills[i]`, whose offset
 * and length are set here. What has no bytes takes no room.
 */
export function encodeFrame(envelope: EnvelopeInit, payloads: readonly Payload[]): readonly Uint8Array[] {
  // The head comes first, and is known last.
  const pieces: Uint8Array[] = [padding];
  let end = 0;
  const add = (part: Uint8Array): void => {
    if (part.length === 0) return;
    const gap = aligned(end) - end;
    if (gap > 0) pieces.push(padding.subarray(0, gap));
    pieces.push(part);
    end += gap + part.length;
  };
  payloads.forEach((payload, index) => {
    if (payload === undefined) return;
    const offset = aligned(end);
    if (payload instanceof Uint8Array) add(payload);
    else payload.forEach(add);
    const fill = envelope.fills?.[index];
    if (fill !== undefined && end > offset) place(fill, offset, end - offset);
  });
  const body = encode(envelopeTable, envelope);
  const headBytes = aligned(PREFIX_BYTES + body.length);
  const head = new Uint8Array(headBytes);
  const view = new DataView(head.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, WIRE_VERSION);
  // What 1.1 adds is in frames that have it, so that others are as they were.
  view.setUint8(5, envelope.link === undefined ? 0 : 1);
  view.setUint32(8, body.length, true);
  view.setUint32(12, headBytes, true);
  view.setUint32(16, (headBytes + end) % 2 ** 32, true);
  view.setUint32(20, Math.floor((headBytes + end) / 2 ** 32), true);
  head.set(body, PREFIX_BYTES);
  pieces[0] = head;
  return pieces;
}

/** Bytes of all pieces together. */
export const pieceBytes = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, piece) => sum + piece.length, 0);

/** Bytes of the payloads among the pieces of a frame: all the rest is its header. */
export function payloadBytes(pieces: readonly Uint8Array[]): number {
  let sum = 0;
  for (let at = 1; at < pieces.length; at++)
    if (pieces[at]!.buffer !== padding.buffer) sum += pieces[at]!.length;
  return sum;
}

/** Joins the pieces into `target`, which has room for them: the one copy of a boundary. */
export function joinPieces(pieces: readonly Uint8Array[], target: Uint8Array): void {
  let at = 0;
  for (const piece of pieces) {
    target.set(piece, at);
    at += piece.length;
  }
}

/** How long the frame is that begins here, by its own account; undefined: no frame begins here. */
export function announcedBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < PREFIX_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  return view.getUint32(16, true) + view.getUint32(20, true) * 2 ** 32;
}

export interface WireError {
  readonly kind: /** Not a frame, or not all of one. */
    | 'malformed'
    /** A frame of a wire version not known here. */
    | 'version'
    /** Beyond a limit of the receiver. */
    | 'limit';
  readonly message: string;
}

export interface Frame {
  readonly envelope: Envelope;
  /** Views into the frame, one per fill; empty where a fill has no payload. */
  readonly payloads: readonly Uint8Array[];
}

export type Decoded =
  | { readonly ok: true; readonly frame: Frame }
  | { readonly ok: false; readonly error: WireError };

const bad = (message: string, kind: WireError['kind'] = 'malformed'): Decoded => ({
  ok: false,
  error: { kind, message },
});

type FrameLimits = Pick<Limits, 'frameBytes' | 'envelopeBytes' | 'fills' | 'messages'>;

/** Total: any bytes give a frame or an error, never an exception. */
export function decodeFrame(bytes: Uint8Array, limits: FrameLimits): Decoded {
  if (bytes.length < PREFIX_BYTES) return bad(`${bytes.length} bytes are no frame`);
  if (bytes.length > limits.frameBytes) return bad(`a frame of ${bytes.length} bytes`, 'limit');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return bad('no frame: its first four bytes are others');
  const version = view.getUint8(4);
  if (version !== WIRE_VERSION) return bad(`wire version ${version}.${view.getUint8(5)}`, 'version');
  const envelopeBytes = view.getUint32(8, true);
  const headBytes = view.getUint32(12, true);
  if (envelopeBytes > limits.envelopeBytes) return bad(`an envelope of ${envelopeBytes} bytes`, 'limit');
  if (headBytes !== aligned(PREFIX_BYTES + envelopeBytes) || headBytes > bytes.length)
    return bad('the envelope does not fit');
  if (announcedBytes(bytes) !== bytes.length) return bad('the frame is cut or too long');
  let envelope: Envelope;
  try {
    const body = bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + envelopeBytes);
    envelope = decode(envelopeTable, body, limits.messages);
  } catch (error) {
    if (error instanceof TooManyMessages) return bad(error.message, 'limit');
    return bad(`the envelope is damaged: ${messageOf(error)}`);
  }
  if (envelope.fills.length > limits.fills) return bad(`${envelope.fills.length} fills`, 'limit');
  const payloads = viewPayloads(envelope, bytes.subarray(headBytes));
  return payloads === undefined
    ? bad('a payload lies outside the frame')
    : { ok: true, frame: { envelope, payloads } };
}

const empty = new Uint8Array(0);

/** Payloads follow one another without overlap; undefined if they do not. */
function viewPayloads(envelope: Envelope, area: Uint8Array): readonly Uint8Array[] | undefined {
  const payloads: Uint8Array[] = [];
  let free = 0;
  for (const fill of envelope.fills) {
    if (fill.payloadLength === 0) {
      payloads.push(empty);
      continue;
    }
    const offset = fill.payloadOffset;
    const end = offset + fill.payloadLength;
    if (offset % ALIGNMENT !== 0 || offset < free || end > area.length) return undefined;
    payloads.push(area.subarray(offset, end));
    free = end;
  }
  return payloads;
}
