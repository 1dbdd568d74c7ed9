// Done line 3: from the packed tarball in an empty folder, `bbc init demo && cd demo && npm install && npx bbc run …`
// works, for every template, and so does every command that init prints.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import type { Line } from './verification.ts';

const TEMPLATES = ['hello', 'split', 'cohort'];
const TAIL_LINES = 15;

const verify: Line = async (cx) => {
  for (const file of readdirSync(cx.folder)) if (file.endsWith('.tgz')) rmSync(path.join(cx.folder, file));
  const packed = run(projectRoot, `npm pack --silent --pack-destination '${cx.folder}'`);
  const tarball = readdirSync(cx.folder).find((file) => file.endsWith('.tgz'));
  cx.figure('npm pack', tarball ?? packed.output, tarball !== undefined);
  if (tarball === undefined) return;
  for (const template of TEMPLATES) {
    const { commands, failed } = await cx.step(template, async () =>
      startProject(path.join(cx.folder, tarball), template),
    );
    if (failed !== '') for (const line of failed.trimEnd().split('\n').slice(-TAIL_LINES)) cx.note(line);
    cx.figure(`${template}: ${commands.join('; ')}`, failed === '' ? 'exit 0 each' : 'fails', failed === '');
  }
};
export default verify;

/** In a folder that holds the tarball and nothing else. */
function startProject(tarball: string, template: string): { commands: readonly string[]; failed: string } {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'init-')));
  try {
    const here = path.join(folder, path.basename(tarball));
    copyFileSync(tarball, here);
    const made = run(folder, `npx --yes --package='${here}' bbc init demo --template ${template} --json`);
    if (made.status !== 0) return { commands: ['bbc init demo'], failed: made.output };
    const { commands } = JSON.parse(made.stdout) as { commands: readonly string[] };
    const [enter, ...rest] = commands;
    for (const command of rest) {
      const { status, output } = run(folder, `${enter} && ${command}`);
      if (status !== 0) return { commands, failed: `${command}\n${output}` };
    }
    return { commands, failed: '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(cwd: string, command: string): { status: number; stdout: string; output: string } {
  // What npm tells the scripts it starts about this project is not for the new one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd,
    env: { ...env, NO_COLOR: '1' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { status: status ?? -1, stdout, output: `${stdout}\n${stderr}` };
}
