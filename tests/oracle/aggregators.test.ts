// Aggregators against their definitions in double precision, on both backends, as a node runs them: declined or combined.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import { cohort, float32, float64, input, int64, module, output, peer } from '../../dsl/index.ts';
import { crossEntropy } from '../../dsl/loss/index.ts';
import { linear } from '../../dsl/nn/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { Deployment } from '../../runtime/host/index.ts';
import {
  bulyan,
  type Combine,
  clippedMean,
  cosineScreened,
  geometricMedian,
  krum,
  median,
  multiKrum,
  trimmedMean,
} from '../../stdlib/aggregators/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { fedAvg, taskOf } from '../../stdlib/strategies/index.ts';
import * as by from '../support/aggregating.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, deploy, plain, recorded } from '../support/deploy.ts';
import { refusalOf } from '../support/recorded.ts';
import { projectRoot } from '../support/root.ts';

/** What is run, and what it must be. */
const cases: Readonly<Record<string, readonly [Combine, by.Reference]>> = {
  median: [median(), by.median],
  trimmed0: [trimmedMean({ f: 0 }), by.trimmedMean(0)],
  trimmed2: [trimmedMean({ f: 2 }), by.trimmedMean(2)],
  krum0: [krum({ f: 0 }), by.multiKrum(0, 1)],
  krum2: [krum({ f: 2 }), by.multiKrum(2, 1)],
  multiKrum: [multiKrum({ f: 1, m: 3 }), by.multiKrum(1, 3)],
  bulyan0: [bulyan({ f: 0 }), by.bulyan(0)],
  bulyan1: [bulyan({ f: 1 }), by.bulyan(1)],
  bulyan2: [bulyan({ f: 2 }), by.bulyan(2)],
  geometric: [geometricMedian(), by.geometricMedian(8, 1e-6)],
  geometricByCount: [
    geometricMedian({ steps: 3, smoothing: 0.5, weighted: true }),
    by.geometricMedian(3, 0.5, true),
  ],
  clipped: [clippedMean({ norm: 2 }), by.clippedMean(2, 'zero')],
  clippedToMedian: [clippedMean({ norm: 'median', around: 'median' }), by.clippedMean('median', 'median')],
  clippedByCount: [clippedMean({ norm: 'median', weighted: true }), by.clippedMean('median', 'zero', true)],
  cosine: [cosineScreened({ least: 0.2 }), by.cosineScreened(0.2)],
  cosineByCount: [cosineScreened({ least: 0, weighted: true }), by.cosineScreened(0, true)],
};
const names = Object.keys(cases);

/** Two fields of open sizes, so that one deployment takes any number of answers and of numbers. */
const moduleOf = (aggregators: Readonly<Record<string, Combine>>) =>
  module('all', () => {
    const at = { at: peer('server') };
    const rows = { a: input('a', float32, ['K', 'A'], at), b: input('b', float32, ['K', 2, 'B'], at) };
    const counts = input('counts', int64, ['K'], at);
    for (const [name, combine] of Object.entries(aggregators)) {
      const { a, b } = combine(rows, counts);
      output(`${name}.a`, a);
      output(`${name}.b`, b);
    }
  });

interface Answers {
  readonly rows: readonly by.Row[];
  readonly counts: by.Row;
  /** The size of the first field; the second has the rest. */
  readonly first: number;
}

const tensorOf = (rows: readonly by.Row[], dims: readonly number[]): Tensor => ({
  dtype: 'float32',
  dims: [rows.length, ...dims],
  bytes: new Uint8Array(Float32Array.from(rows.flat()).buffer),
});

/** By aggregator: the combined row, or why there is none. */
async function combined(
  deployment: Deployment,
  names: readonly string[],
  { rows, counts, first }: Answers,
): Promise<Readonly<Record<string, readonly number[] | string>>> {
  const width = rows[0]?.length ?? first + 2;
  const { outputs } = await deployment.invoke({
    a: tensorOf(
      rows.map((row) => row.slice(0, first)),
      [first],
    ),
    b: tensorOf(
      rows.map((row) => row.slice(first)),
      [2, (width - first) / 2],
    ),
    counts: {
      dtype: 'int64',
      dims: [rows.length],
      bytes: new Uint8Array(BigInt64Array.from(counts, BigInt).buffer),
    },
  });
  const pairs = names.map((name) => {
    const [a, b] = [plain(outputs[`${name}.a`]), plain(outputs[`${name}.b`])];
    return [name, typeof a === 'string' || typeof b === 'string' ? a : [...a, ...b]] as const;
  });
  return Object.fromEntries(pairs);
}

