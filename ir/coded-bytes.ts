// How many bytes a value takes in a codec, where its shape says: what the codecs make, and what a plan counts.

import { codecOptions } from './codec.ts';
import { addSizes, multiplySizes, type Size } from './size.ts';
import { type Dim, elementCount } from './types.ts';

/** Settings of a codec as its name has them. */
type Settings = Readonly<Record<string, unknown>>;

/** What settings are where nobody says. */
export const codecDefaults = {
  'top-k': { share: 0.01 },
  'random-k': { share: 0.01 },
  qsgd: { levels: 7, block: 512 },
  'low-rank': { rank: 4 },
  'product-quantised': { length: 2, centroids: 16 },
} as const;

/** Bits that tell so many apart, below 2^32 of them; 0 where there is one. */
export const bitsFor = (count: number): number => 32 - Math.clz32(count - 1);

export const blocksOf = (count: number, block = Number.POSITIVE_INFINITY): number =>
  count === 0 ? 0 : Math.max(1, Math.ceil(count / block));

/** At least this share is kept, so that a receiver has to make no more room than what it was sent is worth. */
export const LEAST_SHARE = 1 / 4096;

/** How many of `count` numbers `k`, or else a share of them, are: at least one, of any. */
export function keptOf(
  count: number,
  { k, share }: { readonly k?: number; readonly share?: number },
): number {
  const wanted = k ?? Math.round((share ?? codecDefaults['top-k'].share) * count);
  return Math.min(count, Math.max(1, wanted, Math.ceil(count * LEAST_SHARE)));
}

/**
 * How `kept` of `count` positions are said: `low` bits of each by themselves, the rest in unary (Elias 1974, Fano 1971),
 * which is within 0.8 bits a position of the least there could be; or, where that is shorter, a bit for each of all.
 */
export function positionBits(
  count: number,
  kept: number,
): { readonly low: number | 'bitmap'; readonly bits: number } {
  if (kept === 0 || kept === count) return { low: 0, bits: 0 };
  let low = 0;
  while (kept * 2 ** (low + 1) <= count) low++;
  const bits = kept * low + kept + Math.floor((count - 1) / 2 ** low);
  return bits < count ? { low, bits } : { low: 'bitmap', bits: count };
}

/** Rows and columns of a tensor as a matrix, its first axis × the rest; undefined: two factors would be no fewer numbers. */
export function factoredAs(
  dims: readonly number[],
  rank: number,
): { readonly rows: number; readonly columns: number } | undefined {
  const [rows = 1, ...rest] = dims;
  const columns = elementCount(rest)!;
  return rank * (rows + columns) < rows * columns ? { rows, columns } : undefined;
}

/** Bytes of a codebook and of the codes; undefined: the numbers themselves are no more. */
export function quantisedAs(
  count: number,
  length: number,
  centroids: number,
): { readonly book: number; readonly codes: number } | undefined {
  const book = 4 * length * centroids;
  const codes = Math.ceil((Math.ceil(count / length) * bitsFor(centroids)) / 8);
  return book + codes < 4 * count ? { book, codes } : undefined;
}

/** By kind: bytes of a value of these dimensions. */
const sizes: Readonly<
  Record<string, (dims: readonly number[], count: number, settings: Settings) => number>
> = {
  int8: (_, count, { block }) => count + 8 * Math.max(1, blocksOf(count, block as number | undefined)),
  qsgd(_, count, settings) {
    const { levels, block } = { ...codecDefaults.qsgd, ...settings };
    return 4 * blocksOf(count, block) + Math.ceil((count * bitsFor(2 * levels + 1)) / 8);
  },
  sign: (_, count, { block }) => 4 * blocksOf(count, block as number | undefined) + Math.ceil(count / 8),
  'top-k'(_, count, settings) {
    const kept = keptOf(count, settings);
    return 4 * kept + Math.ceil(positionBits(count, kept).bits / 8);
  },
  'random-k': (_, count, settings) => (count === 0 ? 0 : 8 + 4 * keptOf(count, settings)),
  'low-rank'(dims, count, settings) {
    const { rank } = { ...codecDefaults['low-rank'], ...settings };
    const matrix = factoredAs(dims, rank);
    return 4 * (matrix === undefined ? count : rank * (matrix.rows + matrix.columns));
  },
  'product-quantised'(_, count, settings) {
    const { length, centroids } = { ...codecDefaults['product-quantised'], ...settings };
    const parts = quantisedAs(count, length, centroids);
    return parts === undefined ? 4 * count : parts.book + parts.codes;
  },
};

/** Bytes of a value in a codec that this project has; null: of another one, or its size is open. */
export function codedBytes(codec: string, shape: readonly Dim[]): Size {
  const { kind, ...settings } = codecOptions(codec) ?? {};
  const product = (bytes: number): Size =>
    shape.reduce<Size>((size, dim) => (size === null ? null : multiplySizes(size, dim)), bytes);
  if (kind === 'float16' || kind === 'bfloat16') return product(2);
  const count = elementCount(shape);
  if (count === undefined) {
    if (kind !== 'int8' || settings.block !== undefined) return null;
    const codes = product(1);
    return codes === null ? null : (addSizes(codes, 8) ?? null);
  }
  if (typeof kind !== 'string' || !Object.hasOwn(sizes, kind)) return null;
  const bytes = sizes[kind]!(shape as readonly number[], count, settings);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
