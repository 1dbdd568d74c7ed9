// Layers: the same on both backends, equal to plain arithmetic where it is short, and with gradients that finite
// differences in float64 agree with.

import { describe, expect, test } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { gradModel } from '../../compiler/index.ts';
import { input, int64, output } from '../../dsl/index.ts';
import * as nn from '../../dsl/nn/index.ts';
import { formatDiagnostic, type Model, type Tensor } from '../../ir/index.ts';
import { keyOf } from '../../ir/philox.ts';
import { onCpu, onOnnxRuntime } from '../support/converted.ts';
import { outputsOf, recordedOf } from '../support/recorded.ts';

/** A layer over inputs of these dims; integers up to a bound where it takes those. */
interface Case {
  readonly layer: nn.Layer<nn.Specs, nn.Specs, unknown>;
  readonly dims: readonly number[];
  readonly below?: number;
  readonly mode?: nn.Mode;
  /** Options, given after x. */
  readonly options?: object;
  /** Of a result that is a record. */
  readonly of?: string;
}
const one = (layer: unknown, dims: readonly number[], more: Partial<Case> = {}): Case => ({
  layer: layer as Case['layer'],
  dims,
  ...more,
});
type Float = 'float32' | 'float64';
const training = { training: true, key: nn.fixedKey(3) };

const cases: Readonly<Record<string, (dtype: Float) => Case>> = {
  linear: (dtype) => one(nn.linear({ in: 3, out: 4, dtype }), [2, 3]),
  'linear over more dimensions': (dtype) => one(nn.linear({ in: 3, out: 2, dtype }), [2, 2, 3]),
  'linear without bias': (dtype) => one(nn.linear({ in: 3, out: 4, bias: false, dtype }), [2, 3]),
  embedding: (dtype) => one(nn.embedding({ count: 5, size: 3, dtype }), [2, 4], { below: 5 }),
  conv1d: (dtype) => one(nn.conv1d({ in: 2, out: 3, kernel: 3, stride: 2, padding: 1, dtype }), [2, 2, 7]),
  conv2d: (dtype) => one(nn.conv2d({ in: 2, out: 4, kernel: [3, 2], groups: 2, dtype }), [1, 2, 5, 4]),
  'conv2d of the same size': (dtype) =>
    one(nn.conv2d({ in: 1, out: 2, kernel: 3, dilation: 2, padding: 'same', dtype }), [1, 1, 5, 6]),
  conv3d: (dtype) => one(nn.conv3d({ in: 1, out: 2, kernel: 2, dtype }), [1, 1, 3, 3, 3]),
  convTranspose1d: (dtype) =>
    one(nn.convTranspose1d({ in: 2, out: 1, kernel: 3, stride: 2, dtype }), [1, 2, 4]),
  convTranspose2d: (dtype) =>
    one(
      nn.convTranspose2d({ in: 2, out: 2, kernel: 3, stride: 2, padding: 1, outputPadding: 1, dtype }),
      [1, 2, 3, 3],
    ),
  convTranspose3d: (dtype) => one(nn.convTranspose3d({ in: 1, out: 1, kernel: 2, dtype }), [1, 1, 2, 2, 2]),
  maxPool1d: () => one(nn.maxPool1d({ kernel: 3, stride: 2 }), [1, 2, 7]),
  maxPool2d: () => one(nn.maxPool2d(2), [1, 2, 4, 6]),
  maxPool3d: () => one(nn.maxPool3d(2), [1, 1, 4, 2, 2]),
  averagePool1d: () => one(nn.averagePool1d(2), [1, 2, 6]),
  averagePool2d: () => one(nn.averagePool2d({ kernel: 3, stride: 1, padding: 1 }), [1, 1, 4, 4]),
  averagePool3d: () => one(nn.averagePool3d(2), [1, 1, 2, 2, 4]),
  globalAveragePool: () => one(nn.globalAveragePool(), [2, 3, 4, 5]),
  globalMaxPool: () => one(nn.globalMaxPool(), [2, 3, 4]),
  'batchNorm in use': (dtype) => one(nn.batchNorm(3, { dtype }), [4, 3, 2]),
  'batchNorm in training': (dtype) => one(nn.batchNorm(3, { dtype }), [4, 3, 2], { mode: training }),
  layerNorm: (dtype) => one(nn.layerNorm([3, 4], { dtype }), [2, 3, 4]),
  rmsNorm: (dtype) => one(nn.rmsNorm(4, { dtype }), [3, 4]),
  groupNorm: (dtype) => one(nn.groupNorm(4, { groups: 2, dtype }), [2, 4, 3]),
  instanceNorm: (dtype) => one(nn.instanceNorm(2, { dtype }), [2, 2, 5]),
  multiHeadAttention: (dtype) => one(nn.multiHeadAttention({ embed: 6, heads: 2, dtype }), [2, 3, 6]),
  'causal attention': (dtype) =>
    one(nn.multiHeadAttention({ embed: 4, heads: 2, dtype }), [1, 4, 4], {
      options: { causal: true },
    }),
  transformerEncoderLayer: (dtype) =>
    one(
      nn.transformerEncoderLayer({ embed: 4, heads: 2, feedforward: 6, activation: 'gelu', dtype }),
      [2, 3, 4],
      { mode: training },
    ),
  'transformerEncoderLayer, normalising first': (dtype) =>
    one(
      nn.transformerEncoderLayer({ embed: 4, heads: 1, feedforward: 3, normFirst: true, dtype }),
      [1, 3, 4],
    ),
  lstm: (dtype) => one(nn.lstm({ in: 2, hidden: 3, dtype }), [4, 2, 2], { of: 'y' }),
  'lstm in both directions': (dtype) =>
    one(nn.lstm({ in: 2, hidden: 2, bidirectional: true, dtype }), [3, 1, 2], {
      of: 'c',
    }),
  gru: (dtype) => one(nn.gru({ in: 2, hidden: 3, dtype }), [4, 2, 2], { of: 'y' }),
  rnn: (dtype) => one(nn.rnn({ in: 2, hidden: 3, dtype }), [4, 2, 2], { of: 'h' }),
  dropout: () => one(nn.dropout(0.3), [5, 4], { mode: training }),
  'dropout in use': () => one(nn.dropout(0.3), [5, 4]),
  'the activations': () =>
    one(
      nn.sequential(
        nn.relu(),
        nn.leakyRelu(),
        nn.elu(),
        nn.selu(),
        nn.gelu(),
        nn.silu(),
        nn.tanh(),
        nn.softplus(),
        nn.mish(),
        nn.hardSwish(),
        nn.logSoftmax(),
        nn.sigmoid(),
        nn.softmax(),
      ),
      [3, 4],
    ),
  'a list of layers': (dtype) =>
    one(
      nn.sequential(
        ['conv', nn.conv2d({ in: 1, out: 2, kernel: 3, dtype })],
        nn.relu(),
        nn.maxPool2d(2),
        nn.flatten(),
        nn.linear({ in: 8, out: 3, dtype }),
      ),
      [2, 1, 6, 6],
    ),
};

