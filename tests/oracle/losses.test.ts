// Losses against their definitions, written out in float64; against finite differences; and the same on both backends.

import { describe, expect, test } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { gradModel } from '../../compiler/index.ts';
import { type Tensor as Handle, input, int64, output } from '../../dsl/index.ts';
import * as loss from '../../dsl/loss/index.ts';
import { formatDiagnostic, type Model, type Tensor } from '../../ir/index.ts';
import { onCpu, onOnnxRuntime } from '../support/converted.ts';
import { outputsOf, recordedOf, refusalOf } from '../support/recorded.ts';

type Rows = readonly (readonly number[])[];
type Some = Handle<never>;
interface Case {
  /** Float operands; the first is differentiated by. */
  readonly floats: readonly Rows[];
  /** A row of labels. */
  readonly labels?: readonly number[];
  readonly record: (floats: readonly Some[], labels: Some) => Handle;
  /** The elements that it shall give. */
  readonly want: (floats: readonly Rows[], labels: readonly number[]) => readonly number[];
}

const scores: Rows = [
  [0.5, -1.25, 2, 0.1],
  [3, 0.75, -0.5, 1],
  [100, -100, 50, 0],
];
const labels = [2, 1, 0];
const weights: Rows = [[0.5, 1, 2, 1.5]];
const a: Rows = [
  [0.2, -1.5, 3],
  [-0.7, 0.4, 1.1],
];
const b: Rows = [
  [0.5, 0.5, -2],
  [-0.6, 0.8, 0.3],
];
const shares: Rows = [
  [0.2, 0.9, 0.5],
  [0.05, 0.65, 0.99],
];
const truths: Rows = [
  [0, 1, 1],
  [0.25, 0, 1],
];
const signs: Rows = [
  [1, -1, 1],
  [-1, 1, 1],
];

const logSum = (row: readonly number[]): number => {
  const top = Math.max(...row);
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
};
const surprise = (row: readonly number[], label: number): number => logSum(row) - row[label]!;
const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
const sum = (list: readonly number[]): number => list.reduce((total, x) => total + x, 0);
const pairs = (x: Rows, y: Rows): (readonly [number, number])[] =>
  x.flatMap((row, at) => row.map((value, index) => [value, y[at]![index]!] as const));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const dot = (x: readonly number[], y: readonly number[]): number => sum(x.map((v, at) => v * y[at]!));

/** Of two operands, element by element, their mean. */
const pointwise = (
  one: (x: never, y: never, options: never) => Handle,
  floats: readonly [Rows, Rows],
  element: (x: number, y: number) => number,
  options: object = {},
): Case => ({
  floats,
  record: ([x, y]) => one(x as never, y as never, options as never),
  want: ([x, y]) => [mean(pairs(x!, y!).map(([p, q]) => element(p, q)))],
});
const huber = (delta: number) => (x: number, y: number) => {
  const far = Math.abs(x - y);
  return far <= delta ? 0.5 * far * far : delta * (far - 0.5 * delta);
};
const smoothed = (row: readonly number[], label: number, share: number): number =>
  (1 - share) * surprise(row, label) + share * mean(row.map((_, other) => surprise(row, other)));

