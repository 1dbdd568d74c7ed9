// Differentially private gradients against the formula, record by record, in double precision.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  constant,
  float32,
  gradient,
  input,
  int64,
  type Module,
  module,
  output,
  peer,
  type Tensor as Recorded,
  scan,
} from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { conv2d, flatten, initial, linear, relu, sequential } from '../../dsl/nn/index.ts';
import { fixedKey } from '../../dsl/random/index.ts';
import { normalOf } from '../../dsl/random/quantile.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Backend } from '../../runtime/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import {
  hostNoise,
  type Noise,
  poissonSample,
  privateGradient,
  seededNoise,
} from '../../stdlib/privacy/index.ts';
import { topologyOf } from '../support/compile.ts';
import { plain } from '../support/deploy.ts';
import { counting, deployWith, labels, matrix } from '../support/privacy.ts';
import { refusalOf } from '../support/recorded.ts';
import { cpu } from '../support/simulated.ts';

const server = peer('server');
const topology = topologyOf('server');
const W = [
  [0.2, -0.4, 0.1],
  [0.5, 0.3, -0.2],
];
const B = [0.05, -0.1, 0.2];
const X = [
  [1, 2],
  [-3, 0.5],
  [0.1, -0.2],
  [4, 4],
  [0, 0],
];
const Y = [0, 2, 1, 1, 2];

interface Setting {
  readonly noise?: Noise;
  readonly noiseMultiplier?: number;
  readonly clip?: number;
  readonly expected?: number;
  readonly rate?: number;
}

/** Softmax regression of two features and three labels. */
const regression = ({
  noise = hostNoise(),
  noiseMultiplier = 0,
  clip = 1,
  expected = 4,
  rate,
}: Setting): Module =>
  module('m', () => {
    const x = input('x', float32, ['N', 2], { at: server });
    const label = input('label', int64, ['N'], { at: server });
    const batch = rate === undefined ? { x, label } : poissonSample({ x, label }, rate, fixedKey(3));
    const made = privateGradient(
      { w: constant(W), b: constant(B) },
      batch,
      ({ w, b }, one) => crossEntropy(one.x.matmul(w).add(b) as never, one.label as never),
      { clip, noiseMultiplier, expected, noise },
    );
    output('w', made.w);
    output('b', made.b);
  });

/** The gradient of one record: six numbers of w, then three of b. */
function gradientOf(x: readonly number[], y: number): number[] {
  const scores = B.map((b, k) => b + x.reduce((sum, one, at) => sum + one * W[at]![k]!, 0));
  const total = scores.reduce((sum, one) => sum + Math.exp(one), 0);
  const wrong = scores.map((one, k) => Math.exp(one) / total - (k === y ? 1 : 0));
  return [...x.flatMap((one) => wrong.map((by) => one * by)), ...wrong];
}
const clipped = (one: readonly number[], clip: number): number[] => {
  const factor = Math.min(1, clip / Math.hypot(...one));
  return one.map((number) => number * factor);
};
const summed = (records: readonly number[][]): number[] =>
  Array.from({ length: 9 }, (_, at) => records.reduce((sum, one) => sum + one[at]!, 0));
const expectedOf = (clip: number, expected: number): number[] =>
  summed(X.map((x, at) => clipped(gradientOf(x, Y[at]!), clip))).map((one) => one / expected);

async function run(
  source: Module,
  {
    x = X,
    y = Y,
    entropy,
    backend,
  }: { x?: number[][]; y?: number[]; entropy?: (bytes: Uint8Array) => void; backend?: Backend } = {},
): Promise<number[]> {
  const deployment = await deployWith(source, topology, entropy, backend);
  const given = { x: x.length === 0 ? { ...matrix([]), dims: [0, 2] } : matrix(x), label: labels(...y) };
  const { outputs, status } = await deployment.invoke(given);
  await deployment.close();
  expect(status).toBe('complete');
  return [...(plain(outputs.w) as number[]), ...(plain(outputs.b) as number[])];
}
const close = (found: readonly number[], wanted: readonly number[], digits = 5): void => {
  expect(found.length).toBe(wanted.length);
  found.forEach((one, at) => void expect(one).toBeCloseTo(wanted[at]!, digits));
};

let ort: ReturnType<typeof onnxRuntimeBackend>;
beforeAll(() => {
  ort = onnxRuntimeBackend({ workers: 0 });
});
afterAll(() => ort.close());

