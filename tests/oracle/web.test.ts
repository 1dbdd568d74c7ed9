// Gradients, training steps and aggregators in onnxruntime-web: plain ONNX that it takes as it is, and that ONNX's full check passes.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { Verdict } from '../../compiler/index.ts';
import { float32, input, int64, output } from '../../dsl/index.ts';
import { CORE, DOMAIN, formatDiagnostic, type Model, type Tensor } from '../../ir/index.ts';
import {
  bulyan,
  type Combine,
  clippedMean,
  cosineScreened,
  geometricMedian,
  krum,
  median,
  multiKrum,
  trimmedMean,
} from '../../stdlib/aggregators/index.ts';
import { bytesOf, modelOfBytes, type OpenEngine, once } from '../support/converted.ts';
import { type CaseFiles, gradientCase } from '../support/gradients.ts';
import { recordedOf } from '../support/recorded.ts';
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

/** The condition of a When holds, which is a node's to see to: what is behind it is plain ONNX. */
function withoutConditions(model: Model): Model {
  const editor = model.edit();
  for (const { id, type, inputs } of model.opsOf())
    if (type === CORE.when) editor.setOp(id, { domain: '', type: 'Identity', inputs: inputs.slice(0, 1) });
  editor.header = {
    ...editor.header,
    opsets: new Map([...editor.header.opsets].filter(([own]) => own !== DOMAIN.core)),
  };
  return editor.finish();
}

it('are combined as numpy does', async () => {
  const { rows, counts, results } = JSON.parse(
    readFileSync('tests/fixtures/aggregators/cases.json', 'utf8'),
  ) as Readonly<
    Record<'rows', number[][]> & Record<'counts', number[]> & Record<'results', Record<string, number[]>>
  >;
  const combines: Readonly<Record<string, Combine>> = {
    median: median(),
    trimmed2: trimmedMean({ f: 2 }),
    krum2: krum({ f: 2 }),
    multiKrum2of5: multiKrum({ f: 2, m: 5 }),
    bulyan2: bulyan({ f: 2 }),
    geometric: geometricMedian({ steps: 200, smoothing: 1e-9 }),
    clippedToMedian: clippedMean({ norm: 'median', around: 'median' }),
    cosineByCount: cosineScreened({ least: 0, weighted: true }),
  };
  const model = recordedOf(() => {
    const x = input('x', float32, ['K', 6]);
    const n = input('n', int64, ['K']);
    for (const [name, combine] of Object.entries(combines)) output(`of ${name}`, combine(x, n));
  });
  const found = await once(openOnWeb)(
    withoutConditions(model),
    new Map([
      ['x', tensorFrom('float32', [11, 6], rows.flat())],
      ['n', tensorFrom('int64', [11], counts.map(BigInt))],
    ]),
  );
  for (const name of Object.keys(combines))
    elementsOf(found.get(`of ${name}`) as Tensor).forEach((value, at) => {
      expect(Number(value), `${name} [${at}]`).toBeCloseTo(results[name]![at]!, 5);
    });
});
