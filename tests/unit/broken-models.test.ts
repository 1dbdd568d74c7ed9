// Models that are broken at each of their ops, or in ways that only chance finds.

import { expect, test } from 'vitest';
import { fullCheck } from '../../compiler/index.ts';
import { importModel, memorySource } from '../../ir/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const problemsOf = (text: string) =>
  fullCheck(importModel(memorySource('model.onnx', onnxOf(text))).model!).filter(
    ({ severity }) => severity === 'error',
  );

test('one name that every op defines again is told a hundred times, and that there is more', () => {
  const ops = (count: number): string => new Array(count).fill('z = Relu (x)').join(' ');
  const problems = problemsOf(`agraph (float[4] x) => (float[4] z) { ${ops(500)} }`);
  expect(problems.map(({ code }) => code)).toEqual(new Array(100).fill('BB202'));
  expect(problems.at(-2)!.message).not.toContain('not listed');
  expect(problems.at(-1)!.message).toContain('and by those after it, which are not listed');
  expect(problemsOf(`agraph (float[4] x) => (float[4] z) { ${ops(4)} }`)).toHaveLength(3);
});

test('an op without the inputs that it must have is refused, not a failure of ours', () => {
  const codes = (op: string, type: string) =>
    problemsOf(`agraph (float[4] x) => (${type} y) { y = ${op} () }`).map(({ code }) => code);
  expect(codes('SequenceConstruct', 'seq(float)')).toContain('BB208');
  for (const op of ['Min', 'Max', 'Sum', 'Mean', 'Add', 'Neg', 'Where', 'Concat', 'Einsum'])
    expect(codes(op, 'float[2]'), op).toContain('BB208');
});
