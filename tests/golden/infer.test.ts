import { describe, expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { infer } from '../../compiler/passes/infer.ts';
import { chainTopology } from '../../compiler/topology.ts';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import { type Attribute, type Model, ModelEditor, type ModelHeader, type ValueId } from '../../ir/graph.ts';
import { weightOf } from '../../ir/onnx/weights.ts';
import { formatType, tensorType, type ValueType } from '../../ir/types.ts';
import { modelOf } from '../support/model.ts';

/** `name: type` for every value that an op makes, in graph order. */
function types(model: Model): string[] {
  return [...inferModel(model).model.allValues()]
    .filter((value) => value.def.kind === 'op')
    .map((value) => `${value.name}: ${formatType(value.type)}`);
}
const problems = (model: Model): string[] => inferModel(model).diagnostics.map(formatDiagnostic);
const float = (...dims: (number | string | null)[]): ValueType => tensorType('float32', dims);

it('the pass types a model, reports, and changes nothing the second time', () => {
  const reported: string[] = [];
  const cx = { topology: chainTopology(1), report: ({ code }: { code: string }) => void reported.push(code) };
  const model = modelOf('input x: float32[N]\ninput i: int64[N]\ny = Relu(x)\nz = Add(y, i)\noutput z');
  const once = infer.run({ level: 'checked', model }, cx);
  expect(once.level).toBe('typed');
  expect(formatType([...once.model.allValues()].find(({ name }) => name === 'y')?.type)).toBe('float32[N]');
  expect(reported).toEqual(['BB251']);
  expect(infer.run(once, cx).model).toBe(once.model);
});

describe('shapes', () => {
  it('keep the names of dimensions that ops keep', () => {
    const model = modelOf(`
      input x: float32[N, 3, 32, W]
      weight k: float32[8, 3, 3, 3]
      a = Conv<pads = [1, 1, 1, 1]>(x, k)
      b = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(a)
      c = GlobalAveragePool(b)
      d = Flatten(c)
      e = Transpose<perm = [1, 0]>(d)
      output e
    `);
    expect(types(model)).toEqual([
      'a: float32[N, 8, 32, W]',
      'b: float32[N, 8, 16, floor(W/2)]',
      'c: float32[N, 8, 1, 1]',
      'd: float32[N, 8]',
      'e: float32[8, N]',
    ]);
  });

  it('split evenly but for the last part, and say nothing where that would be less than empty', () => {
    const model = modelOf(`
      input x: float32[5]
      a, b, c = Split<num_outputs = 3>(x)
      d, e, f, g = Split<num_outputs = 4>(x)
      output a
    `);
    expect(types(model)).toEqual([
      'a: float32[2]',
      'b: float32[2]',
      'c: float32[1]',
      ...['d', 'e', 'f', 'g'].map((name) => `${name}: float32[?]`),
    ]);
  });

  it('broadcast, and give up only what two names leave open', () => {
    const model = modelOf(`
      input a: float32[N, 1, 4]
      input b: float32[M, 5, 1]
      input c: float32[4]
      x = Add(a, b)
      y = Mul(a, c)
      z = Greater(y, c)
      output x
    `);
    expect(types(model)).toEqual(['x: float32[?, 5, 4]', 'y: float32[N, 1, 4]', 'z: bool[N, 1, 4]']);
  });
});

describe('data propagation', () => {
  it('follows a batch dimension through the arithmetic of its shape', () => {
    const model = modelOf(`
      input x: float32[N, 4, 5]
      s = Shape(x)
      zero = Constant<value_int = 0>()
      n = Gather(s, zero)
      axes = Constant<value_ints = [0]>()
      first = Unsqueeze(n, axes)
      rest = Constant<value_ints = [-1]>()
      target = Concat<axis = 0>(first, rest)
      y = Reshape(x, target)
      output y
    `);
    expect(types(model).at(-1)).toBe('y: float32[N, 20]');
  });

  it('computes with the numbers of a shape as the ops would', () => {
    const model = modelOf(`
      input x: float32[6, 10, N]
      s = Shape<start = 0, end = 2>(x)
      two = Constant<value_ints = [4, -3]>()
      quotient = Div(s, two)
      distance = Abs(quotient)
      zeros = ConstantOfShape(distance)
      output zeros
    `);
    // Integer division truncates: 6 / 4 is 1, 10 / -3 is -3.
    expect(types(model).at(-1)).toBe('zeros: float32[1, 3]');
  });

  it('resizes to sizes cut out of a shape', () => {
    const model = modelOf(
      `
      input x: float32[1, 8, 12, W]
      input skip: float32[1, 4, 24, V]
      s = Shape(skip)
      from = Constant<value_ints = [2]>()
      to = Constant<value_ints = [4]>()
      area = Slice(s, from, to)
      t = Shape<start = 0, end = 2>(x)
      sizes = Concat<axis = 0>(t, area)
      y = Resize(x, , , sizes)
      output y
    `,
    );
    expect(types(model).at(-1)).toBe('y: float32[1, 8, 24, V]');
  });

  it('does not take a default that a caller may override for a constant', () => {
    const build = (irVersion: number): Model => {
      const editor = modelOf(`
        input x: float32[6]
        weight shape: int64[1]
        y = Reshape(x, shape)
        output y
      `).edit();
      const { initializers, inputs } = editor.graph(editor.main);
      const shape = initializers[0]!;
      const bytes = new Uint8Array(BigInt64Array.of(-1n).buffer);
      const weight = weightOf({ dtype: 'int64', dims: [1], bytes });
      editor.setValue(shape, { weight, def: { kind: 'input', index: 1 } });
      editor.setGraph(editor.main, { inputs: [...inputs, shape] });
      editor.header = { ...editor.header, irVersion };
      return editor.finish();
    };
    expect(types(build(8))).toEqual(['y: float32[?]']);
    // Before IR 4 every initializer had to be an input too, so there it is a constant.
    expect(types(build(3))).toEqual(['y: float32[6]']);
  });
});

describe('declared types', () => {
  const declare = (declared: ValueType): Model => {
    const model = modelOf(`
      input x: float32[N, 3]
      y = Relu(x)
      output y
    `);
    const editor = model.edit();
    editor.setValue(model.mainGraph.outputs[0]!, { type: declared });
    return editor.finish();
  };

  it('add what inference cannot know, and an output keeps the names its author gave', () => {
    expect(types(declare(float('rows', null)))).toEqual(['y: float32[rows, 3]']);
    expect(types(declare(float(2, 3)))).toEqual(['y: float32[2, 3]']);
  });

  it('that cannot be true are warned of, and not used', () => {
    const model = declare(float('N', 4));
    expect(types(model)).toEqual(['y: float32[N, 3]']);
    expect(problems(model)).toEqual([
      expect.stringContaining(
        'test.onnx: warning BB253: declared as float32[N, 4], but it is float32[N, 3] (value y)',
      ),
    ]);
  });

  it('of another element type are refused, as by every runtime', () => {
    expect(problems(declare({ kind: 'tensor', dtype: 'int64', dims: ['N', 3] }))).toEqual([
      expect.stringContaining('test.onnx: error BB255: declared as int64[N, 3], but it is float32[N, 3]'),
    ]);
  });

  it('that say all there is leave the model as it is', () => {
    const typed = inferModel(declare(float('N', 3))).model;
    expect(inferModel(typed).model).toBe(typed);
  });
});

describe('contradictions', () => {
  it('are all reported, each once, with op, value, both types and position', () => {
    const model = modelOf(`
      input x: float32[N, 784]
      input w: float32[10, 784]
      input i: int64[N]
      h = MatMul(x, w)
      g = Relu(h)
      m = Add(g, i)
      q = Sqrt(i)
      output m
    `);
    expect(problems(model).map((text) => text.split('\n')[0])).toEqual([
      'test.onnx: error BB252: MatMul(x, w): inner dimensions differ: 784 and 10 ([N, 784] times [10, 784]) (op MatMul, value h)',
      'test.onnx: error BB251: Add wants one type for several inputs: B is tensor(int64), g is tensor(float) (op Add, value i)',
      'test.onnx: error BB250: Sqrt does not take tensor(int64) as X (op Sqrt, value i)',
    ]);
    expect(types(model)[1]).toBe('g: float32');
  });

  it('are reported at the line that wrote the op', () => {
    const model = modelOf(
      `
      input x: float32[2, 3]
      y = Squeeze<axes = [0]>(x)
      output y
    `,
      11,
    );
    const editor = model.edit();
    editor.setOp([...model.opsOf()][0]!.id, { at: { file: 'model.ts', line: 7, column: 3 } });
    expect(problems(editor.finish())[0]).toContain(
      'model.ts:7:3: error BB252: Squeeze(x): axis 0 of [2, 3] is not 1 and cannot be squeezed',
    );
  });

  it('include inputs that have no element type', () => {
    const editor = modelOf('input x: float32[2]\ny = Relu(x)\noutput y').edit();
    editor.setValue(editor.graph(editor.main).inputs[0]!, { type: tensorType(undefined, [2]) });
    expect(problems(editor.finish())[0]).toContain('error BB254');
  });
});

describe('subgraphs and functions', () => {
  const header: ModelHeader = {
    irVersion: 10,
    opsets: new Map([
      ['', 21],
      ['local', 1],
    ]),
    file: 'test.onnx',
  };
  type Build = (editor: ModelEditor) => void;
  const built = (build: Build): Model => {
    const editor = new ModelEditor(header);
    editor.main = editor.addGraph({ kind: 'main', name: 'main' });
    build(editor);
    return editor.finish();
  };

  /** A Loop that carries x through `body`, an operator of one input, and stacks its results. */
  const loop = (type: string, attributes: Attribute[] = []): Model =>
    built((editor) => {
      const body = editor.addGraph({ kind: 'subgraph', name: 'body', parent: editor.main });
      const bodyInputs = ['i', 'c', 's'].map((name, index) =>
        editor.addValue(body, { name, def: { kind: 'input', index } }),
      ) as [ValueId, ValueId, ValueId];
      const next = editor.addValue(body, { name: 'next' });
      const goOn = editor.addValue(body, { name: 'go_on' });
      const ops = [
        editor.addOp(body, { type: 'Identity', inputs: [bodyInputs[1]], outputs: [goOn] }),
        editor.addOp(body, {
          type,
          inputs: type === 'Concat' ? [bodyInputs[2], bodyInputs[2]] : [bodyInputs[2]],
          outputs: [next],
          attributes,
        }),
      ];
      editor.setGraph(body, { inputs: bodyInputs, outputs: [goOn, next, next], ops });
      const x = editor.addValue(editor.main, {
        name: 'x',
        type: float(2, 'N'),
        def: { kind: 'input', index: 0 },
      });
      const trips = editor.addValue(editor.main, {
        name: 'trips',
        type: tensorType('int64', []),
        def: { kind: 'input', index: 1 },
      });
      const outputs = ['last', 'all'].map((name) => editor.addValue(editor.main, { name }));
      const op = editor.addOp(editor.main, {
        type: 'Loop',
        inputs: [trips, 0 as ValueId, x],
        outputs,
        attributes: [{ name: 'body', kind: 'graph', value: body }],
      });
      editor.setGraph(editor.main, { inputs: [x, trips], outputs, ops: [op] });
    });

  it('a loop keeps the shape that its body keeps', () => {
    expect(types(loop('Relu'))).toEqual([
      'next: float32[2, N]',
      'go_on: bool[]',
      'last: float32[2, N]',
      'all: float32[?, 2, N]',
    ]);
  });

  it('a loop forgets the dimension that grows, and only that', () => {
    expect(types(loop('Concat', [{ name: 'axis', kind: 'int', value: 0n }]))).toEqual([
      'next: float32[?, N]',
      'go_on: bool[]',
      'last: float32[?, N]',
      'all: float32[?, ?, N]',
    ]);
  });

  it('a function is typed for each call, its values by what the calls have in common', () => {
    const model = built((editor) => {
      const body = editor.addGraph({ kind: 'function', name: 'Twice' });
      const a = editor.addValue(body, { name: 'a', def: { kind: 'input', index: 0 } });
      const b = editor.addValue(body, { name: 'b' });
      const axes: Attribute = { name: 'axis', kind: 'reference', value: 'along' };
      const concat = editor.addOp(body, { type: 'Concat', inputs: [a, a], outputs: [b], attributes: [axes] });
      editor.setGraph(body, { inputs: [a], outputs: [b], ops: [concat] });
      editor.functions = [
        {
          domain: 'local',
          name: 'Twice',
          overload: '',
          graph: body,
          attributes: ['along'],
          defaults: [{ name: 'along', kind: 'int', value: 0n }],
          opsets: new Map([['', 21]]),
        },
      ];
      const x = editor.addValue(editor.main, {
        name: 'x',
        type: float(2, 'N'),
        def: { kind: 'input', index: 0 },
      });
      const outputs = ['rows', 'columns'].map((name) => editor.addValue(editor.main, { name }));
      const ops = outputs.map((output, index) =>
        editor.addOp(editor.main, {
          domain: 'local',
          type: 'Twice',
          inputs: [index === 0 ? x : outputs[0]!],
          outputs: [output],
          attributes: index === 0 ? [] : [{ name: 'along', kind: 'int', value: 1n }],
        }),
      );
      editor.setGraph(editor.main, { inputs: [x], outputs, ops });
    });
    expect(types(model)).toEqual(['b: float32[4, ?]', 'rows: float32[4, N]', 'columns: float32[4, 2*N]']);
  });
});

it('a chain of 20,000 ops is inferred to its end', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `v${i + 1} = Relu(v${i})`);
  const { model, diagnostics } = inferModel(modelOf(`input v0: float32[N, 8]\n${lines.join('\n')}`));
  expect(diagnostics).toEqual([]);
  const last = [...model.allValues()].find(({ name }) => name === 'v20000')!;
  expect(formatType(last.type)).toBe('float32[N, 8]');
});
