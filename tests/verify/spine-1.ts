// Done line 1: in a clean clone the README's two commands work, and .ci/run does too.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import type { Line } from './verification.ts';

const TAIL_LINES = 30;

const verify: Line = async (cx) => {
  const { status, output } = await cx.step('first command', () =>
    inClone((clone) => {
      const readme = readFileSync(path.join(clone, 'README.md'), 'utf8');
      const [first] = /(?<=```sh\n)npm ci .*?(?=\s+#|\n)/.exec(readme) ?? ['false'];
      return run(clone, first);
    }),
  );
  const lines = output.split('\n');
  const text = lines.find((line) => line.startsWith('"One graph, three peers"'));
  cx.figure('the README’s first command', `exit ${status}`, status === 0);
  cx.figure('what it reads', text ?? `not the text: ${output.slice(-500)}`, text !== undefined);
  for (const peer of ['phone', 'edge', 'server']) {
    // Compiling prints a table of peers too, so the last one counts.
    const row = lines.findLast((line) => line.startsWith(`${peer} `));
    cx.figure(`its row for ${peer}`, row ?? 'none', row !== undefined);
  }
  const edges = lines.filter((line) => /^\d+ +\w+ +\w+ .*float32\[.*\]/.test(line));
  cx.figure('its rows for edges', edges.length, edges.length >= 2);

  // Ends with the README's second command, all tests.
  const ci = await cx.step('.ci/run', () => inClone((clone) => run(clone, '.ci/run')));
  for (const line of ci.output.split('\n'))
    if (/^ +(Test Files|Tests|Duration) /.test(line)) cx.note(line.trim());
  if (ci.status !== 0) for (const line of ci.output.trimEnd().split('\n').slice(-TAIL_LINES)) cx.note(line);
  cx.figure(
    '.ci/run: install, build, types, lint, packed package, all tests',
    `exit ${ci.status}`,
    ci.status === 0,
  );
};
export default verify;

/** Outside the project, whose own packages would otherwise be found from the clone. */
function inClone<Result>(work: (clone: string) => Result): Result {
  const folder = mkdtempSync(path.join(tmpdir(), 'clone-'));
  try {
    const clone = path.join(folder, 'project');
    const { status, output } = run(folder, `git clone --quiet --no-hardlinks '${projectRoot}' '${clone}'`);
    if (status !== 0) throw new Error(output);
    return work(clone);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(cwd: string, command: string): { status: number; output: string } {
  // What npm tells the scripts it starts about this project is not for the clone.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd,
    env: { ...env, NO_COLOR: '1' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { status: status ?? -1, output: `${stdout}\n${stderr}` };
}
