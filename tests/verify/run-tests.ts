// Runs test files, for lines of a Done list that tests show.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';

/** By file and test, what vitest says of it. */
export function runTests(files: readonly string[], report: string): Record<string, Record<string, string>> {
  const vitest = path.join(projectRoot, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', ...files, '--reporter=json', `--outputFile=${report}`];
  spawnSync(process.execPath, args, { cwd: projectRoot, stdio: ['ignore', 'ignore', 'inherit'] });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: readonly {
      name: string;
      assertionResults: readonly { fullName: string; status: string }[];
    }[];
  };
  return Object.fromEntries(
    testResults.map(({ name, assertionResults }) => [
      path.relative(projectRoot, name),
      Object.fromEntries(assertionResults.map(({ fullName, status }) => [fullName, status])),
    ]),
  );
}
