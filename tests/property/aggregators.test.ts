// What robust aggregators promise: members may answer in any order, and a few of them may answer anything.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { float32, input, int64, module, output, peer, weightedMean } from '../../dsl/index.ts';
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
import * as by from '../support/aggregating.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, plain } from '../support/deploy.ts';

const SIZE = 4;
const F = 2;

const aggregators: Readonly<Record<string, Combine>> = {
  mean: weightedMean,
  median: median(),
  trimmed: trimmedMean({ f: F }),
  krum: krum({ f: F }),
  multiKrum: multiKrum({ f: F, m: 3 }),
  bulyan: bulyan({ f: F }),
  geometric: geometricMedian(),
  clipped: clippedMean({ norm: 'median', around: 'median' }),
  cosine: cosineScreened({ least: 0 }),
};
type Name = keyof typeof aggregators;

let deployment: Deployment;
const backend = cpuBackend();
beforeAll(async () => {
  const source = module('all', () => {
    const at = { at: peer('server') };
    const rows = input('rows', float32, ['K', SIZE], at);
    const counts = input('counts', int64, ['K'], at);
    for (const [name, combine] of Object.entries(aggregators)) output(`of ${name}`, combine(rows, counts));
  });
  deployment = await deploy(source, topologyOf('server'), backend);
});
afterAll(async () => {
  await deployment.close();
  await backend.close();
});

async function combined(
  rows: readonly by.Row[],
  counts?: by.Row,
): Promise<Record<Name, readonly number[] | string>> {
  const { outputs } = await deployment.invoke({
    rows: {
      dtype: 'float32',
      dims: [rows.length, SIZE],
      bytes: new Uint8Array(Float32Array.from(rows.flat()).buffer),
    },
    counts: {
      dtype: 'int64',
      dims: [rows.length],
      bytes: new Uint8Array(BigInt64Array.from(counts ?? rows.map(() => 1), BigInt).buffer),
    },
  });
  return Object.fromEntries(Object.keys(aggregators).map((name) => [name, plain(outputs[`of ${name}`])]));
}

/** So fine that hardly two distances are the same. */
const number = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((one) => one / 2 ** 14);
const row = fc.array(number, { minLength: SIZE, maxLength: SIZE });
const anything = fc.constantFrom(Number.NaN, Infinity, -Infinity, 3e38, -3e38, 1e6, -1e6, 0);
const attack = fc.array(fc.oneof(anything, number), { minLength: SIZE, maxLength: SIZE });

/** Honest answers, between which `f` members put what they like, all of them the same if they collude. */
const attacked = (most: number) =>
  fc
    .record({
      honest: fc.array(row, { minLength: 4 * F + 3 - F, maxLength: 12 }),
      attacks: fc.array(attack, { minLength: 0, maxLength: most }),
      places: fc.array(fc.nat(20), { minLength: most, maxLength: most }),
      collude: fc.boolean(),
    })
    .filter(({ honest, attacks }) => honest.length + attacks.length >= 4 * F + 3)
    .map(({ honest, attacks, places, collude }) => {
      const rows: by.Row[] = [...honest];
      attacks.forEach((one, at) => {
        rows.splice(places[at]! % (rows.length + 1), 0, (collude ? attacks[0]! : one).map(Math.fround));
      });
      return { honest, rows };
    });

const least = (rows: readonly by.Row[], at: number): number => Math.min(...rows.map((one) => one[at]!));
const most = (rows: readonly by.Row[], at: number): number => Math.max(...rows.map((one) => one[at]!));

test('the order of the members changes nothing but rounding', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 11, maxLength: 14 }), fc.nat(1000), async (rows, seed) => {
      const order = rows
        .map((_, at) => ({ at, by: Math.sin(seed + at * 7.3) }))
        .sort((a, b) => a.by - b.by)
        .map(({ at }) => rows[at]!);
      const [there, here] = [await combined(rows), await combined(order)];
      expect(here.median).toEqual(there.median);
      // Of two that are nearest to each other Bulyan's last choices take the first.
      for (const name of Object.keys(aggregators).filter((one) => one !== 'bulyan'))
        (there[name] as by.Row).forEach((value, at) => {
          expect((here[name] as by.Row)[at], name).toBeCloseTo(value, 3);
        });
    }),
    { numRuns: 60, seed: 11 },
  );
});

test('f members that answer anything move no number beyond what the others answered', async () => {
  let moved = false;
  await fc.assert(
    fc.asyncProperty(attacked(F), async ({ honest, rows }) => {
      const found = await combined(rows);
      for (const name of ['median', 'trimmed', 'bulyan'])
        (found[name] as by.Row).forEach((value, at) => {
          const slack = 1e-4;
          expect(value, `${name} [${at}]`).toBeGreaterThanOrEqual(least(honest, at) - slack);
          expect(value, `${name} [${at}]`).toBeLessThanOrEqual(most(honest, at) + slack);
        });
      moved ||= (found.mean as by.Row).some(
        (value, at) => !(value >= least(honest, at) && value <= most(honest, at)),
      );
    }),
    { numRuns: 80, seed: 12 },
  );
  // Of the plain mean it is not so.
  expect(moved).toBe(true);
});

test('where the others agree, f members that collude far away are not followed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 4 * F + 3 - F, maxLength: 12 }),
      row,
      fc.double({ min: 50, max: 1e6, noNaN: true }),
      async (offsets, centre, far) => {
        const honest = offsets.map((one) => one.map((value, at) => centre[at]! + value / 64));
        const away = centre.map((value) => value + far);
        const found = await combined([away, ...honest, away]);
        for (const name of Object.keys(aggregators).filter((one) => one !== 'mean' && one !== 'cosine')) {
          const off = Math.hypot(...(found[name] as by.Row).map((value, at) => value - centre[at]!));
          // Honest answers are at most 2 from the centre.
          expect(off, `${name} is ${off} away`).toBeLessThan(3);
        }
        const meanOff = (found.mean as by.Row)[0]! - centre[0]!;
        expect(meanOff).toBeGreaterThan((2 * far) / (honest.length + 2) - 2);
      },
    ),
    { numRuns: 60, seed: 13 },
  );
});

test('members that say how much they count are not believed unless asked for', async () => {
  const rows = [...Array.from({ length: 11 }, (_, at) => [at, 1, 2, 3]), [1000, 1000, 1000, 1000]];
  const greedy = await combined(rows, [...Array(11).fill(1), 1e9]);
  const { mean: said, ...others } = greedy;
  const { mean: plainMean, ...equal } = await combined(rows);
  expect(others).toEqual(equal);
  expect((said as by.Row)[0]).toBeCloseTo(1000, 1);
  expect((plainMean as by.Row)[0]).toBeLessThan(100);
});

test('the geometric median has hardly a greater sum of distances than the best point', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 11, maxLength: 14 }), async (rows) => {
      const found = (await combined(rows)).geometric as by.Row;
      const best = by.geometricMedian(3000, 1e-9)(rows, [])!;
      expect(by.distanceSum(rows, found)).toBeLessThan(by.distanceSum(rows, best) * 1.01);
    }),
    { numRuns: 30, seed: 14 },
  );
});
