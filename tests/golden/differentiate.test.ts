import { expect, test } from 'vitest';
import { differentiate } from '../../compiler/passes/differentiate.ts';
import { infer } from '../../compiler/passes/infer.ts';
import { chainTopology } from '../../compiler/topology.ts';
import {
  type Diagnostic,
  exportModel,
  formatDiagnostic,
  importModel,
  type Model,
  memorySource,
  printModel,
} from '../../ir/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const header = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.preview.training" : 1]>\n';
const read = (bytes: Uint8Array): Model => importModel(memorySource('model.onnx', bytes)).model!;
const modelOf = (text: string): Model => read(onnxOf(header + text));

function differentiated(source: Model) {
  const problems: Diagnostic[] = [];
  const cx = { topology: chainTopology(1), report: (one: Diagnostic) => void problems.push(one) };
  const compilation = differentiate.run(infer.run({ level: 'checked', model: source }, cx), cx);
  return { ...compilation, text: printModel(compilation.model), problems: problems.map(formatDiagnostic) };
}

const product = `agraph (float a, float b) => (float y, float da, float db) {
  y = Mul (a, b)
  da, db = ai.onnx.preview.training.Gradient <xs = ["a", "b"], y = "y"> (a, b)
}`;

test('plain ops come in the place of a Gradient, under the names that it gave', () => {
  const { text, model, problems } = differentiated(modelOf(product));
  expect(problems).toEqual([]);
  expect(text).toMatchInlineSnapshot(`
    "ir_version 10, opset {"": 21}
    main "agraph" (%a: float32[], %b: float32[]) => (%y: float32[], %da: float32[], %db: float32[]) {
      %grad/constant: float32[] = {1}
      %y: float32[] = Mul(%a, %b)
      %da: float32[] = Identity(%b)
      %db: float32[] = Identity(%a)
    }
    "
  `);
  expect([...model.header.opsets]).toEqual([['', 21]]);
});

test('a model without Gradient stays the same object', () => {
  const model = read(onnxOf('agraph (float a) => (float y) { y = Tanh (a) }'));
  expect(differentiated(model).model).toBe(model);
});

test('a file that names what a Gradient is about comes back as it was, in whatever order', () => {
  for (const attributes of [
    'xs = ["a"], y = "y"',
    'y = "y", zs = ["b"], xs = ["a"]',
    'xs = ["a"], y = "y", zs = ["b"]',
  ]) {
    const inputs = attributes.includes('zs') ? 'a, b' : 'a';
    const bytes = onnxOf(`${header}agraph (float a, float b) => (float da) {
      y = Mul (a, b)
      da = ai.onnx.preview.training.Gradient <${attributes}> (${inputs})
    }`);
    const written = exportModel(read(bytes)).pieces.map((piece) => piece as Uint8Array);
    expect(Buffer.concat(written).equals(bytes)).toBe(true);
  }
});

test('a Gradient follows the values that it names when they are renamed', () => {
  const model = modelOf(product);
  const editor = model.edit();
  editor.setValue(model.mainGraph.inputs[0]!, { name: 'first' });
  editor.setValue(model.mainGraph.outputs[0]!, { name: 'loss' });
  const bytes = Buffer.concat(exportModel(editor.finish()).pieces.map((piece) => piece as Uint8Array));
  expect(differentiated(read(bytes)).problems).toEqual([]);
});

test('the gradient of a gradient is that of its plain ops', () => {
  const { text, problems } = differentiated(
    modelOf(`agraph (float a) => (float dda) {
      y = Sin (a)
      da = ai.onnx.preview.training.Gradient <xs = ["a"], y = "y"> (a)
      dda = ai.onnx.preview.training.Gradient <xs = ["a"], y = "da"> (a)
    }`),
  );
  expect(problems).toEqual([]);
  expect(text).not.toContain('Gradient(');
  expect(text).toContain('Sin(');
});

test('the parts of a loop body are differentiated inside of it', () => {
  const { model, problems } = differentiated(
    modelOf(`agraph (float w, int64 n, bool go) => (float trained) {
      trained = Loop (n, go, w) <body = step (int64 i, bool c, float v) => (bool d, float next) {
        d = Identity (c)
        loss = Mul (v, v)
        dv = ai.onnx.preview.training.Gradient <xs = ["v"], y = "loss"> (v)
        next = Sub (v, dv)
      }>
    }`),
  );
  expect(problems).toEqual([]);
  expect([...model.opsOf()].map(({ type }) => type)).toEqual(['Loop']);
});

