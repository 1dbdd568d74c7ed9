// What `bbc node --json` says at the end.

import { documentOfOutput } from '../run/outputs.ts';
import type { Served } from './serve.ts';

export function documentOf(peer: string, { flows, outputs, signal: _, ...account }: Served) {
  const named = [...outputs].map(([name, value]) => [name, documentOfOutput(value)]);
  return { peer, flows, outputs: Object.fromEntries(named), ...account };
}
