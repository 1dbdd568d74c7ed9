// As much of ZIP (APPNOTE 6.3) as `.npz` files need: stored and deflated members, sizes up to 4 GiB and beyond.

import { inflateSync } from 'fflate';
import { type ByteSource, LimitError, memorySource } from '../../ir/index.ts';

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const UNKNOWN = 0xffffffff;

/** Bounds of an archive: a deflated megabyte can hold a gigabyte, and a directory can name one content often. */
export interface ZipLimits {
  readonly members: number;
  /** Of all members together, unpacked. */
  readonly bytes: number;
}
export const zipLimits: ZipLimits = { members: 10_000, bytes: 4 * 2 ** 30 };

/** A member, and where its packed bytes lie. */
export interface ZipEntry {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly offset: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly crc: number;
}

/** Members in the archive's order; reads its directory only. Throws Error with what is wrong with the archive. */
export function zipEntries(source: ByteSource, limits: ZipLimits = zipLimits): readonly ZipEntry[] {
  const entries: ZipEntry[] = [];
  try {
    const { at: start, count, bytes } = directory(source);
    const file = source.read(start, bytes);
    const view = viewOf(file);
    let [packed, unpacked] = [0, 0];
    if (count > limits.members) throw new LimitError('members in an archive', limits.members);
    for (let [left, at] = [count, 0]; left > 0; left--) {
      if (view.getUint32(at, true) !== CENTRAL) throw new Error('its directory is damaged');
      const nameLength = view.getUint16(at + 28, true);
      const extraLength = view.getUint16(at + 30, true);
      const name = utf8.decode(file.subarray(at + 46, at + 46 + nameLength));
      const sizes = sizesOf(view, at, at + 46 + nameLength, extraLength);
      packed += sizes.packed;
      unpacked += sizes.unpacked;
      if (packed > source.byteLength) throw new Error('its members lie over one another');
      if (unpacked > limits.bytes) throw new LimitError('bytes in the members of an archive', limits.bytes);
      const crc = view.getUint32(at + 16, true);
      entries.push({
        name,
        method: view.getUint16(at + 10, true),
        crc,
        ...sizes,
        offset: contentOf(source, sizes, name),
      });
      at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    }
  } catch (error) {
    if (error instanceof RangeError) throw new Error('it is cut off');
    throw error;
  }
  return entries;
}

/** Members by name, in the archive's order. Throws Error with what is wrong with the archive. */
export function readZip(file: Uint8Array, limits: ZipLimits = zipLimits): Map<string, Uint8Array> {
  const source = memorySource('archive', file);
  return new Map(zipEntries(source, limits).map((entry) => [entry.name, unzipped(source, entry)]));
}

/** The content of a member; throws Error if it is not what its checksum says. */
export function unzipped(source: ByteSource, entry: ZipEntry): Uint8Array {
  const { name, method, offset, packed, unpacked, crc } = entry;
  const damaged = (why = ''): Error => new Error(`its member ${name} is damaged${why}`);
  const stored = source.read(offset, packed);
  if (method !== 0 && method !== 8)
    throw new Error(`its member ${name} is packed in a way that is not read here (${method})`);
  let content = stored;
  if (method === 8) {
    // A deflated byte gives at most 1032.
    if (unpacked > 1032 * packed) throw damaged();
    try {
      // What does not fit is left out, which the checksum then tells.
      content = inflateSync(stored, { out: new Uint8Array(unpacked) });
    } catch (error) {
      throw damaged(`: ${(error as Error).message}`);
    }
  }
  if (content.length !== unpacked || crc32(content) !== crc) throw damaged();
  return content;
}

/** Whether a stored member is what its checksum says; reads it once, in pieces. */
export function isIntact(source: ByteSource, { offset, packed, unpacked, crc }: ZipEntry): boolean {
  let found = crcStart;
  for (let at = 0; at < packed; at += PIECE)
    found = crcNext(found, source.read(offset + at, Math.min(PIECE, packed - at)));
  return packed === unpacked && crcEnd(found) === crc;
}

