// Secure aggregation in simulated worlds: the exact sum of whoever is left, or none, wherever members drop out.

import { describe, expect, test } from 'vitest';
import { cohort, float32, input, module, on, output, peer, uint32 } from '../../dsl/index.ts';
import { type Tensor, unpackStrings } from '../../ir/index.ts';
import type { NodeComponent, Value } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';
import { secureAggregator } from '../../stdlib/components.ts';
import { maskedSum, secureSum } from '../../stdlib/privacy/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const server = peer('server');
const phones = cohort('phone');
const LENGTH = 20;
const topologyOf = (count: number) =>
  topologyIn({
    classes: { server: {}, phone: { count } },
    links: [{ between: ['phone', 'server'], latency: '50ms', up: '1Gbit/s', down: '1Gbit/s' }],
  });

const ring = (threshold: number) =>
  module('m', () => {
    const x = input('x', uint32, [LENGTH], { at: phones.each, private: true });
    const { sum, survivors } = maskedSum(x, { members: phones, at: server, threshold, seconds: 10 });
    output('sum', sum);
    output('survivors', survivors);
  });

const given = (count: number): Readonly<Record<string, Uint32Array>> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, phone) => [
      `phone/${phone}`,
      Uint32Array.from(
        { length: LENGTH },
        (_, at) => Math.imul(phone + 1, 0x9e3779b1) + Math.imul(at, 0x85ebca6b),
      ),
    ]),
  );
const words = (value: Value | undefined): number[] => [
  ...new Uint32Array((value as Tensor).bytes.slice().buffer),
];

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

async function run(count: number, threshold: number, gone: readonly number[], afterNs: number) {
  const source = ring(threshold);
  const { deployment, world } = await simulatedWorld(source, topologyOf(count), {}, (id) => componentsOf(id));
  world.plan(afterNs, 'drop out', () => {
    for (const phone of gone) world.stop(world.peers.get(`phone/${phone}`)!);
  });
  const values = given(count);
  const x = Object.fromEntries(
    Object.entries(values).map(([id, one]): [string, Tensor] => [
      id,
      { dtype: 'uint32', dims: [LENGTH], bytes: new Uint8Array(one.slice().buffer) },
    ]),
  );
  // Of a peer that is gone nobody hears what became of its part, so the call has no result; the server has.
  const outputs: Record<string, Value> = {};
  world.observers.push({
    output: ({ id }, one) => {
      if (id === 'server' && one.type === 'event' && one.event.kind === 'output')
        outputs[one.event.name] = one.event.value;
    },
  });
  await deployment.invoke({ x }).catch(() => undefined);
  const sumOf = (phones: readonly number[]): number[] =>
    Array.from({ length: LENGTH }, (_, at) =>
      phones.reduce((sum, phone) => (sum + values[`phone/${phone}`]![at]!) >>> 0, 0),
    );
  return { outputs, sumOf };
}
const all = (count: number): number[] => [...Array(count).keys()];

/** When each message is on its way back: one way takes 50 ms, the members’ first is sent at once. */
const steps = [
  ['keys', 0],
  ['shares', 60e6],
  ['masked values', 160e6],
  ['reveals', 260e6],
] as const;

describe('five phones', () => {
  test('give the server the exact sum', async () => {
    const { outputs, sumOf } = await run(5, 3, [], 0);
    expect(words(outputs.sum)).toEqual(sumOf(all(5)));
  });

  test.each(steps)(
    'two of whom are gone before %s: the sum of those whose values came',
    async (step, after) => {
      const { outputs, sumOf } = await run(5, 3, [1, 4], after);
      const survivors = step === 'reveals' ? all(5) : [0, 2, 3];
      expect(unpackStrings((outputs.survivors as Tensor).bytes, survivors.length)).toEqual(
        survivors.map((at) => `phone/${at}`),
      );
      expect(words(outputs.sum)).toEqual(sumOf(survivors));
    },
  );

  test.each(steps)('three of whom are gone before %s: no sum, and why', async (_, after) => {
    const { outputs } = await run(5, 3, [0, 1, 4], after);
    expect(isMissing(outputs.sum!)).toBe(true);
    expect(outputs.sum).toMatchObject({ reason: expect.stringMatching(/timeout|lost|declined/) });
  });
});

describe('fifty phones', { timeout: 600_000 }, () => {
  const gone = Array.from({ length: 15 }, (_, at) => at * 3 + 1);
  const left = all(50).filter((at) => !gone.includes(at));

  test.each(steps)(
    'fifteen of whom are gone before %s: the exact sum of those whose values came',
    async (step, after) => {
      const { outputs, sumOf } = await run(50, 30, gone, after);
      const survivors = step === 'reveals' ? all(50) : left;
      expect(unpackStrings((outputs.survivors as Tensor).bytes, survivors.length)).toEqual(
        survivors.map((at) => `phone/${at}`),
      );
      expect(words(outputs.sum)).toEqual(sumOf(survivors));
    },
  );
});

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
    const { deployment } = await simulatedWorld(source, topologyOf(3), {}, (id) => componentsOf(id, forge));
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