const noise = (count: number, seed: bigint): number[] => [...nn.init.normal()([count], keyOf(seed))];
const size = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** The layer over inputs for all that it has, and their values; positive where a variance must be. */
function whole(
  dtype: Float,
  one: Case,
): { readonly model: Model; readonly inputs: Record<string, Tensor>; readonly wrt: string[] } {
  const specs = { ...one.layer.parameters, ...one.layer.buffers };
  const model = recordedOf(() => {
    const given = Object.entries(specs).map(([name, { dims }]) => [name, input(name, dtype, [...dims])]);
    const x = one.below === undefined ? input('x', dtype, [...one.dims]) : input('x', int64, [...one.dims]);
    const run = one.layer(Object.fromEntries(given), one.mode) as (...args: unknown[]) => unknown;
    const made = one.options === undefined ? run(x) : run(x, one.options);
    output('y', (one.of === undefined ? made : (made as Record<string, unknown>)[one.of]) as never);
  });
  const values = Object.entries(specs).map(([name, { dims }], index) => {
    const drawn = noise(size(dims), BigInt(index));
    return [name, tensorFrom(dtype, dims, name.endsWith('variance') ? drawn.map((n) => n * n + 0.5) : drawn)];
  });
  const drawn = noise(size(one.dims), 99n);
  const x =
    one.below === undefined
      ? tensorFrom(dtype, one.dims, drawn)
      : tensorFrom(
          'int64',
          one.dims,
          drawn.map((n) => Math.floor(Math.abs(n) * 7) % one.below!),
        );
  const wrt = [...Object.keys(one.layer.parameters), ...(one.below === undefined ? ['x'] : [])];
  return { model, inputs: { ...Object.fromEntries(values), x }, wrt };
}

const numbers = (tensor: Tensor): number[] => elementsOf(tensor).map(Number);
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0);

