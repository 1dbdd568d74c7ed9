// What flows along the edges of a program at run time: a value, or the reason why there is none.

import { type DataValue, type SparseValue, sparseProblem } from '../ir/data.ts';
import { byteLengthOf, isDType, productOf, type Tensor, unpackStrings } from '../ir/types.ts';
import type { Limits } from './limits.ts';

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

export const failed = (peer: string, detail: string): Missing => ({ reason: 'failed', peer, detail });

export type Value = DataValue | Missing;

export const isMissing = (value: object): value is Missing => 'reason' in value;

/** How large the structure of one value may be. */
export type ValueLimits = Pick<Limits, 'rank' | 'parts' | 'nesting'>;

/** What is wrong with what a host or a backend gives as a value; undefined if it is one. */
export function valueProblem(value: unknown, limits: ValueLimits): string | undefined {
  if (typeof value !== 'object' || value === null) return 'no value';
  if (isMissing(value))
    return missingReasons.includes(value.reason) ? undefined : 'a missing value for no known reason';
  return dataProblem(value, limits);
}

/** As {@link valueProblem}, where only a value that is there will do. */
export const dataProblem = (value: unknown, limits: ValueLimits): string | undefined =>
  partProblem(value, limits, { parts: 0 }, 0);

function partProblem(
  value: unknown,
  limits: ValueLimits,
  count: { parts: number },
  depth: number,
): string | undefined {
  if (typeof value !== 'object' || value === null) return 'no value';
  if (++count.parts > limits.parts) return `more than ${limits.parts} parts`;
  if (depth > limits.nesting) return `more than ${limits.nesting} containers within one another`;
  const { kind, values, value: content, indices } = value as Readonly<Record<string, unknown>>;
  if (kind === undefined) return tensorProblem(value as Partial<Tensor>, limits.rank);
  const inner = (one: unknown): string | undefined => partProblem(one, limits, count, depth + 1);
  const tensorOnly = (one: unknown): string | undefined =>
    Object(one).kind === undefined ? inner(one) : 'a sparse tensor of something else than tensors';
  switch (kind) {
    case 'sequence':
      return Array.isArray(values) ? firstProblem(values, inner) : 'a sequence without values';
    case 'optional':
      return content === null ? undefined : inner(content);
    case 'sparse':
      return (
        dimsProblem((value as Partial<Tensor>).dims, limits.rank) ??
        firstProblem([values, indices], tensorOnly) ??
        sparseProblem(value as SparseValue)
      );
    default:
      return 'a value of no known kind';
  }
}

function firstProblem(
  values: readonly unknown[],
  problem: (value: unknown) => string | undefined,
): string | undefined {
  for (const value of values) {
    const found = problem(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tensorProblem({ dtype, dims, bytes }: Partial<Tensor>, rankLimit: number): string | undefined {
  if (typeof dtype !== 'string' || !isDType(dtype)) return 'a tensor without a known dtype';
  if (!(bytes instanceof Uint8Array)) return `${dtype} without bytes`;
  const wrong = dimsProblem(dims, rankLimit);
  if (wrong !== undefined) return `${dtype} with ${wrong}`;
  const count = productOf(dims!);
  const wanted = byteLengthOf(dtype, count);
  if (wanted === undefined ? !holdsStrings(bytes, count) : wanted !== bytes.length)
    return `${bytes.length} bytes for ${dtype}[${dims!.join(', ')}]`;
  return undefined;
}

export function dimsProblem(dims: unknown, rankLimit: number): string | undefined {
  if (!Array.isArray(dims)) return 'no dims';
  if (dims.length > rankLimit) return `${dims.length} dimensions`;
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) return 'a dimension that is no size';
    count *= dim;
  }
  return Number.isSafeInteger(count) ? undefined : 'too many elements';
}

function holdsStrings(bytes: Uint8Array, count: number): boolean {
  if (4 * count > bytes.length) return false;
  try {
    unpackStrings(bytes, count);
    return true;
  } catch {
    return false;
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Longest text of another's that is kept or passed on: error messages have no bound, and flows keep many. */
const DETAIL_CHARACTERS = 200;
export const clip = (text: string, characters = DETAIL_CHARACTERS): string =>
  // Joined anew: a slice would keep the whole text in memory.
  [...text.slice(0, characters)].join('');
