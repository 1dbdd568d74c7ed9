// What simplifying may rely on, and how far folding goes.

import { expect, it } from 'vitest';
import { simplifyModel } from '../../compiler/index.ts';
import { importModel, memorySource } from '../../ir/index.ts';
import { cpuEvaluator } from '../../stdlib/backends/cpu/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const evaluate = cpuEvaluator();
const modelOf = (text: string) => importModel(memorySource('model.onnx', onnxOf(text))).model!;
const opsLeft = (text: string, limits = {}): string[] =>
  [...simplifyModel(modelOf(text), { evaluate, limits }).model.opsOf()].map(({ type }) => type);

const growing = `
  agraph (float[100] x) => (float[100] y)
  <float[1] one = {1.5}, int64[1] n = {100}>
  {
    a = Expand (one, n)
    y = Add (x, a)
  }`;

it('folds as long as the model grows by no more than it may', () => {
  expect(opsLeft(growing)).toEqual(['Add']);
  expect(opsLeft(growing, { maxGrowthBytes: 380 })).toEqual(['Expand', 'Add']);
  expect(opsLeft(growing, { maxGrowthBytes: 400 })).toEqual(['Add']);
});

it('folds nothing that is larger than a constant may be', () => {
  expect(opsLeft(growing, { maxConstantBytes: 399 })).toEqual(['Expand', 'Add']);
});

it('does not believe what a file states of inner values', () => {
  const text = `
    agraph (float[N] x) => (int64[1] y)
    <float[7] a>
    {
      a = Relu (x)
      y = Shape (a)
    }`;
  expect(opsLeft(text)).toEqual(['Relu', 'Shape']);
  expect(opsLeft(text.replace('float[N] x', 'float[7] x'))).toEqual(['Constant']);
});

it('gives the very model back where nothing applies', () => {
  const model = modelOf('agraph (float[2] x) => (float[2] y) { y = Relu (x) }');
  expect(simplifyModel(model, { evaluate }).model).toBe(model);
});
