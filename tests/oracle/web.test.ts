// Gradients and training steps in onnxruntime-web: plain ONNX that it takes as it is, and that ONNX's full check passes.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Verdict } from '../../compiler/index.ts';
import { formatDiagnostic, type Model } from '../../ir/index.ts';
import { bytesOf, modelOfBytes, type OpenEngine, once } from '../support/converted.ts';
import { type CaseFiles, gradientCase } from '../support/gradients.ts';
import { trainingRun } from '../support/training.ts';
import { openOnWeb } from '../support/web.ts';

interface Line {
  readonly files: Readonly<Record<string, string>>;
}
const linesOf = <T extends Line>(file: string): T[] =>
  readFileSync(`tests/fixtures/${file}`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
const filesOf =
  ({ files }: Line, more: Readonly<Record<string, object>> = {}): CaseFiles =>
  (name) =>
    more[name] !== undefined
      ? Buffer.from(JSON.stringify(more[name]))
      : files[name] === undefined
        ? undefined
        : Buffer.from(files[name], 'base64');

const asFile = (model: Model): Model => modelOfBytes('model.onnx', bytesOf(model));

/** Runs what the full check accepts. */
const openChecked: OpenEngine = (model: Model) => {
  const errors = new Verdict(asFile(model)).full().filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(formatDiagnostic).join('\n'));
  return openOnWeb(model);
};

/** Every so many-eth case; all of them are in `npm run verify -- train.5`. */
const SAMPLED = 24;

it('are those of PyTorch', async () => {
  const cases = linesOf<Line & { case: string; meta: object }>('gradients/cases.jsonl');
  const wrong: string[] = [];
  for (const one of cases.filter((_, at) => at % SAMPLED === 0)) {
    const problem = await gradientCase(filesOf(one, { 'meta.json': one.meta }), once(openChecked));
    if (problem !== '') wrong.push(`${one.case}: ${problem}`);
  }
  expect(wrong).toEqual([]);
});

it('train as PyTorch does', async () => {
  const [run, ...optimizers] = linesOf<Line & { name: string }>('training/mlp.jsonl');
  const adam = optimizers.find(({ name }) => name === 'adam')!;
  expect(await trainingRun(filesOf(run!), 'adam', openChecked, filesOf(adam))).toBe('');
});
