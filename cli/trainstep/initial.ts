// The values with which a training begins, as a model without inputs: its outputs are inputs of the step.

import {
  DEFAULT_OPSET,
  MIN_IR_VERSION,
  type Model,
  ModelEditor,
  tensorType,
  type ValueId,
  type Weight,
} from '../../ir/index.ts';
import { readWeight, weightOf } from '../../ir/onnx/index.ts';

/** `values` by the names of the outputs. Zeros are made when it runs, so the file is not larger for them. */
export function initialModel(file: string, values: ReadonlyMap<string, Weight>): Model {
  const editor = new ModelEditor({
    irVersion: MIN_IR_VERSION,
    opsets: new Map([['', DEFAULT_OPSET]]),
    file,
  });
  const main = editor.addGraph({ kind: 'main', name: 'initial' });
  editor.main = main;
  const initializers: ValueId[] = [];
  const held = (name: string, weight: Weight): ValueId => {
    const type = tensorType(weight.dtype, weight.dims);
    const id = editor.addValue(main, { name, type, weight, def: { kind: 'initializer' } });
    initializers.push(id);
    return id;
  };
  const outputs: ValueId[] = [];
  const ops = [...values].map(([name, weight]) => {
    const out = editor.addValue(main, { name, type: tensorType(weight.dtype, weight.dims) });
    outputs.push(out);
    const own = `${name}.initial`;
    if (weight.dims.length === 0 || !isZero(weight)) {
      const given = held(own, { ...weight, proto: { ...weight.proto, name: own } });
      return editor.addOp(main, { type: 'Identity', inputs: [given], outputs: [out] });
    }
    const dims = BigInt64Array.from(weight.dims, BigInt);
    const shape = { dtype: 'int64', dims: [dims.length], bytes: new Uint8Array(dims.buffer) } as const;
    const bytes = new Uint8Array(readWeight(weight).bytes.length / weight.dims.reduce((a, b) => a * b, 1));
    const zero = weightOf({ dtype: weight.dtype!, dims: [1], bytes });
    const inputs = [held(own, weightOf(shape, own))];
    const attributes = [{ name: 'value', kind: 'tensor', value: zero }] as const;
    return editor.addOp(main, { type: 'ConstantOfShape', inputs, outputs: [out], attributes });
  });
  editor.setGraph(main, { outputs, initializers, ops });
  return editor.finish();
}

/** Files are not read for it: what is in one is no slot. */
const isZero = (weight: Weight): boolean =>
  weight.range?.source.path === undefined &&
  weight.dims.every((dim) => dim > 0) &&
  readWeight(weight).bytes.every((byte) => byte === 0);
