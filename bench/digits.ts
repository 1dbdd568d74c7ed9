// The networks that the training benchmarks compare, in ONNX's textual syntax: their parameters are inputs.

import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../ir/generated/onnx-ml_pb.ts';
import {
  DiagnosticError,
  importModel,
  type Model,
  memorySource,
  type ValueId,
  weightOf,
} from '../ir/index.ts';
import { readText } from '../ir/text/read.ts';

export type Shapes = Readonly<Record<string, readonly number[]>>;

export interface Network {
  readonly name: string;
  /** Of one sample. */
  readonly image: readonly number[];
  readonly parameters: Shapes;
  /** Statements that make `loss` from `x`, `label` and the parameters. */
  readonly forward: string;
}

/** 784-128-64-10. */
export const mlp: Network = {
  name: 'MLP',
  image: [784],
  parameters: { w1: [784, 128], b1: [128], w2: [128, 64], b2: [64], w3: [64, 10], b3: [10] },
  forward: `
    h1 = Gemm (x, w1, b1)
    a1 = Relu (h1)
    h2 = Gemm (a1, w2, b2)
    a2 = Relu (h2)
    z = Gemm (a2, w3, b3)
    loss = SoftmaxCrossEntropyLoss <reduction = "mean"> (z, label)`,
};

/** Two convolutions of 16 and 32 kernels, each with a pool behind it, and 128 hidden units. */
export const cnn: Network = {
  name: 'CNN',
  image: [1, 28, 28],
  parameters: {
    k1: [16, 1, 3, 3],
    c1: [16],
    k2: [32, 16, 3, 3],
    c2: [32],
    w1: [1568, 128],
    b1: [128],
    w2: [128, 10],
    b2: [10],
  },
  forward: `
    h1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x, k1, c1)
    a1 = Relu (h1)
    p1 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a1)
    h2 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (p1, k2, c2)
    a2 = Relu (h2)
    p2 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a2)
    f = Flatten (p2)
    h3 = Gemm (f, w1, b1)
    a3 = Relu (h3)
    z = Gemm (a3, w2, b2)
    loss = SoftmaxCrossEntropyLoss <reduction = "mean"> (z, label)`,
};

const header = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.preview.training" : 1]>\n';

export function modelOfText(text: string): Model {
  const { proto, diagnostics } = readText(header + text, 'bench.onnxtxt');
  if (proto === undefined) throw new DiagnosticError(diagnostics);
  const bytes = toBinary(ModelProtoSchema, proto);
  const { model, diagnostics: problems } = importModel(memorySource('bench.onnx', bytes));
  if (model === undefined) throw new DiagnosticError(problems);
  return model;
}

/** `float[784,128] w1, …`; with `suffix` behind each name. */
export const declared = (shapes: Shapes, prefix = '', suffix = ''): string =>
  Object.entries(shapes)
    .map(([name, dims]) => `float[${dims}] ${prefix}${name}${suffix}`)
    .join(', ');

/** `x`, `label`, and the parameters. */
export const inputsOf = ({ image, parameters }: Network, batch: number | string): string =>
  `float[${[batch, ...image]}] x, int64[${batch}] label, ${declared(parameters)}`;

/** The forward computation, its parameters as initializers, zeros. */
export function forwardModel(network: Network, batch: number | string): Model {
  const model = modelOfText(`forward (${inputsOf(network, batch)}) => (float loss) {${network.forward}\n}`);
  const editor = model.edit();
  const { inputs, initializers } = model.mainGraph;
  const isParameter = (id: ValueId): boolean => model.value(id).name in network.parameters;
  const parameters = inputs.filter(isParameter);
  for (const id of parameters) {
    const { name } = model.value(id);
    const dims = network.parameters[name]!;
    const bytes = new Uint8Array(4 * dims.reduce((count, size) => count * size, 1));
    const weight = weightOf({ dtype: 'float32', dims, bytes }, name);
    editor.setValue(id, { def: { kind: 'initializer' }, weight });
  }
  const others = inputs.filter((id) => !isParameter(id));
  editor.setGraph(model.main, { inputs: others, initializers: [...initializers, ...parameters] });
  return editor.finish();
}
