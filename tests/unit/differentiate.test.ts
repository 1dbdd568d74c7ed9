// What differentiation refuses, and what its page says of it.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { inlineFunctions } from '../../compiler/differentiate/inline.ts';
import { expandedOperators, rules } from '../../compiler/differentiate/rules.ts';
import { gradModel } from '../../compiler/index.ts';
import { inferModel } from '../../compiler/infer/infer.ts';
import {
  exportModel,
  importModel,
  type Model,
  memorySource,
  single,
  subgraphsOf,
  type Tensor,
} from '../../ir/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const modelOf = (text: string) => importModel(memorySource('model.onnx', onnxOf(text))).model!;
const bytesOf = (model: Model): Uint8Array =>
  Buffer.concat(exportModel(model).pieces.map((piece) => piece as Uint8Array));
const codes = (text: string, wrt: readonly string[], outputs?: readonly string[]): string[] =>
  gradModel(modelOf(text), { wrt, ...(outputs && { outputs }) }).diagnostics.map(({ code }) => code);

it('says in its page for which operators there are rules', () => {
  const page = readFileSync('docs/commands/grad.md', 'utf8').replace(/\s+/g, ' ');
  const [, count, list] = /There are rules for (\d+) operators: ([^.]*)\./.exec(page)!;
  const names = [...Object.keys(rules), ...expandedOperators].sort();
  expect(list!.split(/, | and /)).toEqual(names);
  expect(Number(count)).toBe(names.length);
});

const scaled = `<ir_version: 8, opset_import: ["" : 21, "ai.onnx.ml" : 3]>
  agraph (float[4, 2] x, float[4] z) => (float[4, 2] y, float[4] w) {
  p = ai.onnx.ml.Scaler <offset = [1.0, 2.0], scale = [0.5, 0.25]> (x) y = Tanh (p) w = Tanh (z) }`;

it('names what it cannot differentiate and the way there, and only if a gradient has to pass', () => {
  const { diagnostics } = gradModel(modelOf(scaled), { wrt: ['x'] });
  expect(diagnostics.map(({ code }) => code)).toEqual(['BB281']);
  expect(diagnostics[0]!.message).toContain('Scaler');
  expect(diagnostics[0]!.message).toContain('p → y');
  expect(diagnostics[0]!.at?.file).toBe('model.onnx');
  expect(codes(scaled, ['z'])).toEqual([]);
  expect(codes(scaled, ['x'], ['w'])).toEqual([]);
});

it('does not take what passes through a sequence for constant', () => {
  const text = `agraph (float[4] x, int64 at) => (float[4] y) { s = SequenceConstruct (x) y = SequenceAt (s, at) }`;
  expect(codes(text, ['x'])).toEqual(['BB281']);
});

it('refuses to compute again what draws random numbers', () => {
  const text = `agraph (float[4] x, bool c) => (float[4] y) {
    y = If (c) <
      then_branch = t () => (float[4] a) { r = RandomNormalLike (x) a = Mul (x, r) },
      else_branch = e () => (float[4] b) { b = Tanh (x) }
    >
  }`;
  expect(codes(text, ['x'])).toEqual(['BB281']);
});

it('wants names that are there, of floating-point numbers', () => {
  const text = 'agraph (float[4,2] x, int64[3] i) => (float[3,2] y) { y = Gather (x, i) }';
  expect(codes(text, ['i'])).toEqual(['BB283']);
  expect(codes(text, ['nobody'], ['nothing'])).toEqual(['BB282', 'BB282']);
});

it('gives zeros where the outputs do not depend on what is asked for', () => {
  const { model } = gradModel(modelOf('agraph (float[4] x, float[2] z) => (float[4] y) { y = Tanh (x) }'), {
    wrt: ['z'],
  });
  const [last] = [...model!.opsOf()].slice(-1);
  expect(model!.value(last!.outputs[0]!).type).toEqual({ kind: 'tensor', dtype: 'float32', dims: [2] });
});

