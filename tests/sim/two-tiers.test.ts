// Program 6 of the semantics: heads with clusters that are drawn anew in each round, and heads that go on as long as it takes.

import { expect, test } from 'vitest';
import type { FlowResult } from '../../runtime/host/index.ts';
import { plain } from '../support/deploy.ts';
import { CLUSTER, HEAD_ROUNDS, HEADS, PHONES } from '../support/programs/two-tier-clusters.ts';
import dynamic, {
  topology as dynamicTopology,
  HEADS as LEADERS,
  MOST,
  MOVED,
} from '../support/programs/two-tier-dynamic.ts';
import { CLUSTERS, POINTS, RATE, VALUES } from '../support/programs/two-tier-federated.ts';
import { statesOf, underChaos, worldOf } from '../support/programs-run.ts';

test('each head has the mean of the twenty phones that it drew, in five rounds that are one flow', async () => {
  const world = await worldOf('two-tier-clusters');
  const { cohortOutputs, status } = await world.deployment.invoke({});
  expect(status).toBe('complete');
  const drawn = new Set<string>();
  const models = Array.from({ length: HEADS }, (_, head) => {
    let model = 1;
    for (let round = 0; round < HEAD_ROUNDS; round++) {
      const of = (name: string) => plain(cohortOutputs[`${name} ${round}`]![`head/${head}`]);
      const phones = String(of('senders')).split(',');
      drawn.add(phones.join());
      expect(new Set(phones).size).toBe(CLUSTER);
      const numbers = phones.map((id) => Number(id.split('/')[1]));
      for (const one of numbers) expect(one).toBeLessThan(PHONES);
      model = numbers.reduce((sum, own) => sum + (model + own) * 0.5, 0) / CLUSTER;
      expect((of('model') as readonly number[])[0]).toBeCloseTo(model, 4);
    }
    return model;
  });
  // Another one at each head, and in each round.
  expect(drawn.size).toBe(HEADS * HEAD_ROUNDS);
  const [[w]] = (await statesOf(world, 'w')) as [readonly number[]];
  expect(w).toBeCloseTo(models.reduce((sum, one) => sum + one) / HEADS, 4);
});

/** What a head comes to by itself, and in how many steps. */
function trained(head: number): { readonly model: readonly number[]; readonly steps: number } {
  let model: readonly number[] = [0, 0];
  for (let step = 0; ; step++) {
    const all = CLUSTERS[head]!.map((phone) => {
      const errors = POINTS[phone]!.map(
        ([a, b], at) => a! * model[0]! + b! * model[1]! - VALUES[phone]![at]![0]!,
      );
      return model.map(
        (one, axis) =>
          one - RATE * errors.reduce((sum, error, at) => sum + error * POINTS[phone]![at]![axis]!, 0),
      );
    });
    const now = model.map((_, axis) => all.reduce((sum, one) => sum + one[axis]!, 0) / all.length);
    const move = now.reduce((sum, one, axis) => sum + (one - model[axis]!) ** 2, 0);
    model = now;
    if (move < MOVED || step >= MOST - 1) return { model, steps: step + 1 };
  }
}
const mean = (all: readonly (readonly number[])[]): readonly number[] =>
  all[0]!.map((_, axis) => all.reduce((sum, one) => sum + one[axis]!, 0) / all.length);

test('a head goes on until its model is still, and the server moves when all have told', async () => {
  const world = await worldOf('two-tier-dynamic');
  const expected = Array.from({ length: LEADERS }, (_, head) => trained(head));
  expect(new Set(expected.map(({ steps }) => steps)).size).toBeGreaterThan(1);
  const calls = expected.map(async ({ steps }, head) => {
    const flows: FlowResult[] = [];
    await world.deployment.invoke({}, { peer: `head/${head}`, onFlow: (result) => flows.push(result) });
    expect(flows).toHaveLength(steps);
    expect(flows.every(({ status }) => status === 'complete')).toBe(true);
  });
  await Promise.all(calls);
  const [[a, b]] = (await statesOf(world, 'w')) as [readonly number[]];
  const [wantedA, wantedB] = mean(expected.map(({ model }) => model));
  expect(a).toBeCloseTo(wantedA!, 4);
  expect(b).toBeCloseTo(wantedB!, 4);
  expect(await statesOf(world, 'count')).toEqual([[0]]);
});

test('until then the server holds what was told, and has moved nowhere', async () => {
  const world = await worldOf('two-tier-dynamic');
  for (const head of [0, 2]) await world.deployment.invoke({}, { peer: `head/${head}` });
  expect(await statesOf(world, 'count')).toEqual([[2]]);
  expect(await statesOf(world, 'w')).toEqual([[0, 0]]);
});

test('all checkers hold where everything goes wrong, and no session goes on for ever', async () => {
  const calls = Array.from({ length: LEADERS }, (_, head) => ({ entry: 'train', peer: `head/${head}` }));
  const { violations, ended } = await underChaos(dynamic, dynamicTopology, { seeds: [1, 2], calls });
  expect(violations).toEqual([]);
  expect(Object.values(ended).reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(2 * LEADERS * MOST);
});
