// Random operators with random shapes, attributes and constants, held against what ONNX's own inference said of them.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Verdict } from '../../compiler/index.ts';
import { formatType, importModel, memorySource } from '../../ir/index.ts';
import { type UnitLine, unitDifference } from '../support/answers.ts';
import { onnxOf } from '../support/onnx-text.ts';

const lines = readFileSync('tests/fixtures/inference/random.jsonl', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as UnitLine);

/** By operator version, why our types differ. */
const reasons: Readonly<Record<string, string>> = {
  'LpPool-11': 'auto_pad and pads are both given, which the specification forbids; they heed both',
  'RMSNormalization-23': 'the output has the type of scale, as the signature says; they give it that of X',
};

const differences = lines.flatMap((line) => {
  const text = unitDifference(line);
  return text === undefined ? [] : [{ test: line.test, text }];
});

test('what ONNX refuses, we refuse', () => {
  expect(differences.filter(({ text }) => text.startsWith('ok instead of error'))).toEqual([]);
});

test('where both accept, our types are at least as specific and contradict nothing', () => {
  const typed = differences.filter(({ text }) => !/^(ok|error) instead of/.test(text));
  expect(typed.filter(({ test }) => reasons[test] === undefined)).toEqual([]);
  expect(new Set(typed.map(({ test }) => test))).toEqual(new Set(Object.keys(reasons)));
});

test('what only we refuse could not run: ranks, axes, counts and sizes that contradict', () => {
  const refused = differences.filter(({ text }) => text.startsWith('error instead of ok'));
  const why =
    / has rank | is outside rank | elements?, | name an axis twice|labels |shapes differ|the kernel has|axes for|inputs after/;
  expect(refused.filter(({ text }) => !why.test(text))).toEqual([]);
  expect(refused.length).toBeLessThan(0.08 * lines.length);
});

const typeOfY = (text: string): string => {
  const { model } = importModel(memorySource('m.onnx', onnxOf(text)));
  return formatType(
    [...new Verdict(model!).types().model.allValues()].find(({ name }) => name === 'y')?.type,
  );
};

test('RMSNormalization gives the type of its scale, and the shape of its input', () => {
  const header = '<ir_version: 11, opset_import: ["" : 23]>\n';
  const text = `${header}g (float16[N, 4] x, float[4] s) => (float[N, 4] y) { y = RMSNormalization (x, s) }`;
  expect(typeOfY(text)).toBe('float32[N, 4]');
});

test('FeatureVectorizer puts its inputs side by side; a vector is one row', () => {
  const header = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.ml" : 1]>\n';
  const of = (inputs: string, attributes = ''): string =>
    typeOfY(
      `${header}g (${inputs}) => (float[A, B] y) { y = ai.onnx.ml.FeatureVectorizer ${attributes} (a, b) }`,
    );
  expect(of('float[5, 2] a, int64[5, 3] b')).toBe('float32[5, 5]');
  expect(of('float[2] a, float[4] b')).toBe('float32[1, 6]');
  expect(of('float[5, 2] a, float[5, 3] b', '<inputdimensions = [2, 4]>')).toBe('float32[5, 6]');
});
