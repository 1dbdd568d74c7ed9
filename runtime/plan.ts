// Checks that a JSON document is a plan: nothing vouches for it, since the chain of hashes begins with it.

import { PLAN_VERSION, type Plan } from '../ir/deployment.ts';
import {
  amount,
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
  orNull,
  shape,
  text,
} from './document.ts';

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
});

/** The plan in a parsed JSON document, or the first thing that is wrong with it. */
export function checkPlan(json: unknown): { plan: Plan } | { mismatch: Mismatch } {
  if (!isObject(json)) return { mismatch: { path: 'document', expected: 'an object' } };
  if (json.version !== PLAN_VERSION)
    return { mismatch: { path: 'version', expected: `${PLAN_VERSION}, the one known here` } };
  const mismatch = plan(json, '');
  return mismatch === undefined ? { plan: json as unknown as Plan } : { mismatch };
}
