// Rounds until federated averaging reads a share of the test digits rightly, beside a published number of them.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { federatedRounds, type Parameters, roundsTo, type Setting } from '../support/published.ts';
import type { Verification } from './verification.ts';

/** How many times the published number it may take. */
const SLACK = 1.25;

export interface Published {
  readonly setting: Omit<Setting, 'lr'>;
  /** The published number is the least over learning rates, and so is ours. */
  readonly rates: readonly number[];
  readonly target: number;
  readonly rounds: number;
  /** Rounds of one step, which is not done again. */
  readonly atOnce: number;
}

/** Runs each learning rate until the target, and shows the least number of rounds. */
export async function reproduce(cx: Verification, published: Published): Promise<void> {
  const { setting, rates, target, rounds } = published;
  const most = SLACK * rounds;
  const found: number[] = [];
  for (const lr of rates) {
    const scores = await curve(cx, published, lr);
    const crossed = roundsTo(target, scores);
    if (crossed !== undefined) found.push(crossed);
    const best = `${(100 * Math.max(...scores)).toFixed(2)} %`;
    cx.note(
      `rate ${lr}: ${crossed?.toFixed(1) ?? 'not'} reached, ${best} at best in ${scores.length} rounds`,
    );
  }
  const least = Math.min(...found);
  const { network, epochs, batch } = setting;
  cx.figure(
    `${network}, E=${epochs}, B=${batch}, C=0.1, IID: rounds to ${100 * target} %, of rates ${rates.join(', ')}`,
    `${least.toFixed(1)}; published ${rounds}, at most ${most}`,
    least <= most,
  );
}

/** Scores after each round, up to the target or as many as count. */
async function curve(
  cx: Verification,
  { setting, target, rounds, atOnce }: Published,
  lr: number,
): Promise<readonly number[]> {
  const scores: number[] = [];
  for (let part = 0; roundsTo(target, scores) === undefined && scores.length < SLACK * rounds; part++) {
    const fileOf = (one: number): string => path.join(cx.folder, `rate-${lr}-part-${one}`);
    const told = await cx.step(`rate ${lr}, part ${part}`, async () => {
      const backend = onnxRuntimeBackend({ workers: 0 });
      try {
        const from = part === 0 ? undefined : readParameters(fileOf(part - 1));
        const ended = await federatedRounds({ ...setting, lr }, backend, atOnce, part, from);
        writeParameters(fileOf(part), ended.parameters);
        return [...ended.scores];
      } finally {
        await backend.close();
      }
    });
    scores.push(...told);
  }
  return scores;
}

const readParameters = (file: string): Parameters => {
  const values = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, string>>;
  const entries = Object.entries(values).map(([name, base64]) => [
    name,
    new Uint8Array(Buffer.from(base64, 'base64')),
  ]);
  return Object.fromEntries(entries);
};

const writeParameters = (file: string, parameters: Parameters): void =>
  writeFileSync(
    file,
    JSON.stringify(
      Object.fromEntries(
        Object.entries(parameters).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
      ),
    ),
  );
