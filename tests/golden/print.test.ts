import path from 'node:path';
import { expect, test } from 'vitest';
import { printModel } from '../../ir/index.ts';
import { typedModel } from '../support/model.ts';
import { fixtures, importFile } from '../support/onnx-files.ts';

const printed = (file: string): string => printModel(importFile(path.join(fixtures, file)).model!);

test('functions, subgraphs, weights, odd attributes and metadata all show', async () => {
  await expect(printed('rich.onnx')).toMatchFileSnapshot(path.join(fixtures, 'rich.txt'));
});

test('a loop shows its body, indented', async () => {
  await expect(printed('conformance/node/test_loop16_seq_none/model.onnx')).toMatchFileSnapshot(
    path.join(fixtures, 'loop.txt'),
  );
});

test('how a model was made does not show', () => {
  const text = 'input x: float32[4]\na = Relu(x)\nb = Neg(a)\noutput b';
  const editor = typedModel(text).edit();
  // The same ops again, under new ids.
  const { ops } = editor.graph(editor.main);
  const copies = ops.map((id) => {
    const { id: _, graph, ...op } = editor.op(id);
    editor.removeOp(id);
    return editor.addOp(graph, op);
  });
  editor.setGraph(editor.main, { ops: copies });
  expect(printModel(editor.finish())).toBe(printModel(typedModel(text)));
});
