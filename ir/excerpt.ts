// Points into text files: from offsets to lines and columns, and the line with a caret below.

/** Lines longer than this are cut around the caret. */
const MAX_WIDTH = 100;

/** Lines and columns of many offsets of one text; columns count UTF-16 units, as editors do. */
export class LineIndex {
  readonly #starts = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  at(offset: number): { readonly line: number; readonly column: number } {
    let [low, high] = [0, this.#starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }
}

/** Of the text that was asked about last: a file may have as many positions as lines. */
let indexed = { text: '', index: new LineIndex('') };

/** The position of one offset. */
export function positionAt(file: string, text: string, offset: number) {
  if (indexed.text !== text) indexed = { text, index: new LineIndex(text) };
  return { file, ...indexed.index.at(offset) };
}

/** The offset of a line and column, both from 1. */
export function offsetAt(text: string, line: number, column: number): number {
  let start = 0;
  for (let seen = 1; seen < line; seen++) {
    const end = text.indexOf('\n', start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return Math.min(start + column - 1, text.length);
}

/** The line around `offset`, and below it a caret under each of `length` characters that are on that line. */
export function excerptAt(text: string, offset: number, length = 1): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const newline = text.indexOf('\n', offset);
  const line = text
    .slice(lineStart, newline < 0 ? text.length : newline)
    .replaceAll('\t', ' ')
    .replace(/\r$/, '');
  const column = offset - lineStart;
  const from = column > MAX_WIDTH - 20 ? column - MAX_WIDTH / 2 : 0;
  const shown = line.slice(from, from + MAX_WIDTH);
  const carets = '^'.repeat(Math.max(1, Math.min(length, shown.length - (column - from))));
  return `${shown}\n${' '.repeat(column - from)}${carets}`;
}

/** Compared with a misspelt name at most; names that are meant are short, and so are lists that people write. */
const MAX_CANDIDATES = 1000;
const MAX_NAME_CHARACTERS = 100;

/** The candidate nearest to a misspelt name, if it is near enough to be meant. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME_CHARACTERS) return undefined;
  let left = MAX_CANDIDATES;
  let best: string | undefined;
  let bestDistance = Math.max(name.length < 4 ? 1 : 2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (left-- === 0) break;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, or `limit` if it is at least that. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
    // Later rows are no nearer than the nearest of this one.
    if (Math.min(...row) >= limit) return limit;
  }
  return Math.min(row[b.length]!, limit);
}