/** So fine that hardly two distances are the same: which of two is taken then is chance. */
const single = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((one) => one / 2 ** 14);
const spoilt = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38);
const answers = fc
  .record({
    k: fc.integer({ min: 1, max: 14 }),
    first: fc.integer({ min: 1, max: 4 }),
    second: fc.integer({ min: 1, max: 3 }),
    bad: fc.integer({ min: 0, max: 3 }),
  })
  .chain(({ k, first, second, bad }) =>
    fc
      .record({
        rows: fc.array(fc.array(single, { minLength: first + 2 * second, maxLength: first + 2 * second }), {
          minLength: k,
          maxLength: k,
        }),
        counts: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: k, maxLength: k }),
        // Colluding: two members say the same.
        copies: fc.array(fc.tuple(fc.nat(k - 1), fc.nat(k - 1)), { maxLength: bad }),
        spoils: fc.array(fc.tuple(fc.nat(k - 1), fc.nat(first + 2 * second - 1), spoilt), { maxLength: bad }),
      })
      .map(({ rows, counts, copies, spoils }): Answers => {
        const made = rows.map((row) => [...row]);
        for (const [to, from] of copies) made[to] = [...made[from]!];
        for (const [row, at, value] of spoils) made[row]![at] = value;
        return { rows: made.map((row) => row.map(Math.fround)), counts, first };
      }),
  );

describe.each([
  ['the CPU backend', () => cpuBackend(), 80],
  ['ONNX Runtime', () => onnxRuntimeBackend({ workers: 0 }), 80],
] as const)('on %s', (_, backendOf, numRuns) => {
  const backend = backendOf();
  let deployment: Deployment;
  beforeAll(async () => {
    const all = Object.fromEntries(names.map((name) => [name, cases[name]![0]]));
    deployment = await deploy(moduleOf(all), topologyOf('server'), backend);
  });
  afterAll(async () => {
    await deployment.close();
    await backend.close();
  });

  test('each gives what its definition gives, and declines what it is not stated for', {
    timeout: 120_000,
  }, async () => {
    const seen = new Map<string, Set<string>>();
    await fc.assert(
      fc.asyncProperty(answers, async (given) => {
        const found = await combined(deployment, names, given);
        for (const name of names) {
          const want = cases[name]![1](given.rows, given.counts);
          const got = found[name]!;
          const kind = want === undefined ? 'declined' : 'combined';
          seen.set(name, (seen.get(name) ?? new Set()).add(kind));
          if (want === undefined || typeof got === 'string')
            expect([name, got]).toEqual([name, want ?? 'declined']);
          else
            want.forEach((value, at) => {
              const off = Math.abs(got[at]! - value);
              expect(off, `${name} [${at}]: ${got[at]}, not ${value}`).toBeLessThanOrEqual(
                1e-4 * (1 + Math.abs(value)),
              );
            });
        }
      }),
      { numRuns, seed: 3 },
    );
    for (const name of names)
      expect([name, [...seen.get(name)!].sort()]).toEqual([name, ['combined', 'declined']]);
  });

  test('of nobody there is nothing', async () => {
    const found = await combined(deployment, names, { rows: [], counts: [], first: 2 });
    expect(new Set(Object.values(found))).toEqual(new Set(['declined']));
  });

  test('what numpy makes of eleven answers', async () => {
    const fixture = path.join(projectRoot, 'tests/fixtures/aggregators/cases.json');
    const { rows, counts, results } = JSON.parse(readFileSync(fixture, 'utf8')) as {
      readonly rows: readonly by.Row[];
      readonly counts: by.Row;
      readonly results: Readonly<Record<string, by.Row>>;
    };
    const own = await deploy(moduleOf(fixed), topologyOf('server'), backend);
    const found = await combined(own, Object.keys(fixed), { rows, counts, first: 2 });
    await own.close();
    expect(Object.keys(results)).toEqual(Object.keys(fixed));
    for (const [name, want] of Object.entries(results))
      want.forEach((value, at) => {
        expect((found[name] as by.Row)[at], `${name} [${at}]`).toBeCloseTo(value, 5);
      });
  });
});

/** Those that numpy was asked for; its geometric median is the end of all steps. */
const fixed: Readonly<Record<string, Combine>> = {
  median: median(),
  trimmed2: trimmedMean({ f: 2 }),
  trimmed5: trimmedMean({ f: 5 }),
  krum2: krum({ f: 2 }),
  krum4: krum({ f: 4 }),
  multiKrum2of5: multiKrum({ f: 2, m: 5 }),
  bulyan1: bulyan({ f: 1 }),
  bulyan2: bulyan({ f: 2 }),
  geometric: geometricMedian({ steps: 200, smoothing: 1e-9 }),
  geometricByCount: geometricMedian({ steps: 200, smoothing: 1e-9, weighted: true }),
  clipped: clippedMean({ norm: 2 }),
  clippedToMedian: clippedMean({ norm: 'median', around: 'median' }),
  clippedByCount: clippedMean({ norm: 'median', weighted: true }),
  cosine: cosineScreened({ least: 0.9 }),
  cosineByCount: cosineScreened({ least: 0, weighted: true }),
};

