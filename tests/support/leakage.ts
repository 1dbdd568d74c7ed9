// What a server that adds masked values can tell from all that it received: statistics that find nothing where masks are good.

import { maskOf } from '../../stdlib/protocols/secure-aggregation/keys.ts';
import { combine } from '../../stdlib/protocols/secure-aggregation/shamir.ts';
import type { Received, View } from './secure-world.ts';

/** χ² of 256 classes over bytes; 255 degrees of freedom: mean 255, deviation 22.6. */
function chiSquare(bytes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte]!++;
  return counts.reduce((sum, one) => sum + (one - bytes.length / 256) ** 2 / (bytes.length / 256), 0);
}
export const bytesOf = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
/** Within six standard deviations of what bytes have that are all equally likely. */
export const isUniform = (bytes: Uint8Array): boolean => Math.abs(chiSquare(bytes) - 255) < 6 * 22.6;

export const minus = (a: Uint32Array, b: Uint32Array): Uint32Array => a.map((one, at) => one - b[at]!);
export const plus = (a: Uint32Array, b: Uint32Array): Uint32Array => a.map((one, at) => one + b[at]!);
const total = (all: readonly Uint32Array[]): Uint32Array => all.reduce(plus);

const mean = (words: Uint32Array): number => words.reduce((sum, one) => sum + one, 0) / words.length;
const products = (a: Uint32Array, b: Uint32Array): number => {
  const [ma, mb] = [mean(a), mean(b)];
  return a.reduce((sum, one, at) => sum + (one - ma) * (b[at]! - mb), 0);
};
/** Pearson's, over places. */
export const correlation = (a: Uint32Array, b: Uint32Array): number =>
  products(a, b) / Math.sqrt(products(a, a) * products(b, b));

/** Masked values of one member, and of which tensor in which round. */
interface Stream {
  readonly from: string;
  readonly of: string;
  readonly words: Uint32Array;
}
function grouped<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
const wordsIn = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);

/** By tensor and round: what each member sent masked. */
function streamsIn({ received, tensors }: View): ReadonlyMap<string, readonly Stream[]> {
  const masked = received.filter(({ dtype }) => dtype === 'uint32');
  const edges = [...new Set(masked.map(({ edge }) => edge))].sort((a, b) => a - b);
  const all = masked.map(({ from, edge, round, bytes }) => ({
    from,
    of: `${tensors[edges.indexOf(edge)]}, round ${round}`,
    words: wordsIn(bytes),
  }));
  return grouped(all, ({ of }) => of);
}

export interface Leakage {
  /** What was found, in words; nothing where nothing leaks. */
  readonly found: readonly string[];
  /** How many statistics were looked at. */
  readonly tests: number;
}

/**
 * Whether what a server received looks the same whatever members have. `values`: by tensor and member, what was masked, which must
 * not be uniform itself. Looked at are:
 * bytes of masked values, which are uniform, as are differences and sums of any two members', the sum of all but one, and
 * differences of any two tensors and rounds of one member, so that no mask was used twice;
 * their correlation with what went in; any two words of it that are in a frame as they are; sealed and revealed shares.
 */
export function leakage(
  view: View,
  values: Readonly<Record<string, Readonly<Record<string, Uint32Array>>>>,
): Leakage {
  const found: string[] = [];
  let tests = 0;
  const expect = (holds: boolean, otherwise: () => string): void => {
    tests++;
    if (!holds) found.push(otherwise());
  };
  const uniform = (words: Uint32Array, what: () => string): void =>
    expect(isUniform(bytesOf(words)), () => `${what()} is not uniform`);

  const streams = streamsIn(view);
  for (const [of, members] of streams) {
    const plain = values[of.split(',')[0]!]!;
    for (const [at, { from, words }] of members.entries()) {
      uniform(words, () => `${of}: what ${from} sent`);
      const own = plain[from]!;
      // Six times the deviation of independent places.
      expect(
        Math.abs(correlation(words, own)) < 6 / Math.sqrt(own.length),
        () => `${of}: what ${from} sent goes with what it has`,
      );
      for (const other of members.slice(at + 1)) {
        uniform(minus(words, other.words), () => `${of}: what ${from} sent less what ${other.from} did`);
        uniform(plus(words, other.words), () => `${of}: what ${from} and ${other.from} sent`);
      }
    }
    if (members.length > 2)
      uniform(total(members.slice(1).map(({ words }) => words)), () => `${of}: the sum of all but one`);
  }
  for (const [from, own] of grouped([...streams.values()].flat(), (one) => one.from))
    for (const [at, a] of own.entries())
      for (const b of own.slice(at + 1))
        if (a.words.length === b.words.length)
          uniform(minus(a.words, b.words), () => `${from}: ${a.of} less ${b.of}`);

  const known = new Set(
    Object.values(values).flatMap((one) => Object.values(one).flatMap((words) => pairsOf(words))),
  );
  for (const { from, bytes } of view.frames)
    expect(!holdsPair(bytes, known), () => `a frame of ${from} has values as they are`);
  for (const [what, parts] of sharesIn(view))
    expect(isUniform(joined(parts)), () => `${what} are not uniform`);
  return { found, tests };
}

const joined = (parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((one) => [...one]));

/** Two words that follow each other, as 64 bits. */
function pairsOf(words: Uint32Array): bigint[] {
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  return Array.from({ length: words.length - 1 }, (_, at) => view.getBigUint64(4 * at, true));
}
function holdsPair(bytes: Uint8Array, known: ReadonlySet<bigint>): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Payloads begin at multiples of 64 bytes, and words at multiples of four.
  for (let at = 0; at + 8 <= bytes.length; at += 4) if (known.has(view.getBigUint64(at, true))) return true;
  return false;
}

/** Bytes of a sealed pair of shares with its tag, at the end of each row. */
const SEALED = 80;

function sharesIn({ received, rowBytes }: View): readonly (readonly [string, readonly Uint8Array[]])[] {
  const rows = received.filter(({ dims }) => dims[1] === rowBytes);
  const sealed = rows.flatMap(({ bytes }) =>
    Array.from({ length: bytes.length / rowBytes }, (_, row) =>
      bytes.subarray((row + 1) * rowBytes - SEALED, (row + 1) * rowBytes),
    ).filter((one) => one.some((byte) => byte !== 0)),
  );
  return [
    ['sealed shares', sealed],
    ['revealed shares', revealedIn(received).map(({ bytes }) => bytes)],
  ];
}
const revealedIn = (received: readonly Received[]): readonly Received[] =>
  received.filter(({ dims }) => dims.length === 2 && dims[1] === 32);

/**
 * What the server itself comes to in a round of one tensor that nobody left: of each member's values without its self mask, which
 * `threshold` revealed shares give, those between two members are left. What is not so is said; and the sum of them all.
 */
export function withoutSelfMasks(
  view: View,
  threshold: number,
): { readonly found: readonly string[]; readonly sum: Uint32Array } {
  const [[, members] = ['', []]] = streamsIn(view);
  const reveals = revealedIn(view.received);
  const peeled = members.map(({ from, words }, column) => {
    const shares = reveals.slice(0, threshold).map((one) => ({
      x: members.findIndex((member) => member.from === one.from) + 1,
      bytes: one.bytes.subarray(32 * column, 32 * (column + 1)),
    }));
    const own = minus(words, maskOf(combine(shares), 0n, view.tensors[0]!, words.length));
    return { from, own };
  });
  const found = peeled
    .filter(({ own }) => !isUniform(bytesOf(own)))
    .map(({ from }) => `${from} is bare without its self mask`);
  return { found, sum: total(peeled.map(({ own }) => own)) };
}
