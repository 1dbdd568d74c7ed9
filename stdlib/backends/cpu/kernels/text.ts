// Operators on strings.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { binary } from '../loops/elementwise.ts';
import { allocate, int64s, type NdArray, ndarray } from '../value.ts';

function textsOf(x: NdArray): readonly string[] {
  if (x.dtype !== 'string') throw new Unsupported(x.dtype);
  return x.data as string[];
}

/** Parts along a new last axis, as long as the longest; and how many there are of each. */
function split(op: OpContext, x: NdArray): readonly NdArray[] {
  const delimiter = op.string('delimiter', '');
  const most = op.int('maxsplit') ?? Number.POSITIVE_INFINITY;
  const rows = textsOf(x).map((text) =>
    delimiter === '' ? words(text, most) : partsOf(text, delimiter, most),
  );
  const longest = Math.max(0, ...rows.map((row) => row.length));
  const padded = rows.flatMap((row) => [...row, ...new Array<string>(longest - row.length).fill('')]);
  return [
    ndarray('string', [...x.dims, longest], padded),
    int64s(
      rows.map((row) => row.length),
      x.dims,
    ),
  ];
}

function partsOf(text: string, delimiter: string, most: number): string[] {
  const parts = text.split(delimiter);
  return parts.length - 1 <= most ? parts : [...parts.slice(0, most), parts.slice(most).join(delimiter)];
}

/** Between runs of white space, the ends without; what is left after `most` cuts stays as it is. */
function words(text: string, most: number): string[] {
  const found: string[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const gap = found.length < most ? rest.search(/\s/) : -1;
    if (gap === -1) return [...found, found.length < most ? rest.trimEnd() : rest];
    found.push(rest.slice(0, gap));
    rest = rest.slice(gap).trimStart();
  }
  return found;
}

function normalize(op: OpContext, x: NdArray): NdArray {
  const exact = op.int('is_case_sensitive', 0) === 1;
  const stop = new Set((op.strings('stopwords') ?? []).map((word) => (exact ? word : word.toLowerCase())));
  const kept = textsOf(x).filter((text) => !stop.has(exact ? text : text.toLowerCase()));
  const change = op.string('case_change_action', 'NONE');
  const changed = kept.map((text) =>
    change === 'LOWER' ? text.toLowerCase() : change === 'UPPER' ? text.toUpperCase() : text,
  );
  // Nothing left is one empty string.
  const data = changed.length === 0 ? [''] : changed;
  return ndarray('string', [...x.dims.slice(0, -1), data.length], data);
}

/** RE2's syntax is close to JavaScript's with `u`; flags in front of a pattern become flags. */
function pattern(source: string): RegExp {
  const [, flags = '', rest = source] = /^\(\?([ims]+)\)(.*)$/s.exec(source) ?? [];
  try {
    return new RegExp(`^(?:${rest.replaceAll('(?P<', '(?<')})$`, `u${flags}`);
  } catch (error) {
    throw new Invalid(`pattern ${JSON.stringify(source)}: ${(error as Error).message}`);
  }
}

function fullMatch(op: OpContext, x: NdArray): NdArray {
  const expression = pattern(op.string('pattern', ''));
  return ndarray(
    'bool',
    x.dims,
    Uint8Array.from(textsOf(x), (text) => (expression.test(text) ? 1 : 0)),
  );
}

/** Counts of n-grams of the pool, with gaps of up to max_skip_count items, in each row. */
function tfIdf(op: OpContext, x: NdArray): NdArray {
  const pool: readonly (string | bigint)[] = op.strings('pool_strings') ?? op.bigints('pool_int64s') ?? [];
  const starts = op.ints('ngram_counts', []);
  const indexes = op.ints('ngram_indexes', []);
  const [shortest, longest] = [op.int('min_gram_length', 1), op.int('max_gram_length', 1)];
  const weights = op.floats('weights');
  const columns = Math.max(-1, ...indexes) + 1;
  const grams = new Map<string, number>();
  let id = 0;
  starts.forEach((start, at) => {
    const length = at + 1;
    for (let from = start; from + length <= (starts[at + 1] ?? pool.length); from += length) {
      const key = JSON.stringify(pool.slice(from, from + length).map(String));
      if (length >= shortest && length <= longest) grams.set(key, id);
      id++;
    }
  });
  const width = x.dims.at(-1) ?? 1;
  const rows = x.dims.length < 2 ? 1 : x.dims[0]!;
  const out = allocate('float32', rows * columns);
  const items = Array.from(x.data as ArrayLike<unknown>, String);
  for (let row = 0; row < rows; row++) {
    for (const gram of gramsOf(
      items.slice(row * width, (row + 1) * width),
      shortest,
      longest,
      op.int('max_skip_count', 0),
    )) {
      const found = grams.get(JSON.stringify(gram));
      if (found !== undefined) out[row * columns + indexes[found]!]! += 1;
    }
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const weight = weights?.[indexes.indexOf(column)] ?? 1;
      const count = out[at]!;
      const mode = op.string('mode', 'TF');
      out[at] = mode === 'TF' ? count : (mode === 'IDF' ? Math.min(count, 1) : count) * weight;
    }
  }
  return ndarray('float32', x.dims.length < 2 ? [columns] : [rows, columns], out);
}

/** All n-grams with equal gaps between their items; single items once. */
function* gramsOf(row: readonly string[], shortest: number, longest: number, mostSkipped: number) {
  for (let length = shortest; length <= longest; length++) {
    for (let step = 1; step <= (length === 1 ? 1 : mostSkipped + 1); step++) {
      for (let from = 0; from + (length - 1) * step < row.length; from++)
        yield Array.from({ length }, (_, at) => row[from + at * step]!);
    }
  }
}

export const texts = kernels('', {
  StringConcat: (_: OpContext, a: NdArray, b: NdArray) => binary(a, b, { string: (x, y) => x + y }),
  StringSplit: split,
  StringNormalizer: normalize,
  RegexFullMatch: fullMatch,
  TfIdfVectorizer: tfIdf,
});
