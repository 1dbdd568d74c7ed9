// Places within places in all orders in which frames may come, and with peers killed and restored wherever they can be.

import { expect, test } from 'vitest';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import { attempts } from '../../cli/sim/attempt.ts';
import { cohort, constant, entry, int64, module, on, output, peer, state } from '../../dsl/index.ts';
import { explore } from '../../runtime/host/sim/explore.ts';
import {
  prepareWorkers,
  SimulatedDeployment,
  World,
  type WorldOptions,
} from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/net/adaptive.ts';
import { compiled, plain, recorded } from '../support/deploy.ts';
import { optionsFor, topologyIn } from '../support/simulated.ts';

/** Between points at which peers are killed; 1: all of them, in 6 s. */
const STRIDE = 2;
const server = peer('server');
const [heads, phones] = [cohort('head'), cohort('phone')];

/** Every phone counts for whom it works; the server keeps what comes of all. */
const counting = module('counting', () => {
  const done = state('done', constant(0, int64), { at: phones });
  const sum = state('sum', constant(0, int64), { at: server });
  entry('round', server, {}, () => {
    const all = on(heads.each, () => phones.some(phones.view()));
    const y = on(all, () =>
      done
        .update((count) => count.add(1n))
        .mul(0n)
        .add(2n),
    );
    const perHead = on(heads.each, () =>
      y.collect({ within: '5s', atLeast: 1 }).values.reduceSum({ keepdims: false }),
    );
    const total = on(server, () => perHead.collect({ within: '20s' }).values.reduceSum({ keepdims: false }));
    output(
      'sum',
      on(server, () => sum.update((before) => before.add(total.orElse(constant(0, int64))))),
    );
  });
});

const optionsOf = (phoneCount: number): WorldOptions => {
  const topology = topologyIn({ classes: { head: { count: 2 }, phone: { count: phoneCount }, server: {} } });
  return optionsFor(deploymentInMemory(compiled(recorded(counting), topology)), topology);
};

test.each([0, 1])('all orders come out as some order of calls would, with %i crashes', async (crashes) => {
  const world = optionsOf(1);
  const make = attempts({ world, workers: await prepareWorkers(world), values: {}, calls: 1 });
  const { findings, whole } = await explore({ make, crashes, restart: 'fresh', maxRuns: 5000 });
  expect(findings).toEqual([]);
  expect(whole).toBe(true);
});

test('a head and a phone that are killed at any point, and restored, lose nothing and do nothing twice', async () => {
  const options = { ...optionsOf(2), durable: true, snapshotRecords: 3, network: adaptive() };
  const workers = await prepareWorkers(options);
  const run = async (killAt: number) => {
    const world = await World.create(options, workers);
    const deployment = new SimulatedDeployment(world);
    const result = deployment.invoke({}, { entry: 'round' });
    let events = 0;
    while (events < killAt && (await world.step())) events++;
    for (const id of ['head/0', 'phone/1']) {
      const victim = world.peers.get(id)!;
      world.stop(victim);
      world.recover(victim);
    }
    const { status, outputs } = await result;
    const states = await deployment.state();
    const done = ['phone/0', 'phone/1'].map((id) => plain(states[id]!.done));
    return { left: events < killAt, seen: [status, plain(outputs.sum!), ...done] };
  };
  let killAt = 0;
  for (let over = false; !over; killAt += STRIDE) {
    const { left, seen } = await run(killAt);
    expect(seen).toEqual(['complete', [8], [2], [2]]);
    over = left || killAt > 400;
  }
  expect(killAt).toBeGreaterThan(40);
});
