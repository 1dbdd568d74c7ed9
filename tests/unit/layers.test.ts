// Names, seeds, states and files of layers' parameters.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { gradient, input, onnx, output, peer, type Value, weights } from '../../dsl/index.ts';
import { mse } from '../../dsl/loss/index.ts';
import * as nn from '../../dsl/nn/index.ts';
import { CORE, type Model, type Tensor } from '../../ir/index.ts';
import { readWeight } from '../../ir/onnx/weights.ts';
import { foldKey, hashName, keyOf } from '../../ir/philox.ts';
import { onCpu } from '../support/converted.ts';
import { bytesOfModel, outputsOf, recordedOf, refusalOf } from '../support/recorded.ts';

const server = peer('server');
const block = nn.model(
  {
    fc: nn.linear({ in: 4, out: 4 }),
    norm: nn.batchNorm(4),
    gain: nn.parameter([4], { initialise: nn.init.ones() }),
  },
  ({ fc, norm, gain }) =>
    (x: Value<'float32', ['N', 4], 'any'>) =>
      norm(fc(x)).relu().mul(gain),
);
const net = nn.sequential(
  ['in', nn.linear({ in: 2, out: 4 })],
  nn.tanh(),
  nn.linear({ in: 4, out: 1, bias: false }),
);

const numbers = (tensor: Tensor | undefined): number[] => elementsOf(tensor!).map(Number);
/** The initializers of a model by name. */
const constants = (model: Model): Record<string, Tensor> =>
  Object.fromEntries(
    model.mainGraph.initializers.map((id) => [model.value(id).name, readWeight(model.value(id).weight!)]),
  );
const keysOf = (model: Model, type: string): string[] =>
  [...model.opsOf()]
    .filter((op) => op.type === type)
    .map((op) => {
      const key = op.attributes.find(({ name }) => name === 'key');
      return key?.kind === 'string' ? new TextDecoder().decode(key.value) : '';
    });

describe('names', () => {
  test('of layers in layers are joined by dots, buffers apart', () => {
    const deep = nn.model({ a: block, b: net }, ({ a }) => a);
    expect(Object.keys(deep.parameters)).toEqual([
      'a.fc.weight',
      'a.fc.bias',
      'a.norm.scale',
      'a.norm.bias',
      'a.gain',
      'b.in.weight',
      'b.in.bias',
      'b.2.weight',
    ]);
    expect(Object.keys(deep.buffers)).toEqual(['a.norm.mean', 'a.norm.variance']);
    expect(nn.matching(deep.parameters, 'a.*.bias')).toEqual({
      'a.fc.bias': block.parameters['fc.bias'],
      'a.norm.bias': block.parameters['norm.bias'],
    });
  });

  test('are the scopes of ops, so that placement rules find them', () => {
    const deep = nn.model({ a: block }, ({ a }) => a);
    const model = recordedOf(() => {
      const given = { ...nn.initial(deep.parameters, 1), ...nn.initial(deep.buffers, 1) };
      output('y', deep(given)(input('x', 'float32', ['N', 4])));
    });
    expect([...model.opsOf()].map((op) => `${op.scope} ${op.type}`)).toEqual([
      'a.fc Gemm',
      'a.norm BatchNormalization',
      'a Relu',
      'a Mul',
    ]);
  });

  test('twice are told, and so are names with dots', () => {
    expect(refusalOf(() => nn.sequential(['a', nn.relu()], ['a', nn.tanh()]))).toContain(
      'BB330: sequential: two layers',
    );
    expect(refusalOf(() => nn.model({ 'a.b': nn.relu() }, () => 0))).toContain("'a.b' is no name of a layer");
  });
});

