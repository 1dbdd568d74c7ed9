// Done line 6 of the runtime: exploring finds a lost update and a deadlock, and passes the examples.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import { runTests } from './run-tests.ts';
import type { Line } from './verification.ts';

/** Small sizes: two calls at once, or one round. */
const examples: readonly (readonly [name: string, ...options: string[]])[] = [
  ['01-hello', '--random', '1', '--calls', '3'],
  ['02-text-recogniser', '--random', '1'],
  ['03-wake-word', '--random', '1'],
  ['04-voice-detector', '--random', '1'],
  ['05-digits', '--flows', '1', '--calls', '1', '--runs', '500'],
  ['07-split-learning', '--flows', '1', '--calls', '1', '--runs', '500'],
  ['08-private-split', '--flows', '1', '--calls', '1', '--runs', '500'],
];

const verify: Line = async (cx) => {
  const tests = await cx.step('tests', () =>
    runTests(['tests/sim/explore.test.ts'], path.join(cx.folder, 'tests.json')),
  );
  for (const [what, status] of Object.values(tests).flatMap((one) => Object.entries(one)))
    cx.figure(what, status, status === 'passed');
  for (const [name, ...options] of examples) {
    const { runs, states, whole, findings } = await cx.step(name, () => {
      const files = [`examples/${name}/model.ts`, '--peers', `examples/${name}/topology.json`];
      const args = ['dist/cli/main.js', 'sim', ...files, '--no-check', '--explore', '--json', ...options];
      const { stdout, stderr } = spawnSync(process.execPath, args, {
        cwd: projectRoot,
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      });
      if (stdout === '') throw new Error(stderr);
      const told = JSON.parse(stdout) as {
        runs: number;
        states: number;
        whole: boolean;
        findings: unknown[];
      };
      return { runs: told.runs, states: told.states, whole: told.whole, findings: told.findings.length };
    });
    cx.figure(
      `${name}, every order`,
      `${runs} runs through ${states} states, ${whole ? 'all' : 'not all'} orders, ${findings} findings`,
      // What trains has more orders than anyone waits for.
      (whole || options.includes('--runs')) && findings === 0,
    );
  }
};
export default verify;
