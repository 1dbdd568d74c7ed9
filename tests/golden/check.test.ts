import { describe, expect, test } from 'vitest';
import { check } from '../../compiler/passes/check.ts';
import { chainTopology } from '../../compiler/topology.ts';
import { type Diagnostic, formatDiagnostic, type Model, ModelEditor, printModel } from '../../ir/index.ts';
import { typedModel } from '../support/model.ts';

function checked(model: Model) {
  const problems: Diagnostic[] = [];
  const compilation = check.run(
    { level: 'recorded', model },
    { topology: chainTopology(1), report: (problem) => void problems.push(problem) },
  );
  return { compilation, problems, text: problems.map(formatDiagnostic).join('\n') };
}

/** The small model with its ops in another order. */
function reordered(text: string, order: readonly number[]): Model {
  const editor = typedModel(text).edit();
  const { ops } = editor.graph(editor.main);
  editor.setGraph(editor.main, { ops: order.map((index) => ops[index]!) });
  return editor.finish();
}

describe('the check pass', () => {
  test('lets a valid model through unchanged', () => {
    const model = typedModel('input x: float32[4]\nweight w: float32[4]\ny = Add(x, w)\noutput y');
    const { compilation, problems } = checked(model);
    expect(problems).toEqual([]);
    expect(compilation).toEqual({ level: 'checked', model });
    expect(compilation.model).toBe(model);
  });

  test('sorts ops that are out of order, with a warning', () => {
    const { compilation, text } = checked(
      reordered('input x: float32[4]\na = Relu(x)\nb = Neg(a)\noutput b', [1, 0]),
    );
    expect(text).toBe(
      'test.onnx: warning BB218: the ops of the model are not in order; they were sorted\n' +
        '  try: export the model sorted: other tools refuse it as it is',
    );
    expect(printModel(compilation.model)).toBe(
      [
        'ir_version 10, opset {"": 21}',
        'main "test" (%x: float32[4]) => (%b: float32[4]) {',
        '  %a: float32[4] = Relu(%x)  # at test.txt:2:1',
        '  %b: float32[4] = Neg(%a)  # at test.txt:3:1',
        '}',
        '',
      ].join('\n'),
    );
  });

  test('names the ops of a cycle, at the first one', () => {
    const editor = typedModel('input x: float32[4]\na = Add(x, x)\nb = Neg(a)\nc = Relu(b)\noutput c').edit();
    const { ops, inputs } = editor.graph(editor.main);
    editor.setOp(ops[0]!, { inputs: [inputs[0]!, editor.op(ops[2]!).outputs[0]!] });
    expect(checked(editor.finish()).text).toBe(
      'test.txt:2:1: error BB203: ops need one another in a cycle: a → b → c → a (op a)\n' +
        '  try: break the cycle; repetition is written as Loop or Scan',
    );
  });

  test('reports every problem, each at its line', () => {
    const { problems } = checked(
      typedModel('input x: float32[4]\na = Rleu(x)\nb = Add(a)\nc = Concat(b, b)\nd = other.Op(c)\noutput d'),
    );
    expect(problems.map(({ code, at, message, hint }) => [code, at?.line, message, hint])).toEqual([
      ['BB206', 2, 'ai.onnx has no operator Rleu in opset 21', 'did you mean Relu?'],
      ['BB208', 3, 'Add has 1 inputs, but takes 2', expect.any(String)],
      ['BB209', 4, 'Concat needs the attribute axis', 'add it, of type int'],
      ['BB207', 5, 'the model imports no opset of domain "other"', expect.any(String)],
    ]);
  });

  test('says where a name is defined twice', () => {
    const editor = typedModel('input x: float32[4]\na = Relu(x)\nb = Neg(a)\noutput b').edit();
    const { ops } = editor.graph(editor.main);
    editor.setValue(editor.op(ops[1]!).outputs[0]!, { name: 'a' });
    expect(checked(editor.finish()).text).toBe(
      'test.txt:3:1: error BB202: "a" is defined a second time, by b (op b, value a)\n' +
        '  first defined by op a\n' +
        '  try: give one of the two another name',
    );
  });

  test('refuses what no op gives', () => {
    const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'm.onnx' });
    editor.main = editor.addGraph({ kind: 'main', name: 'g' });
    const [gone, y] = ['gone', 'y'].map((name) => editor.addValue(editor.main, { name }));
    editor.append(editor.main, { type: 'Relu', inputs: [gone!], outputs: [y!] });
    editor.setGraph(editor.main, { outputs: [y!] });
    expect(checked(editor.finish()).problems).toMatchObject([
      { code: 'BB201', value: 'gone', op: 'Relu → y' },
    ]);
  });
});