it('says in the metadata which name belongs to which, of a file too', () => {
  const { model } = gradModel(modelOf('agraph (float[4] x) => (float[4] y) { y = Tanh (x) }'), {
    wrt: ['x'],
  });
  const bytes = Buffer.concat(exportModel(model!).pieces.map((piece) => piece as Uint8Array));
  const entries = importModel(memorySource('grad.onnx', bytes)).model!.header.residue!.metadataProps;
  expect(entries.map(({ key, value }) => [key, JSON.parse(value)])).toEqual([
    ['bytesandbrains.gradients', { inputs: { grad_of_y: 'y' }, outputs: { grad_of_x: 'x' } }],
  ]);
});

it('writes the rules of broadcasting for sizes that are only known when it runs', () => {
  const types = (text: string) =>
    [...gradModel(modelOf(text), { wrt: ['b'] }).model!.opsOf()].map(({ type }) => type);
  const sum = (shapes: string) => types(`agraph ${shapes} => (float[N, 4] y) { y = Add (a, b) }`);
  expect(sum('(float[N, 4] a, float[N, 4] b)')).toEqual(['Add', 'Identity']);
  expect(sum('(float[N, 4] a, float[4] b)')).toEqual(['Add', 'ReduceSum']);
  expect(sum('(float[N, 4] a, float[M, 4] b)')).toContain('NonZero');
});

const functions = `<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
  agraph (double[3] x, bool c) => (y, z) {
    y = local.Gate <slope = 0.5> (x)
    z = If (c) <
      then_branch = t () => (double[3] a) { a = local.Twice (x, y) },
      else_branch = e () => (double[3] b) { b = local.Gate (y) }
    >
  }
  <opset_import: ["" : 21, "local" : 1], domain: "local">
  Gate <slope: float = 0.25> (a) => (b) { c = LeakyRelu <alpha: float = @slope> (a) d = local.Twice (c, a) b = Mul (d, a) }
  <opset_import: ["" : 21], domain: "local">
  Twice (a, b) => (c) { two = Constant <value = double {2}> () d = Mul (a, two) c = Add (d, b) }`;

it('goes through functions, with the attributes of each call, in branches too', () => {
  // y = x (2 slope x + x) for x < 0, and 3 x² above.
  const { model, diagnostics } = gradModel(modelOf(functions), { wrt: ['x'], outputs: ['y', 'z'] });
  expect(diagnostics).toEqual([]);
  const ran = (c: number) => {
    const given = new Map([
      ['x', tensorFrom('float64', [3], [-1, 0.5, 2])],
      ['c', tensorFrom('bool', [], [c === 1])],
      ['grad_of_y', tensorFrom('float64', [3], [1, 1, 1])],
      ['grad_of_z', tensorFrom('float64', [3], [c, c, c])],
    ]);
    const result = cpuBackend()
      .loadModel(bytesOf(model!), () => undefined)
      .run(given)
      .get('grad_of_x');
    return elementsOf(result as Tensor);
  };
  expect(ran(0)).toEqual([-4, 3, 12]);
  // And z = 2 x + y.
  expect(ran(1)).toEqual([-6, 8, 26]);
});

const looping = `<ir_version: 10, opset_import: ["" : 21, "local" : 1]>
  agraph (double[3] x) => (y) { y = local.Halved (x) }
  <opset_import: ["" : 21], domain: "local">
  Halved (a) => (b) {
    three = Constant <value = int64 {3}> ()
    b = Loop <body = once (int64 i, bool go, double[3] s) => (bool on, double[3] t) {
      on = Identity (go) half = Constant <value = double {0.5}> () t = Mul (s, half)
    }> (three, , a)
  }`;

it('leaves the body of a loop in a function where the loop is', () => {
  const placed = modelOf(looping).edit();
  const [call] = placed.graph(placed.main).ops;
  placed.setOp(call!, { place: single('server') });
  const model = inlineFunctions(inferModel(placed.finish()).model);
  const main = [...model.opsOf()];
  expect(main.map(({ type, place }) => [type, place?.class])).toEqual([
    ['Constant', 'server'],
    ['Loop', 'server'],
    ['Identity', 'server'],
  ]);
  const [body] = main.flatMap(subgraphsOf);
  expect([...model.opsOf(body!)].map(({ type, place }) => [type, place])).toEqual([
    ['Identity', undefined],
    ['Constant', undefined],
    ['Mul', undefined],
  ]);
});

