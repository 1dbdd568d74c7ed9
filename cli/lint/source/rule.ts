// What a rule over the author's source is: which uses of the world outside it forbids, and in which words. Data,
// so that listing rules does not load the TypeScript compiler.

import type { RuleFacts } from '../../../compiler/index.ts';

/** A use of something that is not the author's, by code that runs while recording. */
export interface OutsideUse {
  /** A global's or a package's name, then property names: `Math.random`, `node:fs.readFileSync`; see origin.ts. */
  readonly origin: string;
  readonly how: 'read' | 'called' | 'made' | 'made without arguments';
}

export interface SourceRule extends RuleFacts {
  readonly matches: (use: OutsideUse) => boolean;
  /** What happened, given the origin as an author would write it. */
  readonly message: (origin: string) => string;
  /** What to try. */
  readonly hint: string;
}

/** Declares a rule over sources. */
export const sourceRule = (id: string, spec: Omit<SourceRule, 'id'>): SourceRule => ({ id, ...spec });

/** Whether an origin is one of `names`, or below one that ends in `.*`. */
export function isOneOf(names: readonly string[]): (origin: string) => boolean {
  const exact = new Set(names);
  const below = names.filter((name) => name.endsWith('.*')).map((name) => name.slice(0, -1));
  return (origin) => exact.has(origin) || below.some((prefix) => origin.startsWith(prefix));
}