const utf8 = new TextDecoder();
const PIECE = 2 ** 20;
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function directory(source: ByteSource): { at: number; count: number; bytes: number } {
  // The end record is followed by a comment of at most 64 KiB, and preceded by the locator of a large archive.
  const length = Math.min(source.byteLength, 20 + 22 + 65_535);
  const view = viewOf(source.read(source.byteLength - length, length));
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 65_535); at--) {
    if (view.getUint32(at, true) !== END) continue;
    if (at >= 20 && view.getUint32(at - 20, true) === LOCATOR_64) {
      const large = viewOf(source.read(Number(view.getBigUint64(at - 12, true)), 56));
      if (large.getUint32(0, true) !== END_64) throw new Error('its directory is damaged');
      const [count, bytes, start] = [32, 40, 48].map((field) => Number(large.getBigUint64(field, true)));
      return { at: start!, count: count!, bytes: bytes! };
    }
    const count = view.getUint16(at + 10, true);
    return { at: view.getUint32(at + 16, true), count, bytes: view.getUint32(at + 12, true) };
  }
  throw new Error('it is no zip archive');
}

interface Sizes {
  readonly packed: number;
  readonly unpacked: number;
  readonly local: number;
}

/** Sizes and place of a member; those of 4 GiB or more are in its ZIP64 extra field, in this order. */
function sizesOf(view: DataView, at: number, extra: number, extraLength: number): Sizes {
  const plain = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
  for (let field = extra; field + 4 <= extra + extraLength; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    let next = field + 4;
    plain.forEach((value, index) => {
      if (value !== UNKNOWN) return;
      plain[index] = Number(view.getBigUint64(next, true));
      next += 8;
    });
  }
  const [unpacked, packed, local] = plain as [number, number, number];
  return { packed, unpacked, local };
}

/** Where a member's packed bytes begin. */
function contentOf(source: ByteSource, { local, packed }: Sizes, name: string): number {
  const view = viewOf(source.read(local, 30));
  if (view.getUint32(0, true) !== LOCAL) throw new Error(`its member ${name} is damaged`);
  const start = local + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + packed > source.byteLength) throw new Error('it is cut off');
  return start;
}

/** An archive of stored members, in order. The same members give the same bytes: it has no times. */
export function writeZip(members: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  const add = (piece: Uint8Array): void => {
    pieces.push(piece);
    at += piece.length;
  };
  for (const [name, bytes] of members) {
    const encoded = new TextEncoder().encode(name);
    const offset = at;
    const common = record(26, (view) => {
      view.setUint16(0, 20, true); // version needed
      view.setUint16(2, 0x800, true); // names are UTF-8
      view.setUint32(6, 0x00210000, true); // 1980-01-01, the earliest there is
      view.setUint32(10, crc32(bytes), true);
      view.setUint32(14, bytes.length, true);
      view.setUint32(18, bytes.length, true);
      view.setUint16(22, encoded.length, true);
    });
    add(record(4, (view) => view.setUint32(0, LOCAL, true)));
    add(common);
    add(encoded);
    add(bytes);
    central.push(
      record(6, (view) => {
        view.setUint32(0, CENTRAL, true);
        view.setUint16(4, 20, true);
      }),
      common,
      record(14, (view) => view.setUint32(10, offset, true)),
      encoded,
    );
  }
  if (at >= UNKNOWN) throw new Error('more than 4 GiB do not fit in one .npz file');
  const start = at;
  central.forEach(add);
  add(
    record(22, (view) => {
      view.setUint32(0, END, true);
      view.setUint16(8, members.size, true);
      view.setUint16(10, members.size, true);
      view.setUint32(12, at - start, true);
      view.setUint32(16, start, true);
    }),
  );
  return pieces;
}

function record(length: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  fill(new DataView(bytes.buffer));
  return bytes;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

const crcStart = 0xffffffff;
function crcNext(crc: number, bytes: Uint8Array): number {
  for (const byte of bytes) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 255]!;
  return crc;
}
const crcEnd = (crc: number): number => ~crc >>> 0;

/** The checksum of ZIP and gzip. */
export const crc32 = (bytes: Uint8Array): number => crcEnd(crcNext(crcStart, bytes));
