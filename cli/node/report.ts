// What `bbc node --json` says at the end.

import { createHash } from 'node:crypto';
import type { Served } from './serve.ts';

export function documentOf(peer: string, { flows, outputs, ops, computeMs, sentBytes }: Served) {
  const named = [...outputs].map(([name, { dtype, dims, bytes }]) => [
    name,
    { dtype, dims, sha256: createHash('sha256').update(bytes).digest('hex') },
  ]);
  return { peer, flows, outputs: Object.fromEntries(named), ops, computeMs, sentBytes };
}