describe('a record', () => {
  const at = { at: peer('server') };
  const numbers = (dtype: 'float32' | 'float64', ...values: readonly number[]): Tensor => ({
    dtype,
    dims: [values.length],
    bytes: new Uint8Array((dtype === 'float32' ? Float32Array : Float64Array).from(values).buffer),
  });

  test('of several dtypes is one answer, and each field keeps its own', async () => {
    const mixed = module('mixed', () => {
      const rows = { a: input('a', float32, ['K'], at), b: input('b', float64, ['K'], at) };
      const { a, b } = krum({ f: 0 })(rows, input('counts', int64, ['K'], at));
      output('of a', a);
      output('of b', b);
    });
    const deployment = await deploy(mixed, topologyOf('server'), cpuBackend());
    const counts = { dtype: 'int64', dims: [4], bytes: new Uint8Array(32) } as const;
    // Of a alone the first would be nearest to the others, of b alone the last.
    const { outputs } = await deployment.invoke({
      a: numbers('float32', 0, 1, -1, 9),
      b: numbers('float64', 9, 0.1, 0, 0.05),
      counts,
    });
    await deployment.close();
    expect([outputs['of a'], outputs['of b']].map((one) => (one as Tensor).dtype)).toEqual([
      'float32',
      'float64',
    ]);
    expect(plain(outputs['of a'])).toEqual([1]);
  });

  test('of one value is that value', async () => {
    const alone = module('alone', () => {
      const counts = input('counts', int64, ['K'], at);
      output('middle', median()(input('a', float32, ['K'], at), counts));
      output('point', geometricMedian()(input('b', float32, ['K', 2], at), counts));
    });
    const deployment = await deploy(alone, topologyOf('server'), cpuBackend());
    const counts = { dtype: 'int64', dims: [3], bytes: new Uint8Array(24) } as const;
    const b = { ...numbers('float32', 0, 0, 2, 2, 1, 1), dims: [3, 2] };
    const { outputs } = await deployment.invoke({ a: numbers('float32', 5, 1, 2), b, counts });
    await deployment.close();
    expect(plain(outputs.middle)).toEqual([2]);
    expect(plain(outputs.point)).toEqual([1, 1]);
  });
});

describe('what is wrong is said', () => {
  test.each<[string, () => Combine, string]>([
    ['trimmedMean', () => trimmedMean({ f: -1 }), 'f is -1, not a whole number from 0'],
    ['krum', () => krum({ f: 1.5 }), 'f is 1.5, not a whole number from 0'],
    ['multiKrum', () => multiKrum({ f: 1, m: 0 }), 'm is 0, not a whole number from 1'],
    ['bulyan', () => bulyan({ f: Number.NaN }), 'f is NaN, not a whole number from 0'],
    ['geometricMedian', () => geometricMedian({ steps: 0 }), 'steps is 0, not a whole number from 1'],
    ['geometricMedian', () => geometricMedian({ smoothing: 0 }), 'smoothing is 0, not a number above 0'],
    ['clippedMean', () => clippedMean({ norm: 0 }), "norm is 0, neither 'median' nor a number above 0"],
    ['cosineScreened', () => cosineScreened({ least: 2 }), 'least is 2, not a number from -1 to 1'],
  ])('about an option of %s', (name, make, reason) => {
    expect(refusalOf(make)).toBe(`BB330: ${name}: ${reason}`);
  });

  test('about what has no rows, or no floats', () => {
    const counts = () => input('counts', int64, ['K']);
    expect(refusalOf(() => median()(input('a', float32, []) as never, counts()))).toContain(
      'BB302: median: a scalar',
    );
    expect(refusalOf(() => krum({ f: 1 })(input('a', int64, ['K', 2]), counts()))).toContain(
      'BB307: krum: the rows are int64, not floats',
    );
  });
});

test('what a server holds is known beforehand, in a module that trains too', () => {
  const net = linear({ in: 8, out: 3 });
  const task = taskOf({
    parameters: net.parameters,
    fields: { x: [float32, ['N', 8]], t: [int64, ['N']] },
    loss: (at, { x, t }) => crossEntropy(net(at)(x), t),
  });
  for (const name of names) {
    const source = fedAvg(task, {
      server: peer('server'),
      clients: cohort('client'),
      rounds: 3,
      local: { optimizer: sgd({ lr: 0.1 }), steps: 2, batch: 4 },
      combine: cases[name]![0],
    });
    const { bundles } = deploymentInMemory(compiled(recorded(source), topologyOf('server', 'client*11')));
    const { activationBytes, openBecause } = bundles.get('server')!.manifest.memory;
    expect([name, openBecause, typeof activationBytes]).toEqual([name, undefined, 'number']);
  }
});
