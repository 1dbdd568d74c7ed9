// What a node tells of what it waits for, as it has it: who shows it to people says the rest.

import type { Flow } from './flow.ts';
import type { Work } from './outlet.ts';

/** Open flows, work under way, claims that wait, and flows that have yet to begin. */
export interface Waiting {
  readonly flows: Iterable<Flow>;
  /** Sooner than a wait's deadline, where nobody needs its value any more. */
  uselessNs(flow: Flow, wait: number): number;
  readonly works: Iterable<{ readonly work: Work; readonly sinceNs: number; readonly untilNs: number }>;
  readonly claims: Iterable<{
    readonly key: string;
    readonly claim: { readonly flow: Flow };
    readonly behind: { readonly flow: Flow };
  }>;
  readonly turns: Iterable<{
    readonly entry: string;
    readonly count: number;
    readonly behind: Flow | undefined;
  }>;
}
