// Models that are broken at each of their ops, or in ways that only chance finds.

import { expect, test } from 'vitest';
import { Verdict } from '../../compiler/index.ts';
import { importModel, memorySource } from '../../ir/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const verdictOf = (text: string) =>
  new Verdict(importModel(memorySource('model.onnx', onnxOf(text))).model!).full();
const problemsOf = (text: string) => verdictOf(text).filter(({ severity }) => severity === 'error');

test('a thousand problems of a kind are listed, and that there are more', () => {
  const codes = (count: number) =>
    verdictOf(
      `agraph (float[4] x) => (float[4] z) { ${new Array(count).fill('z = Relu (x)').join(' ')} y = Foo (x) }`,
    ).map(({ code }) => code);
  expect(codes(1001)).toEqual([...new Array(1000).fill('BB202'), 'BB206']);
  expect(codes(3000)).toEqual([...new Array(1000).fill('BB202'), 'BB222', 'BB206']);
});

test('an op without the inputs that it must have is refused, not a failure of ours', () => {
  const codes = (op: string, type: string) =>
    problemsOf(`agraph (float[4] x) => (${type} y) { y = ${op} () }`).map(({ code }) => code);
  expect(codes('SequenceConstruct', 'seq(float)')).toContain('BB208');
  for (const op of ['Min', 'Max', 'Sum', 'Mean', 'Add', 'Neg', 'Where', 'Concat', 'Einsum'])
    expect(codes(op, 'float[2]'), op).toContain('BB208');
});
