// Done line 3 of training: real digits, as readers of the examples run them. One peer, three epochs; ten phones of which each
// has other digits, in three distributions.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import type { Line, Verification } from './verification.ts';

const node = (...args: string[]): string =>
  execFileSync(process.execPath, args, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1 << 28 });

/** Compiles an example and runs its main.ts; gives the shares of test digits that it tells, in percent. */
function shares(cx: Verification, name: string, ...options: string[]): number[] {
  const example = `examples/${name}`;
  const out = path.join(cx.folder, name);
  rmSync(out, { recursive: true, force: true });
  node('dist/cli/main.js', 'compile', `${example}/model.ts`, '-p', `${example}/topology.json`, '-o', out);
  const text = node('scripts/run-ts.mjs', `${example}/main.ts`, out, ...options);
  return [...text.matchAll(/test digits read rightly: (\S+) %/g)].map((match) => Number(match[1]));
}

const verify: Line = async (cx) => {
  const curves = (name: string): string => path.join(cx.folder, `${name}.html`);
  const epochs = await cx.step('one peer', () => shares(cx, '05-digits', '--plot', curves('05-digits')));
  cx.note(`one peer, after each epoch: ${epochs.map((share) => `${share} %`).join(', ')}`);
  cx.figure(
    'one peer, 3 epochs, of 10,000 test digits',
    `${epochs[2]} % (at least 98.5 %)`,
    epochs.length === 3 && epochs[2]! >= 98.5,
  );
  for (const seed of ['1', '2', '3']) {
    const rounds = await cx.step(`ten phones, seed ${seed}`, () =>
      shares(cx, '06-federated-digits', '--seed', seed, '--plot', curves(`06-federated-digits-${seed}`)),
    );
    cx.note(`ten phones, seed ${seed}, after each round: ${rounds.map((share) => `${share} %`).join(', ')}`);
    cx.figure(
      `ten phones, Dirichlet 0.5, seed ${seed}`,
      `${rounds.at(-1)} % after ${rounds.length} rounds (at least 97 % within 30)`,
      rounds.length <= 30 && rounds.at(-1)! >= 97,
    );
  }
};
export default verify;
