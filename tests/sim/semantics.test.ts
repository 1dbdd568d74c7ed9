// The programs of docs/semantics.md run: compiled as any module is, on the production nodes, in simulated worlds.

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Module } from '../../dsl/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { plain } from '../support/deploy.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const worldOf = async (name: string): Promise<SimulatedWorld> => {
  const file = path.join(import.meta.dirname, `../support/programs/${name}.ts`);
  const { default: program, topology } = (await import(file)) as {
    readonly default: Module;
    readonly topology: object;
  };
  return simulatedWorld(program, topologyIn(topology));
};

/** Lets triggers start flows until so many are over. */
async function served({ deployment }: SimulatedWorld, flows: number): Promise<readonly FlowResult[]> {
  const results: FlowResult[] = [];
  deployment.arm({}, (result) => {
    results.push(result);
  });
  await deployment.serve(() => results.length >= flows);
  return results;
}

const statesOf = async ({ deployment }: SimulatedWorld, key: string): Promise<(readonly number[])[]> =>
  Object.values(await deployment.state()).map((state) => plain(state[key]) as readonly number[]);

test('4, gossip: who is sent a model takes the mean by age, and ages grow', async () => {
  const world = await worldOf('gossip');
  const results = await served(world, 12);
  expect(results.map(({ status }) => status)).toEqual(Array(12).fill('complete'));
  expect(world.world.now).toBeGreaterThanOrEqual(30e9);
  const ages = (await statesOf(world, 'age')).flat();
  expect(ages.reduce((sum, age) => sum + age, 0)).toBeGreaterThan(12);
});

test('4, push-sum: no sum and no weight is lost, and everybody comes to the mean', async () => {
  const world = await worldOf('push-sum');
  const results = await served(world, 80);
  expect(results.every(({ status }) => status === 'complete')).toBe(true);
  const [x, w] = [await statesOf(world, 'x'), (await statesOf(world, 'w')).flat()];
  const sum = (index: number): number => x.reduce((all, one) => all + one[index]!, 0);
  expect(sum(0)).toBeCloseTo(4, 4);
  expect(sum(1)).toBeCloseTo(8, 4);
  expect(w.reduce((all, one) => all + one, 0)).toBeCloseTo(4, 4);
  for (const [at, one] of x.entries()) expect(one[1]! / w[at]!).toBeCloseTo(2, 4);
});

test('4, joint averaging: five rounds that all enter themselves', async () => {
  const world = await worldOf('joint-averaging');
  const result = await world.deployment.invoke({}, { entry: 'round' });
  expect(result).toMatchObject({ status: 'complete', step: 4 });
  expect(await statesOf(world, 'rounds')).toEqual([[5], [5], [5]]);
  for (const x of await statesOf(world, 'x')) {
    expect(x[0]).toBeCloseTo(1, 5);
    expect(x[1]).toBeCloseTo(2, 5);
  }
});

test('2, federated averaging stops when the loss becomes better no more', async () => {
  const world = await worldOf('federated-early-stop');
  const losses: number[] = [];
  const result = await world.deployment.invoke(
    {},
    { onFlow: ({ outputs }) => losses.push((plain(outputs.loss) as number[])[0]!) },
  );
  expect(result.status).toBe('complete');
  expect(losses.length).toBeLessThan(50);
  expect(Math.min(...losses)).toBeLessThan(1e-3);
});

test('11, layers that learn by themselves, with micro-batches under way at once', async () => {
  const world = await worldOf('layer-local');
  const results = await served(world, 64);
  expect(results.every(({ status }) => status === 'complete')).toBe(true);
});

test('13, two workers that agree are not accused', async () => {
  const world = await worldOf('challenge');
  const results = await served(world, 3);
  expect(results.map(({ status }) => status)).toEqual(Array(3).fill('complete'));
  expect((await world.deployment.state()).judge!.out).toBeUndefined();
});

describe('15, sensors take the gateway’s judgement, or their own when it does not come in time:', () => {
  test('all goes well', async () => {
    const world = await worldOf('sensors');
    const results = await served(world, 12);
    expect(results.map(({ status }) => status)).toEqual(Array(12).fill('complete'));
    expect(world.world.now).toBeLessThan(4e9);
  });

  test('the gateway is silent', async () => {
    const world = await worldOf('sensors');
    world.world.stop(world.world.peers.get('gateway')!);
    const results = await served(world, 12);
    for (const { cohortOutputs, status } of results) {
      expect(status).toBe('partial');
      const [alarm] = Object.values(cohortOutputs.alarm!);
      expect(plain(alarm)).toEqual([expect.any(Number)]);
    }
  });
});
