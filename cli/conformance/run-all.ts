// All cases, a few at a time, in the order of the index.

import { availableParallelism } from 'node:os';
import type { Case } from './cases.ts';
import { runCase, type Split, type Verdict } from './run-case.ts';
import type { WholeBackend } from './whole.ts';

export interface RunAllOptions {
  readonly split: Split;
  /** Closed afterwards. */
  readonly backend: WholeBackend;
  /** Called after each case. */
  readonly onVerdict?: (verdict: Verdict, done: number) => void;
}

export async function runAll(
  folder: string,
  cases: readonly Case[],
  options: RunAllOptions,
): Promise<Verdict[]> {
  const { backend } = options;
  const verdicts: Verdict[] = new Array(cases.length);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < cases.length) {
      const index = next++;
      const verdict = await runCase(folder, cases[index]!, backend, options.split);
      verdicts[index] = verdict;
      options.onVerdict?.(verdict, ++done);
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    await backend.backend.close();
  }
  return verdicts;
}
