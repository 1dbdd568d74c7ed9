// Synthetic models of any size: a chain of layers with a skip connection, as exporters write them.

import {
  exportModel,
  type Model,
  ModelEditor,
  type OpId,
  tensorType,
  type ValueId,
  type Weight,
  weightOf,
} from '../ir/index.ts';

const WIDTH = 16;

/** `count` ops in blocks of MatMul, Relu, Tanh, Add; each MatMul has a weight of its own, from `weight`. */
export function chainModel(count: number, width = WIDTH, weight: () => Weight = () => zeros(width)): Model {
  const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'chain.onnx' });
  const main = editor.addGraph({ kind: 'main', name: 'chain' });
  editor.main = main;
  const type = tensorType('float32', [8, width]);
  const x = editor.addValue(main, { name: 'x', type, def: { kind: 'input', index: 0 } });
  const initializers: ValueId[] = [];
  const ops: OpId[] = [];
  let last = x;
  let skip = x;
  for (let index = 0; index < count; index++) {
    const y = editor.addValue(main, { name: `v${index}` });
    const step = index % 4;
    if (step === 0) {
      const w = editor.addValue(main, {
        name: `w${index}`,
        type: tensorType('float32', [width, width]),
        def: { kind: 'initializer' },
        weight: weight(),
      });
      initializers.push(w);
      ops.push(editor.addOp(main, { type: 'MatMul', inputs: [last, w], outputs: [y] }));
    } else if (step === 3) {
      ops.push(editor.addOp(main, { type: 'Add', inputs: [last, skip], outputs: [y] }));
      skip = y;
    } else {
      ops.push(editor.addOp(main, { type: step === 1 ? 'Relu' : 'Tanh', inputs: [last], outputs: [y] }));
    }
    last = y;
  }
  editor.setGraph(main, { inputs: [x], outputs: [last], initializers, ops });
  return editor.finish();
}

const zeros = (width: number): Weight =>
  weightOf({ dtype: 'float32', dims: [width, width], bytes: new Uint8Array(4 * width * width) });

/** A model's file, in memory. */
export function modelBytes(model: Model): Uint8Array {
  const parts = exportModel(model, { external: 'inline' }).pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : piece.source.read(piece.offset, piece.byteLength),
  );
  return Buffer.concat(parts);
}