describe('initial weights', () => {
  const bytesOf = (specs: nn.Specs, seed: nn.Seed): Record<string, Tensor> =>
    constants(
      recordedOf(() => {
        const all = nn.initial(specs, seed) as Record<string, Value<'float32', [number], 'any'>>;
        for (const [name, value] of Object.entries(all)) output(`${name} again`, value);
      }),
    );

  test('depend on the seed and the name alone, to the bit', () => {
    const alone = bytesOf({ 'in.weight': net.parameters['in.weight'] }, 7);
    const together = bytesOf(net.parameters, 7);
    expect(alone['in.weight']!.bytes).toEqual(together['in.weight']!.bytes);
    expect(bytesOf(net.parameters, 8)['in.weight']!.bytes).not.toEqual(together['in.weight']!.bytes);
    expect(bytesOf(net.parameters, nn.key(7))['in.weight']!.bytes).toEqual(together['in.weight']!.bytes);
  });

  test('are these bits on every machine', () => {
    const key = foldKey(keyOf(7n), hashName('weight'));
    const digest = (one: ReturnType<typeof nn.init.ones>): string =>
      createHash('sha256')
        .update(new Uint8Array(one([40, 30], key).buffer))
        .digest('hex')
        .slice(0, 16);
    const digests = {
      uniform: digest(nn.init.uniform({ low: -1 })),
      normal: digest(nn.init.normal()),
      xavierUniform: digest(nn.init.xavierUniform()),
      xavierNormal: digest(nn.init.xavierNormal()),
      kaimingUniform: digest(nn.init.kaimingUniform()),
      kaimingNormal: digest(nn.init.kaimingNormal()),
      orthogonal: digest(nn.init.orthogonal()),
    };
    expect(digests).toMatchInlineSnapshot(`
      {
        "kaimingNormal": "a2156b045b7e251e",
        "kaimingUniform": "579a345d61094952",
        "normal": "4aa207337e3b9929",
        "orthogonal": "09b168764c3e8cb6",
        "uniform": "f1aa9a590c984a19",
        "xavierNormal": "eb65f635382a2899",
        "xavierUniform": "9a5210b201c66329",
      }
    `);
  });

  test.each([
    ['xavierUniform', 2 / 500],
    ['xavierNormal', 2 / 500],
    ['kaimingUniform', 2 / 300],
    ['kaimingNormal', 2 / 300],
    ['normal', 1],
  ] as const)('%s has the variance that it promises', (name, variance) => {
    const drawn = nn.init[name]()([200, 300], keyOf(5n));
    const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
    const found = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expect(found / variance).toBeGreaterThan(0.97);
    expect(found / variance).toBeLessThan(1.03);
    expect(Math.abs(mean) / Math.sqrt(variance)).toBeLessThan(0.02);
  });

  test.each([
    [[6, 10], 6],
    [[10, 2, 3], 6],
  ])('orthogonal %j has rows, or columns, of length 1 that are orthogonal', (dims, count) => {
    const made = nn.init.orthogonal()(dims, keyOf(5n));
    const length = made.length / count;
    const isRow = dims[0] === count;
    const vectors = Array.from({ length: count }, (_, one) =>
      Array.from({ length }, (__, at) => made[isRow ? one * length + at : at * count + one]!),
    );
    vectors.forEach((a, one) => {
      vectors.forEach((b, other) => {
        const product = a.reduce((sum, x, at) => sum + x * b[at]!, 0);
        expect(product).toBeCloseTo(one === other ? 1 : 0, 12);
      });
    });
  });
});

describe('states', () => {
  test('have the names of the parameters as keys, and buffers are assigned in training', () => {
    const model = recordedOf(() => {
      const [held, kept] = [
        nn.states(block.parameters, { at: server, seed: 1 }),
        nn.states(block.buffers, { at: server }),
      ];
      const y = block({ ...held, ...kept }, { training: true })(input('x', 'float32', ['N', 4]));
      const values = nn.read(held);
      const slopes = gradient(mse(y, y.sub(1)), values);
      output('slope', slopes['fc.weight']);
    });
    expect(keysOf(model, CORE.stateRead).sort()).toEqual(
      [...Object.keys(block.parameters), 'norm.mean', 'norm.variance'].sort(),
    );
    expect(keysOf(model, CORE.stateAssign)).toEqual(['norm.mean', 'norm.variance']);
  });

  test('that are plain values instead are given to `updated`', async () => {
    const model = recordedOf(() => {
      const norm = nn.batchNorm(2, { momentum: 0.5 });
      const given = { ...nn.initial(norm.parameters, 0), ...nn.initial(norm.buffers, 0) };
      const updated = (name: string, value: Value): void => output(name, value);
      norm(given, { training: true, updated })(input('x', 'float32', [2, 2]));
    });
    const out = await outputsOf(onCpu, model, { x: tensorFrom('float32', [2, 2], [1, 2, 3, 6]) });
    expect(numbers(out.mean)).toEqual([1, 2]);
    expect(numbers(out.variance)).toEqual([1, 2.5]);
  });
});

