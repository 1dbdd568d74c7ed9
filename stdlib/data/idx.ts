// The idx format of the original digits: a magic number that says element type and rank, sizes and elements with the
// most significant byte first. Files may be gzipped; those are unpacked into memory.

import { gunzipSync } from 'fflate';
import { type ByteSource, byteLengthOf, type DType, memorySource } from '../../ir/index.ts';
import { checkCounts, Problems } from './problems.ts';
import {
  type Bytes,
  type Column,
  columnOfBytes,
  elementsOf,
  type Source,
  sourceOfColumns,
} from './source.ts';
import { crc32 } from './zip.ts';

const types: Readonly<Record<number, DType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

class Damaged extends Error {
  readonly offset: number | undefined;
  constructor(reason: string, offset?: number) {
    super(reason);
    this.offset = offset;
  }
}

/**
 * A source over idx files, one for each field. Throws DiagnosticError: BB771 for each file that is damaged, BB774 if
 * their numbers of records differ.
 */
export function idx(files: Readonly<Record<string, Bytes>>): Source {
  const problems = new Problems();
  const columns: Column[] = [];
  const counts: { field: string; file: string; count: number }[] = [];
  for (const [field, file] of Object.entries(files)) {
    try {
      const { column, count } = columnOf(field, plain(file));
      columns.push(column);
      counts.push({ field, file: file.name, count });
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      problems.damaged(file.name, error.message, error.offset);
    }
  }
  checkCounts(problems, counts);
  problems.check();
  return sourceOfColumns(counts.map(({ file }) => file).join(', '), counts[0]?.count ?? 0, columns);
}

function columnOf(name: string, file: Bytes): { readonly column: Column; readonly count: number } {
  if (file.byteLength < 4) throw new Damaged('it is cut off within its magic number', file.byteLength);
  const [zero, zeroToo, code, rank] = file.read(0, 4);
  const dtype = types[code!];
  if (zero !== 0 || zeroToo !== 0 || dtype === undefined || rank === 0) {
    const magic = Array.from(file.read(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new Damaged(`it begins with ${magic}, which is no magic number of an idx file`, 0);
  }
  const start = 4 + 4 * rank!;
  if (file.byteLength < start) throw new Damaged('it is cut off within its sizes', file.byteLength);
  const sizes = file.read(4, 4 * rank!);
  const view = new DataView(sizes.buffer, sizes.byteOffset, sizes.byteLength);
  const [count, ...dims] = Array.from({ length: rank! }, (_, axis) => view.getUint32(4 * axis));
  const recordBytes = byteLengthOf(dtype, elementsOf(dims))!;
  const whole = start + count! * recordBytes;
  if (file.byteLength !== whole) {
    const header = `its header says ${count} records of ${recordBytes} bytes, ${whole} bytes in all, and it has ${file.byteLength}`;
    throw new Damaged(header, Math.min(whole, file.byteLength));
  }
  const unit = byteLengthOf(dtype, 1)!;
  return { column: columnOfBytes({ name, dtype, dims }, file, start, unit), count: count! };
}

/** The file, or what it holds if it is gzipped. */
function plain(file: Bytes): Bytes {
  if (file.byteLength < 18 || !isGzip(file)) return file;
  const packed = file.read(0, file.byteLength);
  file.close?.();
  const trailer = new DataView(packed.buffer, packed.byteOffset + packed.length - 8, 8);
  const size = trailer.getUint32(4, true);
  // A deflated byte gives at most 1032; of what is damaged the size is anything.
  if (size > 1032 * packed.length) throw new Damaged('it is cut off, or no gzip file', packed.length);
  let bytes: Uint8Array;
  try {
    bytes = gunzipSync(packed, { out: new Uint8Array(size) });
  } catch (error) {
    throw new Damaged(`it cannot be unpacked: ${(error as Error).message}`);
  }
  if (crc32(bytes) !== trailer.getUint32(0, true))
    throw new Damaged('it cannot be unpacked: its checksum is wrong');
  return memorySource(file.name, bytes);
}

function isGzip(file: ByteSource): boolean {
  const [first, second] = file.read(0, 2);
  return first === 0x1f && second === 0x8b;
}
