// A model of many ops, as exporters write them: a stem, blocks with residuals and branches, no scopes.

import { exportModel, type Model, ModelEditor, type ValueId } from '../../ir/index.ts';

/** At least `count` plain ops over float32[64]; with `scoped`, in named layers. */
export function largeModel(count: number, scoped = false): Model {
  const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'large.onnx' });
  const main = editor.addGraph({ kind: 'main', name: 'large' });
  editor.main = main;
  const type = { kind: 'tensor', dtype: 'float32', dims: [64] } as const;
  const ops: ReturnType<ModelEditor['addOp']>[] = [];
  const x = editor.addValue(main, { name: 'x', type, def: { kind: 'input', index: 0 } });
  const add = (op: string, inputs: readonly ValueId[], layer: number): ValueId => {
    const number = ops.length;
    const output = editor.addValue(main, { name: `v${number}`, type });
    const scope = scoped ? { scope: `encoder.layer${layer}` } : {};
    ops.push(editor.addOp(main, { type: op, name: `${op}_${number}`, inputs, outputs: [output], ...scope }));
    return output;
  };
  let value = x;
  for (let layer = 0; ops.length < count; layer++) {
    const branches = [0, 1, 2].map(() => add('Sigmoid', [add('Abs', [value], layer)], layer));
    const joined = branches.reduce((sum, branch) => add('Add', [sum, branch], layer));
    value = add('Relu', [add('Mul', [joined, value], layer)], layer);
  }
  editor.setGraph(main, { inputs: [x], outputs: [value], ops });
  return editor.finish();
}

/** The same as the bytes of a file. */
export function largeFile(count: number, scoped = false): Uint8Array {
  const { pieces } = exportModel(largeModel(count, scoped));
  return Buffer.concat(pieces.map((piece) => piece as Uint8Array));
}
