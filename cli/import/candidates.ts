// Where the same row of ops stands more than once: by scope, and by hashes of rows of a few lengths.

import type { Rows } from './rows.ts';

export interface Candidate {
  /** Ops in one row. */
  readonly size: number;
  /** Where it stands; rows do not overlap. */
  readonly starts: readonly number[];
  /** Its scope, if it is all of one. */
  readonly scope?: string;
}

/** Lengths at which rows are compared; what is longer is found by going on from there. */
const SIZES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 23, 26, 30, 35, 40, 48, 56, 64, 80, 96, 128, 160, 192,
  256, 384, 512,
];
const LEAST = 3;
/** What a scope is worth more than a row that happens to be the same. */
const SCOPE_WORTH = 2;

/** Candidates, those first that could save most. */
export function candidatesOf(rows: Rows): readonly Candidate[] {
  const hashes = new Hashes(rows.tokens);
  const found = [...scopes(rows, hashes), ...SIZES.flatMap((size) => ofSize(rows, hashes, size))];
  const worth = ({ size, starts, scope }: Candidate): number =>
    (starts.length - 1) * size * (scope === undefined ? 1 : SCOPE_WORTH);
  return found.sort((a, b) => worth(b) - worth(a) || b.size - a.size || a.starts[0]! - b.starts[0]!);
}

/** Polynomial hashes of all rows, two at once. */
class Hashes {
  readonly #sums: readonly [Int32Array, Int32Array];
  readonly #powers: readonly [Int32Array, Int32Array];

  constructor(tokens: readonly number[]) {
    const count = tokens.length;
    this.#sums = [new Int32Array(count + 1), new Int32Array(count + 1)];
    this.#powers = [new Int32Array(count + 1), new Int32Array(count + 1)];
    for (const [which, base] of BASES.entries()) {
      const [sums, powers] = [this.#sums[which]!, this.#powers[which]!];
      powers[0] = 1;
      for (let at = 0; at < count; at++) {
        sums[at + 1] = (Math.imul(sums[at]!, base) + tokens[at]! + 1) | 0;
        powers[at + 1] = Math.imul(powers[at]!, base);
      }
    }
  }

  #hash(which: 0 | 1, start: number, size: number): number {
    const [sums, powers] = [this.#sums[which], this.#powers[which]];
    return (sums[start + size]! - Math.imul(sums[start]!, powers[size]!)) | 0;
  }

  of(start: number, size: number): number {
    const [one, other] = [this.#hash(0, start, size), this.#hash(1, start, size)];
    // As many bits as a number holds.
    return (one >>> 0) * 2 ** 21 + (other & (2 ** 21 - 1));
  }
}
const BASES = [0x01000193, 0x5bd1e995] as const;

function ofSize(rows: Rows, hashes: Hashes, size: number): Candidate[] {
  // Most rows stand once: a list is made for the others only.
  const first = new Map<number, number>();
  const places = new Map<number, number[]>();
  for (let start = 0; start + size <= rows.tokens.length; start++) {
    const key = hashes.of(start, size);
    const before = first.get(key);
    if (before === undefined) {
      first.set(key, start);
      continue;
    }
    const known = places.get(key);
    if ((known?.at(-1) ?? before) + size > start) continue;
    if (known === undefined) places.set(key, [before, start]);
    else known.push(start);
  }
  return [...places.values()].map((starts) => ({ size, starts }));
}

/** Rows that are all of a scope, by what they hold. */
function scopes(rows: Rows, hashes: Hashes): Candidate[] {
  const places = new Map<string, { size: number; scope: string; starts: number[] }>();
  const close = (start: number, end: number, scope: string): void => {
    const size = end - start;
    if (size < LEAST) return;
    const key = `${size} ${hashes.of(start, size)}`;
    const known = places.get(key);
    if (known === undefined) places.set(key, { size, scope, starts: [start] });
    else if (known.starts.at(-1)! + size <= start) known.starts.push(start);
  };
  let open: { readonly part: string; readonly start: number }[] = [];
  for (const [at, node] of rows.nodes.entries()) {
    const scope = node?.scope ?? [];
    let same = 0;
    while (same < open.length && open[same]!.part === scope[same]) same++;
    for (const { part, start } of open.slice(same).reverse()) close(start, at, part);
    open = [...open.slice(0, same), ...scope.slice(same).map((part) => ({ part, start: at }))];
  }
  return [...places.values()].filter(({ starts }) => starts.length > 1);
}