describe.each(Object.entries(cases))('%s', (_, caseOf) => {
  test('gives the same on both backends', async () => {
    const { model, inputs } = whole('float32', caseOf('float32'));
    const [cpu, ort] = [await outputsOf(onCpu, model, inputs), await outputsOf(onOnnxRuntime, model, inputs)];
    expect(ort.y!.dims).toEqual(cpu.y!.dims);
    numbers(cpu.y!).forEach((value, index) => {
      expect(Math.abs(value - numbers(ort.y!)[index]!)).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
    });
  });

  test('has the gradient that finite differences show', async () => {
    const { model, inputs, wrt } = whole('float64', caseOf('float64'));
    const { model: grad, diagnostics } = gradModel(model, { wrt, outputs: ['y'] });
    if (grad === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
    const { y } = await outputsOf(onCpu, model, inputs);
    const upstream = noise(size(y!.dims), 7n);
    const made = await outputsOf(onCpu, grad, {
      ...inputs,
      grad_of_y: tensorFrom('float64', y!.dims, upstream),
    });
    const steps = Object.fromEntries(
      wrt.map((name, index) => [name, noise(size(inputs[name]!.dims), BigInt(1000 + index))]),
    );
    const moved = async (by: number): Promise<number> => {
      const shifted = wrt.map((name) => {
        const at = numbers(inputs[name]!).map((value, index) => value + by * steps[name]![index]!);
        return [name, tensorFrom('float64', inputs[name]!.dims, at)];
      });
      const out = await outputsOf(onCpu, model, { ...inputs, ...Object.fromEntries(shifted) });
      return dot(numbers(out.y!), upstream);
    };
    const h = 1e-6;
    const slope = ((await moved(h)) - (await moved(-h))) / (2 * h);
    const told = wrt.reduce((sum, name) => sum + dot(numbers(made[`grad_of_${name}`]!), steps[name]!), 0);
    expect(Math.abs(told - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
  });
});

describe('in plain numbers', () => {
  const rows = (flat: readonly number[], width: number): number[][] =>
    Array.from({ length: flat.length / width }, (_, at) => flat.slice(at * width, (at + 1) * width));
  const times = (x: number[][], weight: number[][], bias: number[]): number[][] =>
    x.map((row) => weight.map((one, at) => dot(row, one) + bias[at]!));
  const close = (made: readonly number[], want: readonly number[]): void => {
    expect(made).toHaveLength(want.length);
    made.forEach((value, at) => {
      expect(Math.abs(value - want[at]!)).toBeLessThan(1e-12);
    });
  };

  test.each([false, true])('attention is softmax(q kᵀ / √d) v, head by head; causal: %s', async (causal) => {
    const layer = nn.multiHeadAttention({ embed: 4, heads: 2, dtype: 'float64' });
    const { model, inputs } = whole('float64', one(layer, [1, 3, 4], { options: { causal } }));
    const of = (name: string): number[] => numbers(inputs[name]!);
    const x = rows(of('x'), 4);
    const part = (name: string, from: number[][]): number[][] =>
      times(from, rows(of(`${name}.weight`), 4), of(`${name}.bias`));
    const [q, k, v] = [part('query', x), part('key', x), part('value', x)];
    const joined = x.map((_, at) =>
      [0, 1].flatMap((head) => {
        const cut = (row: number[]): number[] => row.slice(head * 2, head * 2 + 2);
        const seen = causal ? k.slice(0, at + 1) : k;
        const powers = seen.map((row) => Math.exp(dot(cut(q[at]!), cut(row)) / Math.sqrt(2)));
        const total = powers.reduce((sum, power) => sum + power, 0);
        return [0, 1].map((column) =>
          powers.reduce((sum, power, row) => sum + (power / total) * cut(v[row]!)[column]!, 0),
        );
      }),
    );
    const { y } = await outputsOf(onCpu, model, inputs);
    close(numbers(y!), part('output', joined).flat());
  });

  test('rmsNorm divides by the root mean square', async () => {
    const { model, inputs } = whole('float64', one(nn.rmsNorm(4, { dtype: 'float64' }), [3, 4]));
    const scale = numbers(inputs.scale!);
    const want = rows(numbers(inputs.x!), 4).flatMap((row) => {
      const root = Math.sqrt(dot(row, row) / 4 + 1e-5);
      return row.map((value, at) => (value / root) * scale[at]!);
    });
    close(numbers((await outputsOf(onCpu, model, inputs)).y!), want);
  });

  test('what recurrent layers give last is what they end with', async () => {
    const layer = nn.gru({ in: 2, hidden: 3, bidirectional: true, dtype: 'float64' });
    const all = whole('float64', one(layer, [4, 2, 2], { of: 'y' }));
    const { y } = await outputsOf(onCpu, all.model, all.inputs);
    const { y: h } = await outputsOf(
      onCpu,
      whole('float64', one(layer, [4, 2, 2], { of: 'h' })).model,
      all.inputs,
    );
    expect([y!.dims, h!.dims]).toEqual([
      [4, 2, 6],
      [2, 2, 3],
    ]);
    const [steps, ends] = [rows(numbers(y!), 6), rows(numbers(h!), 3)];
    // Forwards ends at the last step, backwards at the first.
    expect([steps[6]!.slice(0, 3), steps[7]!.slice(0, 3)]).toEqual([ends[0], ends[1]]);
    expect([steps[0]!.slice(3), steps[1]!.slice(3)]).toEqual([ends[2], ends[3]]);
  });
});
