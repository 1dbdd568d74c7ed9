// NumPy's archives: each array is a field, its first axis counts records. Stored arrays are read record by record;
// compressed ones, and those with the first axis fastest, are held in memory.

import { byteLengthOf, LimitError, memorySource, type Tensor, unpackStrings } from '../../ir/index.ts';
import { decodeNpy, NPY_HEADER_BYTES, type NpyHeader, npyHeader } from './npy.ts';
import { checkCounts, Problems } from './problems.ts';
import {
  type Bytes,
  type Column,
  columnOfBytes,
  columnOfTexts,
  elementsOf,
  type Source,
  sourceOfColumns,
} from './source.ts';
import { isIntact, unzipped, type ZipEntry, zipEntries } from './zip.ts';

/**
 * A source over an .npz file; `names` gives fields by the arrays' names where they are to be called otherwise, and
 * leaves out the rest. Throws DiagnosticError: BB771 for each array that is damaged or not there, BB774 if their
 * numbers of records differ.
 */
export function npz(file: Bytes, names?: Readonly<Record<string, string>>): Source {
  const problems = new Problems();
  const members = membersOf(file, problems);
  const wanted = names ?? Object.fromEntries([...members.keys()].map((name) => [name, name]));
  const columns: Column[] = [];
  const counts: { field: string; file: string; count: number }[] = [];
  for (const [field, name] of Object.entries(wanted)) {
    const entry = members.get(name);
    if (entry === undefined) {
      if (!problems.any || members.size > 0) {
        const known = [...members.keys()].join(', ');
        problems.damaged(file.name, `it has no array ${name}; it has ${known === '' ? 'none' : known}`);
      }
      continue;
    }
    try {
      const { column, count } = columnOf(field, file, entry);
      columns.push(column);
      counts.push({ field, file: file.name, count });
    } catch (error) {
      problems.damaged(file.name, `array ${name}: ${reasonOf(error)}`, entry.offset);
    }
  }
  checkCounts(problems, counts);
  problems.check();
  // The columns share the file.
  const close = (): void => file.close?.();
  return { ...sourceOfColumns(file.name, counts[0]?.count ?? 0, columns), close };
}

const reasonOf = (error: unknown): string =>
  error instanceof LimitError
    ? `more than ${error.limit} ${error.what}`
    : error instanceof Error
      ? error.message
      : String(error);

/** Members by the name of their array. */
function membersOf(file: Bytes, problems: Problems): ReadonlyMap<string, ZipEntry> {
  try {
    return new Map(zipEntries(file).map((entry) => [entry.name.replace(/\.npy$/, ''), entry]));
  } catch (error) {
    problems.damaged(file.name, reasonOf(error));
    return new Map();
  }
}

function columnOf(name: string, file: Bytes, entry: ZipEntry): { column: Column; count: number } {
  if (entry.method !== 0) return columnOfTensor(name, decodeNpy(unzipped(file, entry)));
  const header = npyHeader(file.read(entry.offset, Math.min(entry.packed, NPY_HEADER_BYTES)));
  const { dtype, dims, start } = header;
  if (dtype === undefined || header.fortran || dims.length === 0)
    return columnOfTensor(name, decodeNpy(unzipped(file, entry)));
  if (!isIntact(file, entry)) throw new Error('it is damaged: its checksum is wrong');
  const [count, ...own] = dims;
  const bytes = byteLengthOf(dtype, elementsOf(dims))!;
  if (entry.packed < start + bytes) throw new Error(`it holds ${entry.packed - start} bytes of ${bytes}`);
  const column = columnOfBytes({ name, dtype, dims: own }, file, entry.offset + start, swapUnit(header));
  return { column, count: count! };
}

/** Bytes of one number that is to be turned round; 1: none is. Complex numbers are two. */
function swapUnit({ big, dtype, description }: NpyHeader): number {
  if (!big) return 1;
  const size = byteLengthOf(dtype!, 1)!;
  return description.startsWith('c') ? size / 2 : size;
}

function columnOfTensor(name: string, { dtype, dims, bytes }: Tensor): { column: Column; count: number } {
  const [count, ...own] = dims;
  if (count === undefined) throw new Error('it is one number, and has no axis that counts records');
  if (dtype === 'string') {
    if (own.length > 0) throw new Error('its records have several texts each');
    return { column: columnOfTexts(name, unpackStrings(bytes, count)), count };
  }
  return { column: columnOfBytes({ name, dtype, dims: own }, memorySource(name, bytes)), count };
}