test('ops of gradients have the scope and line of what they are the gradient of, and say which op that is', () => {
  const editor = modelOf(product.replace('Mul', 'Div')).edit();
  const [div] = editor.graph(editor.main).ops;
  editor.setOp(div!, { scope: 'head', at: { file: 'model.ts', line: 7, column: 3 } });
  const { model, forwardOf } = differentiated(editor.finish());
  const made = [...model.opsOf()].filter(({ id }) => forwardOf!.has(id));
  expect(made.length).toBeGreaterThan(0);
  for (const op of made) {
    expect(op.scope).toBe('head');
    expect(op.at).toEqual({ file: 'model.ts', line: 7, column: 3 });
  }
});

test('a Gradient in a function is computed where the function is called', () => {
  const { text, problems } = differentiated(
    read(
      onnxOf(`<ir_version: 10, opset_import: ["" : 21, "ai.onnx.preview.training" : 1, "local" : 1]>
      agraph (float a, float b) => (float da, float db) { da = local.Slope (a, b) db = local.Slope (b, a) }
      <opset_import: ["" : 21, "ai.onnx.preview.training" : 1], domain: "local">
      Slope (p, q) => (d) {
        s = Tanh (q)
        y = Mul (p, s)
        d = ai.onnx.preview.training.Gradient <xs = ["q"], y = "y"> (q)
      }`),
    ),
  );
  expect(problems).toEqual([]);
  expect(text).toMatchInlineSnapshot(`
    "ir_version 10, opset {"": 21, "local": 1}
    main "agraph" (%a: float32[], %b: float32[]) => (%da: float32[], %db: float32[]) {
      %grad/constant: float32[] = {1}
      %grad/constant_1: float32[] = {1}
      %Slope/s: float32[] = Tanh(%b)  # in Slope
      %Slope/y: float32[] = Mul(%a, %Slope/s)  # in Slope
      %grad/Slope/s_Mul: float32[] = Mul(%Slope/s, %Slope/s)  # in Slope
      %grad/Slope/s_Sub: float32[] = Sub(%grad/constant, %grad/Slope/s_Mul)  # in Slope
      %Slope/d: float32[] = Mul(%a, %grad/Slope/s_Sub)  # in Slope
      %da: float32[] = Identity(%Slope/d)
      %Slope/s_1: float32[] = Tanh(%a)  # in Slope
      %Slope/y_1: float32[] = Mul(%b, %Slope/s_1)  # in Slope
      %grad/Slope/s_1_Mul: float32[] = Mul(%Slope/s_1, %Slope/s_1)  # in Slope
      %grad/Slope/s_1_Sub: float32[] = Sub(%grad/constant_1, %grad/Slope/s_1_Mul)  # in Slope
      %Slope/d_1: float32[] = Mul(%b, %grad/Slope/s_1_Sub)  # in Slope
      %db: float32[] = Identity(%Slope/d_1)
    }
    "
  `);
});

test.each([
  ['BB283', 'agraph (int64 a, float b) => (float d) { y = Neg (b) d = G <xs = ["a"], y = "y"> (a) }'],
  ['BB284', 'agraph (float[2] a) => (float d) { y = Neg (a) d = G <xs = ["a"], y = "y"> (a) }'],
  ['BB286', 'agraph (float a, float b) => (float d) { y = Neg (b) d = G <xs = ["a"], y = "y"> (a) }'],
  ['BB287', 'agraph (float a) => (float d) { y = Floor (a) d = G <xs = ["a"], y = "y"> (a) }'],
  ['BB288', 'agraph (float a, float b) => (float d) { y = Neg (a) d = G <xs = ["a"], y = "y"> (b) }'],
])('says %s', (code, text) => {
  const { problems } = differentiated(modelOf(text.replace('G <', 'ai.onnx.preview.training.Gradient <')));
  expect(problems.map((one) => /BB\d+/.exec(one)![0])).toEqual([code]);
});