describe.each([
  ['the CPU backend', () => cpu as Backend],
  ['ONNX Runtime', () => ort as Backend],
])('on %s', (_, backendOf) => {
  test.each([0.3, 1, 100])('each record’s gradient is shortened to %d, then they are added', async (clip) => {
    const found = await run(regression({ clip }), { backend: backendOf() });
    close(found, expectedOf(clip, 4));
  });

  test('a batch without records gives the noise alone', async () => {
    close(await run(regression({}), { x: [], y: [], backend: backendOf() }), Array(9).fill(0));
    const noised = regression({ noiseMultiplier: 2, noise: seededNoise(fixedKey(1)) });
    const found = await run(noised, { x: [], y: [], backend: backendOf() });
    expect(new Set(found).size).toBe(9);
  });

  test('a record whose gradient is not finite adds nothing, and spoils no other’s', async () => {
    const bad = [...X, [Number.NaN, 1], [3e38, 3e38], [Number.POSITIVE_INFINITY, 0]];
    const found = await run(regression({}), { x: bad, y: [...Y, 0, 1, 2], backend: backendOf() });
    close(found, expectedOf(1, 4));
  });

  test('noise is two quantiles of secret bits, times σ and the norm, on every number', async () => {
    const step = 0x9e3779b1;
    const [clip, noiseMultiplier, expected] = [0.5, 3, 4];
    const found = await run(regression({ clip, noiseMultiplier, expected }), {
      entropy: counting(step),
      backend: backendOf(),
    });
    const word = (at: number): number => normalOf(Math.imul(at, step) >>> 0);
    const noise = Array.from({ length: 9 }, (_, at) => (word(at) + word(at + 9)) / Math.SQRT2);
    const without = expectedOf(clip, expected);
    close(
      found,
      without.map((one, at) => one + (noise[at]! * noiseMultiplier * clip) / expected),
    );
  });
});

test('parameters may be nested, and a network with convolutions has its records’ gradients, one by one', async () => {
  const net = sequential(['conv', conv2d({ in: 1, out: 2, kernel: 3 })], relu(), flatten(), [
    'out',
    linear({ in: 8, out: 3 }),
  ]);
  const pixels = Array.from({ length: 5 }, (_, n) =>
    Array.from({ length: 16 }, (_, at) => Math.sin(n * 31 + at * 1.7)),
  );
  const given = (rows: readonly number[][], y: readonly number[]) => ({
    x: matrix(rows),
    label: labels(...y),
  });
  const lossOf = (parameters: never, x: Recorded, label: Recorded) =>
    crossEntropy(
      (net(parameters) as (x: never) => Recorded)(
        (x as never as { reshape(to: number[]): never }).reshape([-1, 1, 4, 4]),
      ) as never,
      label as never,
    );
  const names = ['conv.weight', 'conv.bias', 'out.weight', 'out.bias'];
  const started = () => ({ net: initial(net.parameters, fixedKey(5)) });
  const numbers = async (
    source: Module,
    rows: readonly number[][],
    y: readonly number[],
  ): Promise<number[]> => {
    const deployment = await deployWith(source, topology);
    const { outputs } = await deployment.invoke(given(rows, y));
    await deployment.close();
    return names.flatMap((name) => plain(outputs[name]) as number[]);
  };
  const inputs = () => ({
    x: input('x', float32, ['N', 16], { at: server }),
    label: input('label', int64, ['N'], { at: server }),
  });
  const together = module('m', () => {
    const made = privateGradient(
      started(),
      inputs(),
      (all, one) => lossOf(all.net as never, one.x, one.label),
      { clip: 0.7, noiseMultiplier: 0, expected: 1, noise: hostNoise() },
    );
    for (const name of names) output(name, (made.net as Readonly<Record<string, Recorded>>)[name]!);
  });
  const alone = module('m', () => {
    const [start, { x, label }] = [started(), inputs()];
    const made = gradient(
      lossOf(start.net as never, x, label) as never,
      start as never,
    ) as unknown as typeof start;
    for (const name of names) output(name, (made.net as Readonly<Record<string, Recorded>>)[name]!);
  });
  const each = await Promise.all(pixels.map((row, at) => numbers(alone, [row], [Y[at]!])));
  const wanted = each
    .map((one) => clipped(one, 0.7))
    .reduce((sum, one) => sum.map((so, at) => so + one[at]!));
  close(await numbers(together, pixels, Y), wanted);
});

