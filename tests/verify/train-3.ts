// Done line 3 of training: real digits. Here: one peer, three epochs of the example as its reader runs it.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import type { Line } from './verification.ts';

const node = (...args: string[]): string =>
  execFileSync(process.execPath, args, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1 << 28 });

const verify: Line = async (cx) => {
  const shares = await cx.step('one peer', () => {
    const example = 'examples/05-digits';
    const out = path.join(cx.folder, '05-digits');
    rmSync(out, { recursive: true, force: true });
    node('dist/cli/main.js', 'compile', `${example}/model.ts`, '-p', `${example}/topology.json`, '-o', out);
    const curves = path.join(cx.folder, '05-digits.html');
    const text = node('scripts/run-ts.mjs', `${example}/main.ts`, out, '--plot', curves);
    return [...text.matchAll(/test digits read rightly: (\S+) %/g)].map((match) => Number(match[1]));
  });
  cx.note(`one peer, after each epoch: ${shares.map((share) => `${share} %`).join(', ')}`);
  cx.figure(
    'one peer, 3 epochs, of 10,000 test digits',
    `${shares[2]} % (at least 98.5 %)`,
    shares.length === 3 && shares[2]! >= 98.5,
  );
};
export default verify;
