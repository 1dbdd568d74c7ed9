// As much of ZIP (APPNOTE 6.3) as `.npz` files need: stored and deflated members, sizes up to 4 GiB and beyond.

import { inflateRawSync } from 'node:zlib';
import { LimitError } from '../../ir/index.ts';

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

/** Members by name, in the archive's order. Throws Error with what is wrong with the archive. */
export function readZip(file: Uint8Array, limits: ZipLimits = zipLimits): Map<string, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const members = new Map<string, Uint8Array>();
  try {
    let { at, count } = directory(view);
    let [packed, unpacked] = [0, 0];
    if (count > limits.members) throw new LimitError('members in an archive', limits.members);
    for (; count > 0; count--) {
      if (view.getUint32(at, true) !== CENTRAL) throw new Error('its directory is damaged');
      const nameLength = view.getUint16(at + 28, true);
      const extraLength = view.getUint16(at + 30, true);
      const name = Buffer.from(file.subarray(at + 46, at + 46 + nameLength)).toString('utf8');
      const entry = sizes(view, at, at + 46 + nameLength, extraLength);
      packed += entry.packed;
      unpacked += entry.unpacked;
      if (packed > file.length) throw new Error('its members lie over one another');
      if (unpacked > limits.bytes) throw new LimitError('bytes in the members of an archive', limits.bytes);
      members.set(name, content(file, view, view.getUint16(at + 10, true), entry, name));
      at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    }
  } catch (error) {
    if (error instanceof RangeError) throw new Error('it is cut off');
    throw error;
  }
  return members;
}

function directory(view: DataView): { at: number; count: number } {
  // The end record is followed by a comment of at most 64 KiB.
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 65_535); at--) {
    if (view.getUint32(at, true) !== END) continue;
    if (at >= 20 && view.getUint32(at - 20, true) === LOCATOR_64) {
      const large = Number(view.getBigUint64(at - 12, true));
      if (view.getUint32(large, true) !== END_64) throw new Error('its directory is damaged');
      return {
        at: Number(view.getBigUint64(large + 48, true)),
        count: Number(view.getBigUint64(large + 32, true)),
      };
    }
    return { at: view.getUint32(at + 16, true), count: view.getUint16(at + 10, true) };
  }
  throw new Error('it is no zip archive');
}

interface Sizes {
  readonly packed: number;
  readonly unpacked: number;
  readonly local: number;
}

/** Sizes and place of a member; those of 4 GiB or more are in its ZIP64 extra field, in this order. */
function sizes(view: DataView, at: number, extra: number, extraLength: number): Sizes {
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

function content(file: Uint8Array, view: DataView, method: number, entry: Sizes, name: string): Uint8Array {
  if (view.getUint32(entry.local, true) !== LOCAL) throw new Error(`its member ${name} is damaged`);
  const start =
    entry.local + 30 + view.getUint16(entry.local + 26, true) + view.getUint16(entry.local + 28, true);
  if (start + entry.packed > file.length) throw new Error('it is cut off');
  const packed = file.subarray(start, start + entry.packed);
  if (method === 0) return packed;
  if (method !== 8)
    throw new Error(`its member ${name} is packed in a way that is not read here (${method})`);
  let unpacked: Uint8Array;
  try {
    unpacked = inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.unpacked) });
  } catch (error) {
    throw new Error(`its member ${name} is damaged: ${(error as Error).message}`);
  }
  if (unpacked.length !== entry.unpacked) throw new Error(`its member ${name} is damaged`);
  return unpacked;
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
    const encoded = Buffer.from(name, 'utf8');
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

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 255]!;
  return ~crc >>> 0;
}
