// Central differential privacy: what members add is bounded by each, and the server adds the noise.

import { expect, test } from 'vitest';
import { cohort, collect, constant, float32, input, module, on, output, peer } from '../../dsl/index.ts';
import { normalOf } from '../../dsl/random/quantile.ts';
import { clipRows, clipUpdate, hostNoise, noisedMean } from '../../stdlib/privacy/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { counting, deployWith } from '../support/privacy.ts';
import { refusalOf } from '../support/recorded.ts';
import { topologyIn } from '../support/simulated.ts';

const server = peer('server');
const phones = cohort('phone');
const topology = topologyIn({ classes: { server: {}, phone: { count: 4 } } });
const updates = [
  [3, 4, 12, 0],
  [0.1, -0.2, 0.3, 0],
  [-1e15, 1e15, 0, 0],
  [Number.NaN, 1, 1, 1],
];
/** What each adds, clipped to a norm of 2; the last is not finite. */
const clipped = updates.slice(0, 3).map((one) => {
  const factor = Math.min(1, 2 / Math.hypot(...one));
  return one.map((number) => number * factor);
});

const federated = (noiseMultiplier: number, late = false, clips: 'member' | 'server' = 'member') =>
  module('m', () => {
    const update = input('update', float32, [4], { at: phones.each });
    const sent = on(phones.each, () => {
      const own = { a: update.slice([0], [1]), b: update.slice([1], [4]) };
      const { a, b } = clips === 'member' ? clipUpdate(own, 2) : own;
      const rest = b.as(float32, [3]);
      return {
        a: a.as(float32, [1]),
        b: late ? rest.when(update.reduceMax({ keepdims: false }).less(5)) : rest,
      };
    });
    const { a, b } = collect(sent, {
      at: server,
      atLeast: 0,
      within: '1s',
    });
    const mean = noisedMean({ clip: 2, noiseMultiplier, expected: 5, noise: hostNoise({ at: server }) });
    const rows = on(server, () => (clips === 'server' ? clipRows({ a, b }, 2) : { a, b }));
    const made = on(server, () => mean(rows, constant([1, 2, 3, 4])));
    output('a', made.a);
    output('b', made.b);
  });

async function run(
  source: ReturnType<typeof federated>,
  entropy?: (bytes: Uint8Array) => void,
): Promise<number[]> {
  const deployment = await deployWith(source, topology, entropy);
  const update = Object.fromEntries(updates.map((one, at) => [`phone/${at}`, floats(...one)]));
  const { outputs } = await deployment.invoke({ update });
  await deployment.close();
  return [...(plain(outputs.a) as number[]), ...(plain(outputs.b) as number[])];
}
const close = (found: readonly number[], wanted: readonly number[]): void => {
  expect(found.length).toBe(wanted.length);
  found.forEach((one, at) => void expect(one).toBeCloseTo(wanted[at]!, 5));
};
const meanOf = (rows: readonly number[][]): number[] =>
  [0, 1, 2, 3].map((at) => rows.reduce((sum, one) => sum + one[at]!, 0) / 5);

test('each update is clipped over all its values together; one that is not finite counts as zero', async () => {
  close(await run(federated(0)), meanOf(clipped));
});

test('the server clips what came as members do, each row over all its values together', async () => {
  close(await run(federated(0, false, 'server')), meanOf(clipped));
  close(await run(federated(0, true, 'server')), meanOf([clipped[1]!]));
});

test('the sum is over how many are expected, whoever came', async () => {
  // The first declines, the last too, whose largest is no number; neither has a row.
  close(await run(federated(0, true)), meanOf([clipped[1]!]));
});

test('the noise is σ times the norm, over how many are expected', async () => {
  const step = 0x9e3779b1;
  const word = (at: number): number => normalOf(Math.imul(at, step) >>> 0);
  const noise = [0, 1, 2, 3].map((at) => (word(at) + word(at + 4)) / Math.SQRT2);
  const wanted = meanOf(clipped).map((one, at) => one + (noise[at]! * 1.5 * 2) / 5);
  close(await run(federated(1.5), counting(step)), wanted);
});

test('what cannot be is refused', () => {
  const x = () => constant([1, 2]);
  expect(refusalOf(() => void clipUpdate({ x: x() }, Number.NaN))).toMatch(/^BB330: clipUpdate: clip is NaN/);
  const options = { clip: 1, noiseMultiplier: 1, expected: 0, noise: hostNoise() };
  expect(refusalOf(() => void noisedMean(options)({ x: x() }))).toMatch(/^BB330: noisedMean: 0 is no number/);
  expect(refusalOf(() => void noisedMean({ ...options, expected: 1 })({ x: constant(1) }))).toMatch(
    /^BB302: noisedMean: a scalar has no rows/,
  );
  const given = { ...options, expected: 1, noise: {} };
  expect(refusalOf(() => void noisedMean(given as never)({ x: x() }))).toMatch(
    /^BB308: noise: it has 0 values, for 1/,
  );
});