const cases: Readonly<Record<string, Case>> = {
  'cross entropy': {
    floats: [scores],
    labels,
    record: ([x], y) => loss.crossEntropy(x!, y),
    want: ([x], y) => [mean(y.map((label, at) => surprise(x![at]!, label)))],
  },
  'cross entropy of each': {
    floats: [scores],
    labels,
    record: ([x], y) => loss.crossEntropy(x!, y, { reduction: 'none' }),
    want: ([x], y) => y.map((label, at) => surprise(x![at]!, label)),
  },
  'cross entropy, some ignored, weighted': {
    floats: [scores, weights],
    labels: [2, -1, 0],
    record: ([x, w], y) => loss.crossEntropy(x!, y, { ignoreIndex: -1, weights: w!.reshape([4]) as Some }),
    want: ([x, w]) => [
      (w![0]![2]! * surprise(x![0]!, 2) + w![0]![0]! * surprise(x![2]!, 0)) / (w![0]![2]! + w![0]![0]!),
    ],
  },
  'cross entropy, smoothed': {
    floats: [scores],
    labels,
    record: ([x], y) => loss.crossEntropy(x!, y, { labelSmoothing: 0.1 }),
    want: ([x], y) => [mean(y.map((label, at) => smoothed(x![at]!, label, 0.1)))],
  },
  'cross entropy, smoothed, some ignored, summed': {
    floats: [scores],
    labels: [2, 7, 0],
    record: ([x], y) => loss.crossEntropy(x!, y, { labelSmoothing: 0.3, ignoreIndex: 7, reduction: 'sum' }),
    want: ([x]) => [smoothed(x![0]!, 2, 0.3) + smoothed(x![2]!, 0, 0.3)],
  },
  // As PyTorch has it: the even share is weighted by each class, and the mean by the weights of the labels.
  'cross entropy, smoothed, weighted, some ignored': {
    floats: [scores, weights],
    labels: [2, 7, 0],
    record: ([x, w], y) =>
      loss.crossEntropy(x!, y, { labelSmoothing: 0.2, ignoreIndex: 7, weights: w!.reshape([4]) as Some }),
    want: ([x, w]) => {
      const own = w![0]!;
      const each = [0, 2].map((at) => {
        const label = labels[at]!;
        const even = mean(own.map((weight, other) => weight * surprise(x![at]!, other)));
        return 0.8 * own[label]! * surprise(x![at]!, label) + 0.2 * even;
      });
      return [sum(each) / (own[2]! + own[0]!)];
    },
  },
  'negative log likelihood': {
    floats: [scores],
    labels,
    record: ([x], y) => loss.nll(x!.logSoftmax({ axis: 1 }) as Some, y, { reduction: 'sum' }),
    want: ([x], y) => [sum(y.map((label, at) => surprise(x![at]!, label)))],
  },
  'squared error': pointwise(loss.mse, [a, b], (x, y) => (x - y) ** 2),
  'absolute error': pointwise(loss.mae, [a, b], (x, y) => Math.abs(x - y)),
  huber: pointwise(loss.huber, [a, b], huber(1)),
  'huber, wide': pointwise(loss.huber, [a, b], huber(1.5), { delta: 1.5 }),
  'smooth L1': pointwise(loss.smoothL1, [a, b], (x, y) => huber(0.5)(x, y) / 0.5, { beta: 0.5 }),
  'binary cross entropy': pointwise(
    loss.binaryCrossEntropy,
    [shares, truths],
    (x, y) => -y * Math.log(x) - (1 - y) * Math.log(1 - x),
  ),
  'binary cross entropy of logits': pointwise(
    loss.binaryCrossEntropyWithLogits,
    [a, truths],
    (x, y) => -y * Math.log(sigmoid(x)) - (1 - y) * Math.log(1 - sigmoid(x)),
  ),
  hinge: pointwise(loss.hinge, [a, signs], (x, y) => Math.max(0, 1 - y * x)),
  'KL divergence': pointwise(loss.klDivergence, [a, truths], (x, y) => (y === 0 ? 0 : y * (Math.log(y) - x))),
  'cosine embedding': {
    floats: [a, b, [[1], [-1]]],
    record: ([x, z, y]) => loss.cosineEmbedding(x!, z!, y!.reshape([2]), { margin: 0.1 }),
    want: ([x, z]) => {
      const cosine = x!.map(
        (row, at) => dot(row, z![at]!) / Math.sqrt(dot(row, row) * dot(z![at]!, z![at]!)),
      );
      return [mean([1 - cosine[0]!, Math.max(0, cosine[1]! - 0.1)])];
    },
  },
  'triplet margin': {
    floats: [a, b, shares],
    record: ([x, p, n]) => loss.tripletMargin(x!, p!, n!, { margin: 0.5, reduction: 'none' }),
    want: ([x, p, n]) =>
      x!.map((row, at) => {
        const distance = (to: readonly number[]): number =>
          Math.sqrt(sum(row.map((value, index) => (value - to[index]! + 1e-6) ** 2)));
        return Math.max(0, distance(p![at]!) - distance(n![at]!) + 0.5);
      }),
  },
};