describe('files', () => {
  const x = () => input('x', 'float32', ['N', 2]);
  const file = bytesOfModel(recordedOf(() => output('y', net(nn.initial(net.parameters, 7))(x()))));
  const files = { './net.onnx': file };

  test('hold the parameters that a layer takes by name', async () => {
    const again = recordedOf(
      () => output('y', net(nn.stored(net.parameters, weights('./net.onnx')))(x())),
      files,
    );
    const first = recordedOf(() => output('y', net(nn.initial(net.parameters, 7))(x())));
    const inputs = { x: tensorFrom('float32', [1, 2], [0.5, -2]) };
    expect((await outputsOf(onCpu, again, inputs)).y).toEqual((await outputsOf(onCpu, first, inputs)).y);
  });

  test('have their weights as parameters, which values may replace', async () => {
    const model = recordedOf(() => {
      const imported = onnx('./net.onnx', { outputs: ['y'] });
      expect(Object.keys(imported.parameters).sort()).toEqual(['2.weight', 'in.bias', 'in.weight']);
      const held = nn.states(imported.parameters, { at: server });
      const values = nn.read(held);
      const { y } = imported({ x: x() }, { parameters: values });
      const sum = y.as('float32', ['N', 1]).reduceSum({ keepdims: false });
      const doubled = imported.parameters['2.weight']!.as('float32', [1, 4]).mul(2);
      const twice = imported({ x: x2() }, { parameters: { '2.weight': doubled } });
      output('slope', gradient(sum, values)['in.bias']!);
      output('y', y);
      output('twice', twice.y);
    }, files);
    expect(keysOf(model, CORE.stateRead).sort()).toEqual(['2.weight', 'in.bias', 'in.weight']);
  });
  const x2 = () => input('x2', 'float32', ['N', 2]);

  test('that lack what is asked are told', () => {
    const call = (parameters: Record<string, Value>) => (): void => {
      output('y', onnx('./net.onnx', { outputs: ['y'] })({ x: x() }, { parameters }).y);
    };
    expect(refusalOf(() => call({ nothing: x2() })(), files)).toContain('BB312');
    expect(refusalOf(() => call({ 'in.bias': x2() })(), files)).toContain(
      'parameter in.bias is [N, 2], not [4]',
    );
  });
});

test('what a layer cannot be is told', () => {
  expect(refusalOf(() => nn.linear({ in: 0, out: 1 }))).toContain('BB330: linear: in is 0');
  expect(refusalOf(() => nn.conv2d({ in: 3, out: 4, kernel: 3, groups: 2 }))).toContain(
    '2 groups do not divide',
  );
  expect(refusalOf(() => nn.conv2d({ in: 1, out: 1, kernel: 2, padding: 'same' }))).toContain('odd sizes');
  expect(refusalOf(() => nn.maxPool2d({ kernel: [2, 2, 2] }))).toContain('kernel has 3 sizes for 2');
  expect(refusalOf(() => nn.multiHeadAttention({ embed: 5, heads: 2 }))).toContain('2 heads do not divide');
  expect(refusalOf(() => nn.dropout(1))).toContain('ratio is 1');
  expect(refusalOf(() => nn.matching(net.parameters, 'out.*'))).toContain('no name matches out.*');
  const fc = nn.linear({ in: 2, out: 1 });
  const wrong = (): void => {
    const weight = input('w', 'float32', [2, 2]);
    fc({ weight, bias: weight } as never);
  };
  expect(refusalOf(wrong)).toContain('BB332: linear: parameter weight is float32[2, 2], not float32[1, 2]');
  const drops = (): void => {
    const deep = nn.model({ a: nn.dropout(0.5) }, ({ a }) => a);
    output('y', deep({}, { training: true })(input('x', 'float32', [2])));
  };
  expect(refusalOf(drops)).toContain('BB331: a drops at random');
});
