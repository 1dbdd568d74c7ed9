// A model whose names try to become markup or script.

import { exportModel, ModelEditor } from '../../ir/index.ts';

export const hostileNames = [
  '</script><script>window.hacked = 1; alert(1)</script>',
  '<img src=x onerror="window.hacked = 1; alert(2)">',
  '<b>alert\u2028\u2029</b> --> "\' &amp; {{alert(3)}}',
] as const;

export function hostileModule(): Uint8Array {
  const [op, input, output] = hostileNames;
  const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'hostile.onnx' });
  const main = editor.addGraph({ kind: 'main', name: op });
  editor.main = main;
  const type = { kind: 'tensor', dtype: 'float32', dims: [4] } as const;
  const x = editor.addValue(main, { name: input, type, def: { kind: 'input', index: 0 } });
  const y = editor.addValue(main, { name: output, type });
  const relu = editor.addOp(main, { type: 'Relu', name: op, inputs: [x], outputs: [y] });
  editor.setGraph(main, { inputs: [x], outputs: [y], ops: [relu] });
  return Buffer.concat(exportModel(editor.finish()).pieces.map((piece) => piece as Uint8Array));
}
