// Secure aggregation in simulated worlds: the exact sum of whoever is left, or none, wherever members drop out; and nothing else in all
// that the server receives that statistics could find. Fifty members by `npm run verify -- strategies.5`.

import { describe, expect, test } from 'vitest';
import { cohort, float32, input, module, on, output, peer } from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { NodeComponent } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';
import { secureAggregator } from '../../stdlib/components.ts';
import { secureSum } from '../../stdlib/privacy/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { leakage, withoutSelfMasks } from '../support/leakage.ts';
import { runSecurely, steps, sumOf, topologyFor, updates, words } from '../support/secure-world.ts';
import { simulatedWorld } from '../support/simulated.ts';

const server = peer('server');
const phones = cohort('phone');
const five = Array.from({ length: 5 }, (_, at) => `phone/${at}`);

describe('five phones', () => {
  test('give the server the exact sum; without self masks it still has the masks between two', async () => {
    const values = { x: updates(5, 600, 2) };
    const { sums, view } = await runSecurely({ count: 5, threshold: 3, values });
    expect(words(sums.x)).toEqual(sumOf(values.x, five));
    const { found, sum } = withoutSelfMasks(view, 3);
    expect(found).toEqual([]);
    expect([...sum]).toEqual(sumOf(values.x, five));
  });

  test.each(steps)(
    'two of whom are gone before %s: the sum of those whose values came, and nothing else',
    async (step, afterNs) => {
      const values = { x: updates(5, 600, 1) };
      const gone = [1, 4].map((phone) => ({ phone, afterNs }));
      const { sums, survivors, view } = await runSecurely({ count: 5, threshold: 3, values, gone });
      expect(survivors).toEqual(step === 'reveals' ? five : ['phone/0', 'phone/2', 'phone/3']);
      expect(words(sums.x)).toEqual(sumOf(values.x, survivors));
      expect(leakage(view, values).found).toEqual([]);
    },
  );

  test.each(steps)('three of whom are gone before %s: no sum, and why', async (_, afterNs) => {
    const values = { x: updates(5, 20, 1) };
    const gone = [0, 1, 4].map((phone) => ({ phone, afterNs }));
    const { sums } = await runSecurely({ count: 5, threshold: 3, values, gone });
    expect(isMissing(sums.x!)).toBe(true);
    expect(sums.x).toMatchObject({ reason: expect.stringMatching(/timeout|lost|declined/) });
  });
});

describe('the statistics find', () => {
  test('one seed for all tensors and rounds of a member, though the sums are right', async () => {
    const values = { weight: updates(3, 600, 3), bias: updates(3, 600, 4) };
    const run = { count: 3, threshold: 2, values, rounds: 2 };
    const good = await runSecurely(run);
    expect(leakage(good.view, values).found).toEqual([]);
    const bad = await runSecurely({ ...run, reuse: true });
    for (const [name, all] of Object.entries(values))
      expect(words(bad.sums[name])).toEqual(sumOf(all, five.slice(0, 3)));
    const { found } = leakage(bad.view, values);
    for (const one of ['weight, round 0 less bias, round 0', 'bias, round 0 less bias, round 1'])
      expect(found).toContain(`phone/1: ${one} is not uniform`);
  });

  test('values that go as they are', async () => {
    const values = { x: updates(3, 600, 5) };
    const { sums, view } = await runSecurely({ count: 3, threshold: 2, values, plain: true });
    expect(words(sums.x)).toEqual(sumOf(values.x, five.slice(0, 3)));
    const { found } = leakage(view, values);
    const told = [
      'x, round 0: what phone/0 sent is not uniform',
      'a frame of phone/0 has values as they are',
    ];
    for (const one of told) expect(found).toContain(one);
  });
});

/** Components as the kind makes them; `forge` changes what the first phone gives as masked values. */
const componentsOf = (id: string, forge?: (bytes: Uint8Array) => Uint8Array) => {
  const made = secureAggregator();
  const forged: NodeComponent = {
    roles: made.roles,
    declaration: made.declaration!,
    call: (asked, cx) => {
      const given = made.call(asked, cx) as readonly Tensor[];
      if (forge === undefined || id !== 'phone/0' || asked.method !== 'Mask') return given;
      return [{ ...given[0]!, bytes: forge(given[0]!.bytes) }];
    },
  };
  return { 'sum member': () => forged, 'sum server': () => secureAggregator() };
};

describe('a record of float32', () => {
  const world = async (
    update: Readonly<Record<string, readonly number[]>>,
    forge?: (bytes: Uint8Array) => Uint8Array,
  ) => {
    const source = module('m', () => {
      const u = input('u', float32, [4], { at: phones.each, private: true });
      const record = on(phones.each, () => ({
        weight: u.slice([0], [3]).reshape([3, 1]).as(float32, [3, 1]),
        bias: u.slice([3], [4]).as(float32, [1]),
      }));
      const { sum } = secureSum(record, {
        members: phones,
        at: server,
        threshold: 2,
        seconds: 10,
        most: 2,
        count: 3,
      });
      output('weight', sum.weight);
      output('bias', sum.bias);
    });
    const { deployment } = await simulatedWorld(source, topologyFor(3), {}, (id) => componentsOf(id, forge));
    const u = Object.fromEntries(Object.entries(update).map(([id, one]) => [id, floats(...one)]));
    const { outputs } = await deployment.invoke({ u });
    return outputs;
  };
  const updates = {
    'phone/0': [0.5, -0.25, 1e9, -0.125],
    'phone/1': [0.1, -7, Number.NaN, 0.3],
    'phone/2': [-1.9, 0.7, 0.25, 1e-9],
  };

  test('is added in fixed point, clamped; what is no number counts as 0', async () => {
    const { weight, bias } = await world(updates);
    const wanted = [0.5 + 0.1 - 1.9, -0.25 - 2 + 0.7, 2 + 0 + 0.25, -0.125 + 0.3 + 1e-9];
    const found = [...(plain(weight) as number[]), ...(plain(bias) as number[])];
    expect((weight as Tensor).dims).toEqual([3, 1]);
    // Half a step of each, and what float32 rounds.
    for (const [at, one] of found.entries())
      expect(Math.abs(one - wanted[at]!)).toBeLessThan((3 * (2 * 3)) / 2 ** 30 + 3e-7);
  });

  test('is missing where the sum is more than so many can have', async () => {
    const { weight, bias } = await world(updates, (bytes) => bytes.map((byte) => byte ^ 0xff));
    for (const one of [weight, bias]) expect(one).toMatchObject({ reason: 'declined' });
  });
});
