// What flows along the edges of a program at run time: a tensor, or the reason why there is none.

import { byteLengthOf, isDType, type Tensor, unpackStrings } from '../ir/types.ts';

/** In the order of their numbers in the envelope, from 1. */
export const missingReasons = ['declined', 'timeout', 'lost', 'refused', 'failed', 'cancelled'] as const;
export type MissingReason = (typeof missingReasons)[number];

export interface Missing {
  readonly reason: MissingReason;
  /** Where it went missing first; for `timeout` and `lost`, the peer that was waited for. */
  readonly peer: string;
  /** The edge that was waited for. */
  readonly edge?: number;
  readonly detail?: string;
}

export type Value = Tensor | Missing;

export const isMissing = (value: object): value is Missing => 'reason' in value;

/** What is wrong with what a host or a backend gives as a value; undefined if it is one. */
export function valueProblem(value: unknown, rankLimit: number): string | undefined {
  if (typeof value !== 'object' || value === null) return 'no tensor';
  if (isMissing(value))
    return missingReasons.includes(value.reason) ? undefined : 'a missing value for no known reason';
  return tensorProblem(value, rankLimit);
}

/** As {@link valueProblem}, where only a tensor will do. */
export function tensorProblem(value: unknown, rankLimit: number): string | undefined {
  if (typeof value !== 'object' || value === null) return 'no tensor';
  const { dtype, dims, bytes } = value as Partial<Tensor>;
  if (typeof dtype !== 'string' || !isDType(dtype)) return 'a tensor without a known dtype';
  if (!(bytes instanceof Uint8Array) || !Array.isArray(dims)) return `${dtype} without bytes or dims`;
  if (dims.length > rankLimit) return `${dims.length} dimensions`;
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) return `${dtype} with a dimension that is no size`;
    count *= dim;
  }
  if (!Number.isSafeInteger(count)) return 'too many elements';
  const wanted = byteLengthOf(dtype, count);
  if (wanted === undefined ? !holdsStrings(bytes, count) : wanted !== bytes.length)
    return `${bytes.length} bytes for ${dtype}[${dims.join(', ')}]`;
  return undefined;
}

export function holdsStrings(bytes: Uint8Array, count: number): boolean {
  if (4 * count > bytes.length) return false;
  try {
    unpackStrings(bytes, count);
    return true;
  } catch {
    return false;
  }
}

/** Longest text of another's that is kept or passed on: error messages have no bound, and flows keep many. */
const DETAIL_CHARACTERS = 200;
export const clip = (text: string, characters = DETAIL_CHARACTERS): string => text.slice(0, characters);