const tensorOf = (dtype: 'float32' | 'float64', rows: Rows): Tensor =>
  tensorFrom(dtype, [rows.length, rows[0]!.length], rows.flat());
const numbers = (tensor: Tensor): number[] => elementsOf(tensor).map(Number);

function whole(one: Case, dtype: 'float32' | 'float64'): { model: Model; inputs: Record<string, Tensor> } {
  const model = recordedOf(() => {
    const floats = one.floats.map((rows, at) => input(`x${at}`, dtype, [rows.length, rows[0]!.length]));
    const y = one.labels === undefined ? undefined : input('labels', int64, [one.labels.length]);
    output('loss', one.record(floats as never, y as never));
  });
  const floats = one.floats.map((rows, at) => [`x${at}`, tensorOf(dtype, rows)] as const);
  const whole = one.labels && { labels: tensorFrom('int64', [one.labels.length], one.labels) };
  return { model, inputs: { ...Object.fromEntries(floats), ...whole } };
}

describe.each(Object.entries(cases))('%s', (_, one) => {
  test('is what its definition says, on both backends', async () => {
    const want = one.want(one.floats, one.labels ?? []);
    for (const [engine, dtype, tolerance] of [
      [onCpu, 'float64', 1e-9],
      [onCpu, 'float32', 1e-5],
      [onOnnxRuntime, 'float32', 1e-5],
    ] as const) {
      const { model, inputs } = whole(one, dtype);
      const made = numbers((await outputsOf(engine, model, inputs)).loss!);
      expect(made).toHaveLength(want.length);
      made.forEach((value, at) => {
        expect(Math.abs(value - want[at]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(want[at]!)));
      });
    }
  });

  test('has the gradient that finite differences show', async () => {
    const { model, inputs } = whole(one, 'float64');
    const { model: grad, diagnostics } = gradModel(model, { wrt: ['x0'], outputs: ['loss'] });
    if (grad === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
    const { loss: value } = await outputsOf(onCpu, model, inputs);
    const upstream = tensorFrom(
      'float64',
      value!.dims,
      numbers(value!).map(() => 1),
    );
    const made = await outputsOf(onCpu, grad, { ...inputs, grad_of_loss: upstream });
    const told = numbers(made.grad_of_x0!);
    const rows = one.floats[0]!;
    const at = rows.flat();
    const moved = async (index: number, by: number): Promise<number> => {
      const next = at.map((x, other) => (other === index ? x + by : x));
      const x0 = tensorFrom('float64', [rows.length, rows[0]!.length], next);
      return sum(numbers((await outputsOf(onCpu, model, { ...inputs, x0 })).loss!));
    };
    for (const index of at.keys()) {
      const slope = ((await moved(index, 1e-6)) - (await moved(index, -1e-6))) / 2e-6;
      expect(Math.abs(told[index]! - slope), `element ${index}`).toBeLessThan(1e-6);
    }
  });
});

test('accuracy is the share of right classes', async () => {
  const model = recordedOf(() => {
    output('share', loss.accuracy(input('x', 'float32', ['N', 4]), input('labels', int64, ['N'])));
  });
  const inputs = { x: tensorOf('float32', scores), labels: tensorFrom('int64', [3], [2, 1, 0]) };
  for (const engine of [onCpu, onOnnxRuntime]) {
    const { share } = await outputsOf(engine, model, inputs);
    expect(numbers(share!)[0]).toBeCloseTo(2 / 3, 6);
  }
});

test('a smoothing that is no share is told', () => {
  const body = (): void => {
    const [x, y] = [input('x', 'float32', [3, 4]), input('y', int64, [3])];
    output('loss', loss.crossEntropy(x, y, { labelSmoothing: 2 }));
  };
  expect(refusalOf(body)).toContain('BB330: crossEntropy: labelSmoothing is 2');
});
