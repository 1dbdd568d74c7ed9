// CSV (RFC 4180): a header with the columns' names, then a record a line. Cells may be quoted.

import { excerptAt } from '../../ir/excerpt.ts';
import { type CsvField, type DType, diagnostic, memorySource } from '../../ir/index.ts';
import { Problems } from './problems.ts';
import { type Column, columnOfBytes, columnOfTexts, type Source, sourceOfColumns } from './source.ts';

export interface CsvText {
  /** For messages. */
  readonly name: string;
  readonly text: string;
}

export interface CsvOptions {
  /** Default: a field for each column, float32. */
  readonly fields?: Readonly<Record<string, CsvField>>;
  /** Default: a comma. */
  readonly separator?: string;
}

/** Throws DiagnosticError BB772 with every line that is not as its field says. */
export function csv(file: CsvText, { fields, separator = ',' }: CsvOptions = {}): Source {
  const table = readTable(file, separator);
  const wanted = fields ?? Object.fromEntries(table.header.map((name) => [name, plainField(name)]));
  const columns = Object.entries(wanted).map(([name, field]) => columnOf(table, name, field));
  table.problems.check();
  return sourceOfColumns(
    file.name,
    table.rows.length,
    columns.filter((column) => column !== undefined),
  );
}

const plainField = (column: string): CsvField => ({ columns: [column], many: false, dtype: 'float32' });

export interface Cell {
  readonly text: string;
  /** Where it begins in the file's text, and how long it is there. */
  readonly start: number;
  readonly length: number;
  readonly line: number;
}

export interface Table {
  readonly file: CsvText;
  readonly header: readonly string[];
  /** Those that have as many cells as the header. */
  readonly rows: readonly (readonly Cell[])[];
  readonly problems: Problems;
  wrong(cell: Cell, reason: string): void;
}

/** The rows of a file; its problems are noted and not thrown. */
export function readTable(file: CsvText, separator: string): Table {
  const problems = new Problems();
  const wrong = ({ start, length, line }: Cell, reason: string): void => {
    const column = start - file.text.lastIndexOf('\n', start - 1);
    const excerpt = excerptAt(file.text, start, Math.max(1, length));
    problems.add(diagnostic('BB772', { reason }, { at: { file: file.name, line, column }, excerpt }));
  };
  const [header, ...rows] = [...linesOf(file.text, separator, wrong)];
  if (header === undefined)
    wrong({ text: '', start: 0, length: 1, line: 1 }, 'the file is empty: its first line names the columns');
  const width = header?.length ?? 0;
  const whole = rows.filter((row) => {
    if (row.length !== width)
      wrong(row[0]!, `the line has ${row.length} cells, where the first line names ${width} columns`);
    return row.length === width;
  });
  return { file, header: (header ?? []).map(({ text }) => text), rows: whole, problems, wrong };
}

/** Cells line by line; empty lines are left out. */
function* linesOf(
  text: string,
  separator: string,
  wrong: (cell: Cell, reason: string) => void,
): Iterable<readonly Cell[]> {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  for (let line = 1; at < text.length; ) {
    const row: Cell[] = [];
    const begin = line;
    for (;;) {
      const start = at;
      let content: string;
      if (text[at] === '"') {
        const end = closingQuote(text, at + 1);
        if (end === -1) {
          wrong({ text: '', start, length: 1, line }, 'the quote is not closed');
          return;
        }
        content = text.slice(at + 1, end).replaceAll('""', '"');
        for (const one of content) if (one === '\n') line++;
        at = end + 1;
        if (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r')
          wrong({ text: '', start: at, length: 1, line }, 'something follows the closing quote');
        while (at < text.length && text[at] !== separator && text[at] !== '\n') at++;
      } else {
        while (at < text.length && text[at] !== separator && text[at] !== '\n') at++;
        content = text.slice(start, at).replace(/\r$/, '');
      }
      row.push({ text: content.trim(), start, length: content.length, line: begin });
      if (text[at] !== separator) break;
      at++;
    }
    at++;
    line++;
    if (row.length > 1 || row[0]!.text !== '') yield row;
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at);
    if (at === -1 || text[at + 1] !== '"') return at;
  }
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

function columnOf(table: Table, name: string, field: CsvField): Column | undefined {
  const { rows, header } = table;
  const places = field.columns.map((column) => header.indexOf(column));
  const lacking = field.columns.filter((column) => !header.includes(column));
  if (lacking.length > 0) {
    const known = header.join(', ');
    table.wrong(
      { text: '', start: 0, length: 1, line: 1 },
      `there is no column ${lacking.join(', ')} for field ${name}; there are: ${known}`,
    );
    return undefined;
  }
  if (field.dtype === 'string' && !field.many) {
    const place = places[0]!;
    return columnOfTexts(
      name,
      rows.map((row) => row[place]!.text),
    );
  }
  const array = arrays[field.dtype as keyof typeof arrays];
  if (array === undefined) {
    table.wrong({ text: '', start: 0, length: 1, line: 1 }, `field ${name} cannot be ${field.dtype}`);
    return undefined;
  }
  const elements = new array(rows.length * places.length);
  rows.forEach((row, record) => {
    places.forEach((place, at) => {
      const value = elementOf(row[place]!.text, field);
      if (typeof value === 'string') table.wrong(row[place]!, `${header[place]}: ${value}`);
      else elements[record * places.length + at] = (field.dtype === 'int64' ? BigInt(value) : value) as never;
    });
  });
  const dims = field.many ? [places.length] : [];
  const bytes = new Uint8Array(elements.buffer);
  return columnOfBytes({ name, dtype: field.dtype, dims }, memorySource(table.file.name, bytes));
}

const ranges: Partial<Record<DType, readonly [number, number]>> = {
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
};

/** What a cell holds; in words, what is wrong with it. */
function elementOf(text: string, { dtype, classes }: CsvField): number | string {
  const shown = JSON.stringify(text.slice(0, 40));
  if (classes !== undefined) {
    const index = classes.indexOf(text);
    return index === -1 ? `${shown} is none of ${classes.join(', ')}` : index;
  }
  if (dtype === 'bool') {
    const truth = ['false', 'true', '0', '1'].indexOf(text.toLowerCase());
    return truth === -1 ? `${shown} is neither true nor false` : truth % 2;
  }
  const value = /^nan$/i.test(text) ? Number.NaN : text === '' ? undefined : Number(text);
  if (value === undefined) return 'the cell is empty';
  const range = ranges[dtype];
  if (range === undefined)
    return Number.isNaN(value) && !/^nan$/i.test(text) ? `${shown} is no number` : value;
  return Number.isInteger(value) && value >= range[0] && value <= range[1]
    ? value
    : `${shown} is no ${dtype}`;
}
