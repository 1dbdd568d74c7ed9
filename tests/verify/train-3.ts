// Done line 3 of training: real digits, as readers of the examples run them. One peer, three epochs; ten phones of which each
// has other digits, in three distributions. Both stopped and resumed.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readTensorFile } from '../../cli/tensors/files.ts';
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

/** Whether a run of `flows` that is stopped halfway and resumed ends in the states of one that is not. */
function resumesInTheSameBits(cx: Verification, name: string, flows: number): boolean {
  const example = `examples/${name}`;
  const kept = (what: string): string => path.join(cx.folder, `${name}-${what}.npz`);
  const half = Math.floor(flows / 2);
  const run = (count: number, to: string, ...rest: string[]): unknown => {
    const source = [`${example}/model.ts`, '--peers', `${example}/topology.json`, '--no-check'];
    return node('dist/cli/main.js', 'run', ...source, '--flows', String(count), '--checkpoint', to, ...rest);
  };
  run(flows, kept('whole'));
  run(half, kept('part'));
  run(flows - half, kept('resumed'), '--resume', kept('part'));
  const [whole, resumed] = [kept('whole'), kept('resumed')].map((file) => readTensorFile(file));
  return whole!.size > 3 && isDeepStrictEqual(whole, resumed);
}

const verify: Line = async (cx) => {
  for (const [what, name, flows] of [
    ['one peer, 200 steps', '05-digits', 200],
    ['ten phones, 2 rounds', '06-federated-digits', 2],
  ] as const) {
    const same = await cx.step(`${what}, stopped and resumed`, () => resumesInTheSameBits(cx, name, flows));
    cx.figure(
      `${what}, stopped halfway and resumed`,
      same ? 'every state as in a run that was not stopped, bit for bit' : 'states differ',
      same,
    );
  }
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
