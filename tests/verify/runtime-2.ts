// Done line 2 of the runtime: federated averaging of digits over a hundred simulated phones, a third of which crash and
// rejoin, over links that lose 5 % of all frames, with 20 % stragglers.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/root.ts';
import type { Line, Verification } from './verification.ts';

const example = 'tests/support/sim-digits';
const ROUNDS = 20;
/** Bytes of the record that are changed, one after another. */
const CHANGED = 3;

interface Outcome {
  readonly rounds: number;
  readonly accuracy: number;
  /** Of each round. */
  readonly answers: readonly number[];
}

function bbc(...args: string[]) {
  const main = path.join(projectRoot, 'dist/cli/main.js');
  return spawnSync(process.execPath, [main, ...args], {
    cwd: projectRoot,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
}

function simulated(...more: string[]): Outcome {
  const source = [`${example}/model.ts`, '--peers', `${example}/topology.json`, '--no-check'];
  const { stdout, stderr, status } = bbc('sim', ...source, '--flows', String(ROUNDS), '--json', ...more);
  if (status !== 0) throw new Error(stderr);
  const { rounds } = JSON.parse(stdout) as {
    rounds: readonly {
      readonly outputs: { readonly accuracy: number | null; readonly answers: number | null };
    }[];
  };
  return {
    rounds: rounds.length,
    accuracy: rounds.at(-1)?.outputs.accuracy ?? 0,
    answers: rounds.map(({ outputs }) => outputs.answers ?? 0),
  };
}

/** What a replay says of a record in which one byte is another. */
function changedAt(cx: Verification, record: string, share: number) {
  const bytes = readFileSync(record);
  bytes[Math.floor(share * bytes.length)]! ^= 1;
  const file = path.join(cx.folder, 'changed.bbsim');
  writeFileSync(file, bytes);
  const { status, stdout } = bbc('replay', file, '--no-check', '--json');
  const { divergence } = JSON.parse(stdout) as { divergence: { readonly event: number } | null };
  return { status, event: divergence?.event ?? null };
}

const verify: Line = async (cx) => {
  const faulty = ['--faults', `${example}/faults.json`, '--seed', '7', '--compact'];
  const record = (name: string): string => path.join(cx.folder, `${name}.bbsim`);
  const plain = await cx.step('without faults', () => ({ ...simulated() }));
  const first = await cx.step('with faults', () => ({
    ...simulated(...faulty, '--record', record('first')),
  }));
  await cx.step('again', () => ({ ...simulated(...faulty, '--record', record('again')) }));
  const missed = first.answers.map((count) => 100 - count);
  cx.note(`phones whose answer a round went without: ${missed.join(', ')}`);
  cx.figure('rounds that ended', `${first.rounds} of ${ROUNDS}`, first.rounds === ROUNDS);
  cx.figure(
    'answers that were missing, in the mean of all rounds',
    `${(missed.reduce((sum, one) => sum + one, 0) / missed.length).toFixed(1)} of 100 (at least 10)`,
    missed.reduce((sum, one) => sum + one, 0) >= 10 * missed.length,
  );
  const points = 100 * Math.abs(plain.accuracy - first.accuracy);
  cx.figure(
    'digits read rightly, without faults and with them',
    `${(100 * plain.accuracy).toFixed(2)} % and ${(100 * first.accuracy).toFixed(2)} % (within 1 point)`,
    points <= 1,
  );
  const [one, two] = [readFileSync(record('first')), readFileSync(record('again'))];
  cx.figure('records of the same seed', `${one.length} B, equal: ${one.equals(two)}`, one.equals(two));
  const replayed = await cx.step('replay', () => bbc('replay', record('first'), '--no-check').status ?? -1);
  cx.figure('bbc replay exits with', replayed, replayed === 0);
  for (let index = 1; index <= CHANGED; index++) {
    const share = index / (CHANGED + 1);
    const { status, event } = await cx.step(`byte ${share}`, () => changedAt(cx, record('first'), share));
    cx.figure(
      `one byte changed at ${(100 * share).toFixed(0)} % of the record`,
      `exit ${status}, event ${event} named`,
      status === 1 && event !== null,
    );
  }
};
export default verify;