describe('noise of the host', () => {
  const many = module('m', () => {
    const w = constant(new Float32Array(20_000));
    const one = { x: constant([[0]]) };
    const options = { clip: 1, noiseMultiplier: 2, expected: 1, noise: hostNoise() };
    const made = () =>
      privateGradient(
        { w },
        one,
        ({ w }, { x }) => w.reduceSum({ keepdims: false }).mul(x.reduceSum({ keepdims: false })),
        options,
      ).w;
    output('first', made());
    output('second', made());
  });

  test('is normal, of the deviation that was asked for, and other noise at each use and in each flow', async () => {
    const deployment = await deployWith(many, topology);
    const draws: number[][] = [];
    for (let flow = 0; flow < 2; flow++) {
      const { outputs } = await deployment.invoke({});
      draws.push(plain(outputs.first) as number[], plain(outputs.second) as number[]);
    }
    await deployment.close();
    const n = 20_000;
    const correlation = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, one, at) => sum + one * b[at]!, 0) / 4 / n;
    for (const [at, draw] of draws.entries()) {
      const mean = draw.reduce((sum, one) => sum + one, 0) / n;
      const fourth = draw.reduce((sum, one) => sum + (one / 2) ** 4, 0) / n;
      // Six standard deviations of each estimate: 1 / √n, √(2 / n), √(96 / n), 1 / √n.
      expect(Math.abs(mean / 2)).toBeLessThan(0.043);
      expect(Math.abs(correlation(draw, draw) - 1)).toBeLessThan(0.06);
      expect(Math.abs(fourth - 3)).toBeLessThan(0.42);
      for (const other of draws.slice(at + 1)) expect(Math.abs(correlation(draw, other))).toBeLessThan(0.043);
    }
  });

  test('for the steps of a scan is drawn outside, a row for each', async () => {
    const source = module('m', () => {
      const w = constant([0, 0, 0]);
      const noise = hostNoise().draw({ w }, 4);
      const { w: end, made } = scan({ w }, { noise: noise.w }, (now, step) => {
        const options = { clip: 1, noiseMultiplier: 1, expected: 1, noise: { w: step.noise } };
        const made = privateGradient(
          { w: now.w },
          { x: constant([[1]]) },
          ({ w }, { x }) => w.reduceSum({ keepdims: false }).mul(x.reduceSum({ keepdims: false })),
          options as never,
        ).w;
        return { w: now.w.sub(made), made };
      });
      output('end', end);
      output('made', made);
    });
    const deployment = await deployWith(source, topology);
    const { outputs } = await deployment.invoke({});
    await deployment.close();
    const made = plain(outputs.made) as number[];
    expect(new Set(made).size).toBe(12);
    const end = [0, 1, 2].map((at) => -[0, 3, 6, 9].reduce((sum, row) => sum + made[row + at]!, 0));
    close(plain(outputs.end) as number[], end);
  });

  test('is refused in the body of a loop, where every step would get the same', () => {
    const refusal = refusalOf(() => {
      const x = constant([[1], [2]]);
      scan({ sum: constant([0, 0]) }, { x }, ({ sum }, row) => ({
        sum: sum.add(
          hostNoise()
            .draw({ sum })
            .sum.cast({ to: float32 })
            .mul(row.x.reduceSum({ keepdims: false })),
        ) as never,
      }));
    });
    expect(refusal).toMatch(/^BB308: hostNoise: in the body of a loop/);
  });
});

test('noise of a key is the same in every run', async () => {
  const source = () => regression({ noiseMultiplier: 1, noise: seededNoise(fixedKey(11)) });
  expect(await run(source())).toEqual(await run(source()));
  const other = regression({ noiseMultiplier: 1, noise: seededNoise(fixedKey(12)) });
  expect(await run(other)).not.toEqual(await run(source()));
});

test('a sample has each record with its probability, all fields of it, in order', async () => {
  const source = module('m', () => {
    const x = input('x', float32, ['N', 2], { at: server });
    const label = input('label', int64, ['N'], { at: server });
    const sample = poissonSample({ x, label }, 0.3, fixedKey(9));
    output('picked x', sample.x);
    output('picked', sample.label);
  });
  const deployment = await deployWith(source, topology);
  const rows = Array.from({ length: 5000 }, (_, at) => [at, -at]);
  const { outputs } = await deployment.invoke({ x: matrix(rows), label: labels(...rows.keys()) });
  await deployment.close();
  const picked = plain(outputs.picked) as number[];
  expect(plain(outputs['picked x'])).toEqual(picked.flatMap((at) => [at, -at]));
  expect(picked).toEqual([...new Set(picked)].sort((a, b) => a - b));
  // 1500, with a deviation of 32.
  expect(Math.abs(picked.length - 1500)).toBeLessThan(195);
  expect((outputs['picked x'] as Tensor).dims).toEqual([picked.length, 2]);
});

test('options that cannot be are refused', () => {
  const refused = (setting: Setting) => refusalOf(() => (regression(setting) as unknown as () => void)());
  expect(refused({ clip: 0 })).toBe('BB330: privateGradient: clip is 0, which no norm can be kept to');
  expect(refused({ clip: Number.POSITIVE_INFINITY })).toMatch('clip is Infinity');
  expect(refused({ noiseMultiplier: -1 })).toBe('BB330: privateGradient: -1 is no noise multiplier');
  expect(refused({ expected: Number.NaN })).toBe(
    'BB330: privateGradient: NaN is no number of those expected',
  );
  expect(refused({ rate: 2 })).toBe('BB330: bernoulli: 2 is no probability');
  const open = refusalOf(() => void hostNoise().draw({ x: input('x', float32, ['N']) }));
  expect(open).toMatch(/^BB308: hostNoise: the shapes of what gets noise are not all known/);
});
