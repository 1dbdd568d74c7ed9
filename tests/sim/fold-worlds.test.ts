// Folding in deployments: what a server holds, kills at any point, all orders, cohorts of cohorts.

import { describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { attempts } from '../../cli/sim/attempt.ts';
import {
  cohort,
  collect,
  constant,
  entry,
  float32,
  fold,
  input,
  int64,
  type Module,
  module,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import { explore } from '../../runtime/host/sim/explore.ts';
import {
  prepareWorkers,
  SimulatedDeployment,
  World,
  type WorldOptions,
} from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/net/adaptive.ts';
import { float16 } from '../../stdlib/codecs/index.ts';
import { compiled, floats, plain, recorded } from '../support/deploy.ts';
import { optionsFor, simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];
const SIZE = 10_000;
const ROW_BYTES = 4 * SIZE;
const COUNT = 64;
/** Events after which a flow that has begun outlives its server. */
const FIRST = 4;

/** The mean of what phones make of a model. `stacked`: as rows that another value is made of, too. */
const federated = (stacked: boolean) =>
  module('federated', () => {
    const w = input('w', float32, [SIZE], { at: server });
    const own = input('x', float32, [1], { at: phones.each });
    const trained = on(phones.each, () => w.mul(own));
    if (stacked) {
      const { values } = collect(trained, { at: server, within: '60s' });
      const sum = on(server, () => values.reduceSum({ axes: constant([0n]), keepdims: false }));
      output(
        'mean',
        on(server, () => sum.div(COUNT)),
      );
      return;
    }
    const { sum } = fold(
      trained,
      { sum: on(server, () => w.sub(w)) },
      (before, answer) => ({ sum: before.sum.add(answer) }),
      { at: server, within: '60s' },
    );
    output(
      'mean',
      on(server, () => sum.div(COUNT)),
    );
  });

/** The most that the server's node held while phones answered in an order. */
async function held(stacked: boolean, latencyMs: (index: number) => number) {
  const topology = topologyIn({
    classes: { server: {}, phone: { count: COUNT } },
    links: Array.from({ length: COUNT }, (_, at) => ({
      between: ['server', `phone/${at}`],
      latency: `${latencyMs(at)}ms`,
    })),
  });
  const { world, deployment, loaded } = await simulatedWorld(federated(stacked), topology);
  let most = 0;
  world.observers.push({
    settled: () => {
      most = Math.max(most, world.peers.get('server')!.node!.usage.bytes);
    },
  });
  const x = Object.fromEntries(Array.from({ length: COUNT }, (_, at) => [`phone/${at}`, floats(at + 1)]));
  const w = floats(...new Float32Array(SIZE).fill(2));
  const { outputs, status } = await deployment.invoke({ x, w });
  expect(status).toBe('complete');
  expect((plain(outputs.mean!) as number[]).slice(0, 2)).toEqual([COUNT + 1, COUNT + 1]);
  const { memory } = peersOf(loaded).find(({ id }) => id === 'server')!.bundle.manifest;
  return { rows: most / ROW_BYTES, estimated: memory.activationBytes };
}

describe('a fold over 64 phones', () => {
  test('holds a few rows while they answer in their order, and no more than stacked ones where they do not', async () => {
    const inOrder = await held(false, (at) => 10 + 10 * at);
    const backwards = await held(false, (at) => 10 + 10 * (COUNT - at));
    const stacked = await held(true, (at) => 10 + 10 * at);
    console.log(
      `rows held: ${inOrder.rows.toFixed(1)} in order, ${backwards.rows.toFixed(1)} backwards, stacked ${stacked.rows.toFixed(1)}`,
    );
    expect(inOrder.rows).toBeLessThan(5);
    expect(stacked.rows).toBeGreaterThan(COUNT);
    expect(backwards.rows).toBeLessThan(1.05 * stacked.rows);
  });

  test('needs no more than the manifest says, whoever answers first, which is less than where rows are stacked', async () => {
    const backwards = await held(false, (at) => 10 + 10 * (COUNT - at));
    const stacked = await held(true, () => 1);
    expect(backwards.estimated! / ROW_BYTES).toBeGreaterThan(backwards.rows);
    expect(stacked.estimated! / ROW_BYTES).toBeGreaterThan(stacked.rows);
    // The rows, and what is stacked of them.
    expect(stacked.estimated! - backwards.estimated!).toBeGreaterThan((COUNT - 4) * ROW_BYTES);
  });
});

describe('a fold of digits', () => {
  const digits = module('digits', () => {
    const rounds = state('rounds', constant(0, int64), { at: server });
    const total = state('total', constant(0), { at: server });
    const own = state('own', constant(0), { at: phones });
    entry('round', server, {}, () => {
      const now = on(server, () => total.read().mul(0));
      const said = on(phones.each, () => own.update((before) => before.add(1)).add(now));
      const { sum } = fold(
        said,
        { sum: now },
        (before, answer) => ({ sum: before.sum.mul(10).add(answer) }),
        {
          at: server,
          within: '30s',
        },
      );
      total.assign(sum);
      output('sum', sum);
      output(
        'rounds',
        on(server, () => rounds.update((before) => before.add(1n))),
      );
    });
  });
  const optionsOf = (source: Module, count: number): WorldOptions => {
    const topology = topologyIn({ classes: { phone: { count }, server: {} } });
    return optionsFor(deploymentInMemory(compiled(recorded(source), topology)), topology);
  };

  test.each([0, 1])('comes out alike in all orders, with %i crashes', async (crashes) => {
    const world = optionsOf(digits, 3);
    const make = attempts({ world, workers: await prepareWorkers(world), values: {}, calls: 1 });
    const { findings, whole } = await explore({ make, crashes, restart: 'fresh', maxRuns: 20_000 });
    expect(findings).toEqual([]);
    expect(whole).toBe(true);
  });

  test('goes on where it stood when the server is killed at any point, and restored', async () => {
    const options = { ...optionsOf(digits, 4), durable: true, snapshotRecords: 3, network: adaptive() };
    const workers = await prepareWorkers(options);
    // Before that the server has not kept the call.
    let killAt = FIRST;
    for (let over = false; !over; killAt++) {
      const world = await World.create(options, workers);
      const deployment = new SimulatedDeployment(world);
      const result = deployment.invoke({}, { entry: 'round' });
      let events = 0;
      while (events < killAt && (await world.step())) events++;
      const victim = world.peers.get('server')!;
      world.stop(victim);
      world.recover(victim);
      const { status, outputs } = await result;
      const states = await deployment.state();
      expect([
        status,
        plain(outputs.sum!),
        plain(states.server!.total!),
        plain(states.server!.rounds!),
      ]).toEqual(['complete', [1111], [1111], [1]]);
      expect(world.peers.get('server')!.node!.usage.flows).toBe(0);
      over = events < killAt || killAt > 300;
    }
    expect(killAt).toBeGreaterThan(30);
  });
});

test('each head folds what its own phones answer, and the server what heads do, in their order', async () => {
  const heads = cohort('head');
  const tree = module('tree', () => {
    const digits = input('x', float32, [2, 1], { at: heads.each });
    const all = on(heads.each, () => phones.some(phones.view()));
    const own = digits.scatter(all);
    const said = on(all, () => own.mul(1));
    const perHead = on(heads.each, () =>
      fold(said, { sum: constant([0]) }, (before, answer) => ({ sum: before.sum.mul(10).add(answer) }), {
        within: '5s',
        codec: 'float16',
      }),
    );
    const { sum } = fold(
      perHead.sum,
      { sum: constant([0]) },
      (before, answer) => ({ sum: before.sum.mul(1000).add(answer) }),
      { at: server, within: '20s' },
    );
    output('sum', sum);
  });
  const topology = topologyIn({
    classes: { head: { count: 2 }, phone: { count: 2 }, server: {} },
    links: [
      { between: ['head', 'phone/0'], latency: '100ms' },
      { between: ['head', 'phone/1'], latency: '1ms' },
      { between: ['head/0', 'server'], latency: '1s' },
      { between: ['head/1', 'server'], latency: '1ms' },
    ],
  });
  const { deployment } = await simulatedWorld(tree, topology, {}, () => ({ 'codec float16': float16 }));
  const rows = (...all: number[]) => ({ ...floats(...all), dims: [2, 1] });
  const { outputs } = await deployment.invoke({ x: { 'head/0': rows(1, 2), 'head/1': rows(3, 4) } });
  expect(plain(outputs.sum!)).toEqual([12034]);
});

test('what nobody waits for any more is folded no further', async () => {
  const heads = cohort('head');
  const first = module('first', () => {
    const digits = input('x', float32, [2, 1], { at: heads.each });
    const all = on(heads.each, () => phones.some(phones.view()));
    const own = digits.scatter(all);
    const said = on(all, () => own.mul(1));
    const perHead = on(heads.each, () =>
      fold(said, { sum: constant([0]) }, (before, answer) => ({ sum: before.sum.mul(10).add(answer) }), {
        within: '5s',
      }),
    );
    const { values } = collect(perHead.sum, { at: server, within: '20s', enough: 1 });
    output(
      'sum',
      on(server, () => values.identity()),
    );
  });
  const topology = topologyIn({
    classes: { head: { count: 2 }, phone: { count: 2 }, server: {} },
    links: [
      { between: ['head', 'phone'], latency: '1ms' },
      { between: ['head/1', 'phone/1'], latency: '1s' },
      { between: ['head', 'server'], latency: '1ms' },
    ],
  });
  const { world, deployment } = await simulatedWorld(first, topology);
  const works = { 'head/0': 0, 'head/1': 0 };
  world.observers.push({
    event: ({ kind, ...of }) => {
      const id = 'peer' in of ? of.peer.id : '';
      if (kind === 'work' && (id === 'head/0' || id === 'head/1')) works[id]++;
    },
  });
  const rows = (...all: number[]) => ({ ...floats(...all), dims: [2, 1] });
  const { outputs } = await deployment.invoke({ x: { 'head/0': rows(1, 2), 'head/1': rows(3, 4) } });
  expect(plain(outputs.sum!)).toEqual([12]);
  while (await world.step());
  // Of two answers, the second came in vain.
  expect(works['head/0'] - works['head/1']).toBe(1);
  expect(world.peers.get('head/1')!.node!.usage).toMatchObject({ flows: 0, bytes: 0, work: 0 });
});
