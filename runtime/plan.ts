// Checks that a JSON document is a plan: nothing vouches for it, since the chain of hashes begins with it.

import { PLAN_VERSION, type Plan } from '../ir/deployment.ts';
import type { EdgeTiming, PlacedBecause, RejectedBecause } from '../ir/reasons.ts';
import {
  type Check,
  count,
  dtype,
  edge,
  end,
  entry,
  hash,
  isObject,
  list,
  type Mismatch,
  mapOf,
  members,
  memory,
  object,
  oneOf,
  orNone,
  orNull,
  shape,
  text,
  that,
} from './document.ts';

const amount = that('a number from 0', (value) => Number.isFinite(value) && (value as number) >= 0);
const truth = that('true or false', (value) => typeof value === 'boolean');
const placed = [
  'author',
  'rule',
  'uncrossable',
  'state',
  'sources',
  'readers',
  'forward',
  'enclosed',
  'cut',
  'rest',
  'constant',
  'copy',
] satisfies PlacedBecause[];
const rejected = [
  'uncrossable',
  'order',
  'memory',
  'rounding',
  'folding',
  'balance',
  'bytes',
  'uneven',
] satisfies RejectedBecause[];
const deadlines = ['author', 'least', 'path', 'chain', 'envelope'] satisfies EdgeTiming['deadline'][];

const cutPoint = { after: text, before: text, bytes: orNull(count), shares: pairOf(amount) };
const reasons = object({
  placed: list(
    object({
      class: text,
      because: oneOf(...placed),
      about: orNull(text),
      at: orNull(object({ file: text, line: orNull(count), column: orNull(count) })),
      ops: list(text, 1),
    }),
  ),
  cuts: list(
    object({
      between: pairOf(text),
      ...cutPoint,
      rejected: list(object({ ...cutPoint, because: oneOf(...rejected), about: orNull(text) })),
    }),
  ),
  timings: list(
    object({
      edge: count,
      readyNs: count,
      latencyNs: count,
      bytesPerSecond: orNull(amount),
      transitNs: count,
      deadline: oneOf(...deadlines),
    }),
  ),
});

const size: Check = (value, path) => (typeof value === 'string' ? undefined : orNull(count)(value, path));
const amountOf = { messages: count, payloadBytes: size, headerBytes: orNull(count) };
const traffic = object({
  messages: list(
    object({
      envelope: count,
      from: end,
      to: end,
      edges: list(count, 1),
      count,
      payloadBytes: size,
      mayDecline: truth,
      headerBytes: orNull(count),
    }),
  ),
  links: list(object({ from: end, to: end, pairs: count, ...amountOf })),
  total: object(amountOf),
});

const placedPort = object({ name: text, dtype: orNull(dtype), shape, at: end });
const plan = object({
  deployment: hash,
  source: text,
  objective: text,
  programs: mapOf(
    object({
      folder: text,
      class: text,
      peers: list(text, 1),
      ops: count,
      weightBytes: count,
      memory,
      manifest: hash,
    }),
  ),
  members,
  entries: list(entry),
  inputs: list(placedPort),
  outputs: list(placedPort),
  edges: list(edge),
  estimate: object({ flops: orNull(amount), latencyNs: orNull(count), bytes: orNull(count) }),
  // Earlier compilers gave neither.
  traffic: orNone(traffic),
  reasons: orNone(reasons),
});

function pairOf(item: Check): Check {
  return (value, path) =>
    Array.isArray(value) && value.length !== 2 ? { path, expected: 'two elements' } : list(item)(value, path);
}

/** The plan in a parsed JSON document, or the first thing that is wrong with it. */
export function checkPlan(json: unknown): { plan: Plan } | { mismatch: Mismatch } {
  if (!isObject(json)) return { mismatch: { path: 'document', expected: 'an object' } };
  if (json.version !== PLAN_VERSION)
    return { mismatch: { path: 'version', expected: `${PLAN_VERSION}, the one known here` } };
  const mismatch = plan(json, '');
  return mismatch === undefined ? { plan: json as unknown as Plan } : { mismatch };
}