it.each([
  [
    'RotaryEmbedding',
    '(float[1,2,3,6] x, float[4,2] c, float[4,2] s, int64[1,3] p) => (y) { y = RotaryEmbedding <rotary_embedding_dim = 4> (x, c, s, p) }',
    { c: [4, 2], s: [4, 2], p: [1, 3] },
    [1, 2, 3, 6],
  ],
  [
    'DequantizeLinear along an axis',
    '(float[3] x, int8[2,3] q, int8[3] z) => (y) { y = DequantizeLinear (q, x, z) }',
    { q: [2, 3], z: [3] },
    [3],
  ],
  ['DequantizeLinear', '(float x, int8[2,3] q) => (y) { y = DequantizeLinear (q, x) }', { q: [2, 3] }, []],
])(
  '%s, which takes no float64, is linear: its gradient is what differences give',
  (_, text, others, dims) => {
    const source = modelOf(`<ir_version: 10, opset_import: ["" : 23]> agraph ${text}`);
    const size = (of: readonly number[]): number => of.reduce((count, one) => count * one, 1);
    const make = (
      dtype: 'float32' | 'int8' | 'int64',
      of: readonly number[],
      at: (index: number) => number,
    ) =>
      tensorFrom(
        dtype,
        [...of],
        Array.from({ length: size(of) }, (_, index) => at(index)),
      );
    const dtypes = { q: 'int8', z: 'int8', p: 'int64' } as const;
    const constants = Object.entries(others).map(([name, of]) => {
      const dtype = name in dtypes ? dtypes[name as keyof typeof dtypes] : 'float32';
      return [
        name,
        make(dtype, of, (index) => (dtype === 'float32' ? Math.cos(index) : (index * 3) % 4)),
      ] as const;
    });
    const run = (model: Model, more: readonly (readonly [string, Tensor])[]) =>
      cpuBackend()
        .loadModel(bytesOf(model), () => undefined)
        .run(new Map([...constants, ...more])) as ReadonlyMap<string, Tensor>;
    const numbers = (value: Tensor): number[] => elementsOf(value).map(Number);
    const at = (shift: number) =>
      make('float32', dims, (index) => Math.sin(index + 1) + shift * Math.cos(3 * index));
    const [here, there] = [0, 1].map((shift) => run(source, [['x', at(shift)]]).get('y')!) as [
      Tensor,
      Tensor,
    ];
    const weights = make('float32', here.dims, (index) => Math.sin(2 * index + 1));
    const dot = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, one, i) => sum + one * b[i]!, 0);
    const difference = dot(numbers(there), numbers(weights)) - dot(numbers(here), numbers(weights));
    const { model } = gradModel(source, { wrt: ['x'] });
    const gradient = run(model!, [
      ['x', at(0)],
      ['grad_of_y', weights],
    ]).get('grad_of_x')!;
    const direction = make('float32', dims, (index) => Math.cos(3 * index));
    expect(dot(numbers(gradient), numbers(direction))).toBeCloseTo(difference, 3);
  },
);

it('carries through a loop backwards only what somebody wants, and keeps only what it reads', () => {
  // h depends on x; t counts; s sums up what no output shows.
  const { model } = gradModel(
    modelOf(`agraph (float[4] x, float t, float[4] s) => (float[4] y) {
      five = Constant <value = int64 {5}> ()
      y, u, v = Loop <body = step (int64 i, bool c, float[4] h, float t1, float[4] s1) =>
        (bool d, float[4] h2, float t2, float[4] s2) {
        d = Identity (c) one = Constant <value = float {1}> ()
        t2 = Add (t1, one) g = Tanh (h) h2 = Mul (g, t1) s2 = Add (s1, h) }> (five, , x, t, s) }`),
    { wrt: ['x'] },
  );
  const loops = [...model!.opsOf()].filter(({ type }) => type === 'Loop');
  // The forward one gives its counter, h and t of each step; the one backwards the gradient of x.
  expect(loops.map(({ outputs }) => outputs.length)).toEqual([3 + 3, 1]);
});
