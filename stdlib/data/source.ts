// What a data source is: records by number, each with the same fields.

import { type ByteSource, byteLengthOf, type DType, packStrings, type Tensor } from '../../ir/index.ts';
import { swapped } from './npy.ts';

/** One field of every record. */
export interface Field {
  readonly name: string;
  readonly dtype: DType;
  /** Of one record: a picture of 28 × 28 has [28, 28], a label []. */
  readonly dims: readonly number[];
}

export interface Source {
  /** For messages: a file, a folder. */
  readonly name: string;
  readonly fields: readonly Field[];
  /** Number of records. */
  readonly count: number;
  /**
   * The field of the records named, in that order, stacked on a new first axis, in memory of its own.
   * `field` is a position in `fields`; `records` are numbers below `count`. Throws Error, DiagnosticError where a file
   * is damaged or gone.
   */
  read(field: number, records: Uint32Array): Tensor;
  /** Closes files; reading throws from then on. */
  close(): void;
}

/** One field of every record, and where its elements come from. */
export interface Column extends Field {
  read(records: Uint32Array): Tensor;
  close(): void;
}

export const elementsOf = (dims: readonly number[]): number =>
  dims.reduce((product, dim) => product * dim, 1);

/** A source of columns that have `count` records each. */
export const sourceOfColumns = (name: string, count: number, columns: readonly Column[]): Source => ({
  name,
  count,
  fields: columns.map((column) => ({ name: column.name, dtype: column.dtype, dims: column.dims })),
  read: (field, records) => columns[field]!.read(records),
  close() {
    for (const column of columns) column.close();
  },
});

/** Bytes that may have to be closed. */
export type Bytes = ByteSource & { close?(): void };

/**
 * A column whose records lie one after the other from `start` on; those asked for are read then, neighbours at once. `swap`: bytes of
 * one number, where the most significant comes first.
 */
export function columnOfBytes(field: Field, source: Bytes, start = 0, swap = 1): Column {
  const { dtype, dims } = field;
  const recordBytes = byteLengthOf(dtype, elementsOf(dims))!;
  return {
    ...field,
    read(records) {
      const bytes = new Uint8Array(records.length * recordBytes);
      for (let row = 0; row < records.length; ) {
        const first = records[row]!;
        let run = 1;
        while (records[row + run] === first + run) run++;
        bytes.set(source.read(start + first * recordBytes, run * recordBytes), row * recordBytes);
        row += run;
      }
      return { dtype, dims: [records.length, ...dims], bytes: swap > 1 ? swapped(bytes, swap) : bytes };
    },
    close: () => source.close?.(),
  };
}

/** A column of texts, which have no one size. */
export const columnOfTexts = (name: string, texts: readonly string[]): Column => ({
  name,
  dtype: 'string',
  dims: [],
  read: (records) => ({
    dtype: 'string',
    dims: [records.length],
    bytes: packStrings(Array.from(records, (record) => texts[record]!)),
  }),
  close() {},
});
