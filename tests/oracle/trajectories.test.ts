// The training step that `bbc trainstep` writes, run a hundred times, against PyTorch's and numpy's runs.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openOnCpu, openOnOnnxRuntime } from '../support/converted.ts';
import type { CaseFiles } from '../support/gradients.ts';
import { trainingRun } from '../support/training.ts';

interface Line {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
}
const [run, ...optimizers] = readFileSync('tests/fixtures/training/mlp.jsonl', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Line);

const filesOf =
  ({ files }: Line): CaseFiles =>
  (name) => {
    const text = files[name];
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  };

// Each backend trains with every other one: all with all are in `npm run verify -- train.1`.
it.each([
  ['the CPU backend', openOnCpu, 0],
  ['ONNX Runtime', openOnOnnxRuntime, 1],
])('trains as they do on %s', async (_, open, first) => {
  expect(optimizers.length).toBe(11);
  const wrong: string[] = [];
  for (const one of optimizers.filter((_, at) => at % 2 === first)) {
    const problem = await trainingRun(filesOf(run!), one.name, open, filesOf(one));
    if (problem !== '') wrong.push(`${one.name}: ${problem}`);
  }
  expect(wrong).toEqual([]);
});
