// A file of records that is only ever added to:
//
//   offset 0  magic "bbjl"
//          4  uint16 version, uint16 0
//          8  records: uint32 length, uint32 CRC-32 of length and payload, payload
//
// Little-endian. A crash leaves its last record cut off, which its reader tells from damage.

import { JournalError } from './codec.ts';

const MAGIC = 0x6c6a6262;
export const JOURNAL_VERSION = 1;
export const HEADER_BYTES = 8;
export const RECORD_BYTES = 8;

export function journalHeader(): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, JOURNAL_VERSION, true);
  return header;
}

/** What a record takes in a file, with what stands before it. Throws RangeError from 4 GiB on. */
export function framedRecord(payload: Uint8Array): Uint8Array {
  if (payload.length >= 2 ** 32) throw new RangeError(`a record of ${payload.length} bytes`);
  const framed = new Uint8Array(RECORD_BYTES + payload.length);
  const view = new DataView(framed.buffer);
  view.setUint32(0, payload.length, true);
  framed.set(payload, RECORD_BYTES);
  view.setUint32(4, checksum(framed), true);
  return framed;
}

export interface ReadRecord {
  /** A view. */
  readonly payload: Uint8Array;
  /** Where the record begins in the file, and where the next one does. */
  readonly start: number;
  readonly end: number;
}

/** How a journal ended: `cut` is what a crash leaves; `damaged`: bytes are not as they were written. */
export interface JournalEnd {
  /** Up to where records are good. */
  readonly at: number;
  readonly how: 'whole' | 'cut' | 'damaged';
}

/** The records one after another, and how it ends. Throws {@link JournalError} where it is no journal of a known version. */
export function* readJournal(data: Uint8Array): Generator<ReadRecord, JournalEnd> {
  if (data.length < HEADER_BYTES) {
    const begins = journalHeader().subarray(0, data.length);
    if (begins.every((byte, index) => byte === data[index])) return { at: 0, how: 'cut' };
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC)
    throw new JournalError('malformed', 'no journal: its first four bytes are others');
  const version = view.getUint16(4, true);
  if (version !== JOURNAL_VERSION || view.getUint16(6, true) !== 0)
    throw new JournalError('version', `a journal of version ${version}; this reads ${JOURNAL_VERSION}`);
  let at = HEADER_BYTES;
  while (at < data.length) {
    const record = readRecord(data, at);
    if (typeof record === 'string') return { at, how: record };
    yield record;
    at = record.end;
  }
  return { at, how: 'whole' };
}

/** The framed record that begins at `start`, or what is wrong with it. */
export function readRecord(data: Uint8Array, start: number): ReadRecord | 'cut' | 'damaged' {
  if (data.length - start < RECORD_BYTES) return 'cut';
  const view = new DataView(data.buffer, data.byteOffset + start, RECORD_BYTES);
  const end = start + RECORD_BYTES + view.getUint32(0, true);
  if (end > data.length) return 'cut';
  if (checksum(data.subarray(start, end)) !== view.getUint32(4, true)) return 'damaged';
  return { payload: data.subarray(start + RECORD_BYTES, end), start, end };
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 (IEEE 802.3) of a framed record but for where the CRC-32 stands. */
const checksum = (framed: Uint8Array): number =>
  ~crcOf(framed, RECORD_BYTES, framed.length, crcOf(framed, 0, 4, -1)) >>> 0;

function crcOf(bytes: Uint8Array, from: number, to: number, before: number): number {
  let crc = before;
  for (let at = from; at < to; at++) crc = table[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return crc;
}
