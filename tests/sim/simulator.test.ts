// The simulator: the production nodes under one virtual clock.

import { expect, test } from 'vitest';
import { peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  collect,
  constant,
  entry,
  float32,
  input,
  module,
  next,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import { keyOf } from '../../ir/philox.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { TimeOrder } from '../../runtime/host/sim/agenda.ts';
import { Chance, draw } from '../../runtime/host/sim/chance.ts';
import { SimulatedDeployment } from '../../runtime/host/sim/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { cpu, simulatedWorld, topologyIn } from '../support/simulated.ts';

const [phone, server] = [peer('phone'), peer('server')];
const twoPeers = module('two', () => {
  const x = input('x', float32, [1000], { at: phone });
  const h = on(phone, () => x.mul(2).exp());
  output(
    'y',
    on(server, () => h.log()),
  );
});
const linked = topologyIn({
  classes: { phone: { compute: '1MFLOPS' }, server: { compute: '2MFLOPS' } },
  links: [{ between: ['phone', 'server'], latency: '40ms', up: '32kbit/s' }],
});
const ramp = floats(...Array.from({ length: 1000 }, (_, index) => index / 1000));

test('what comes out is what the deployment in this process gives, bit for bit', async () => {
  const { deployment, loaded } = await simulatedWorld(twoPeers, linked);
  const real = await startDeployment({ peers: peersOf(loaded), backend: cpu });
  const [a, b] = [await deployment.invoke({ x: ramp }), await real.invoke({ x: ramp })];
  expect(a.outputs).toEqual(b.outputs);
  expect(a.messages).toEqual(b.messages);
  await real.close();
});

test('time passes by compute, bandwidth and latency, and by nothing else', async () => {
  const { world, deployment } = await simulatedWorld(twoPeers, linked);
  const { messages } = await deployment.invoke({ x: ramp });
  const bytes = messages[0]!.payloadBytes + messages[0]!.headerBytes;
  // Two operations for each of 1000 elements at the phone, one at the server; a microsecond to start a segment.
  const expected = 2e6 + 1e3 + (bytes / 4000) * 1e9 + 40e6 + 0.5e6 + 1e3;
  expect(world.now).toBeCloseTo(expected, -1);
});

test('frames of one direction wait for each other', async () => {
  const { world, deployment } = await simulatedWorld(twoPeers, linked);
  await Promise.all([deployment.invoke({ x: ramp }), deployment.invoke({ x: ramp })]);
  const sent = world.traffic.sent.bytes;
  expect(world.now).toBeGreaterThan((sent / 4000) * 1e9);
});

const phones = cohort('phone');
const averaging = module('averaging', () => {
  const total = state('total', constant(0), { at: server });
  const own = state('own', constant(1), { at: phones.each });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const now = total.read();
    const answers = on(phones.each, () => ({ x: own.update((before) => before.add(1)).add(now) }));
    const { x } = collect(answers, { atLeast: 1, within: '1s' });
    const sum = x.reduceSum({ keepdims: false });
    total.update((before) => sum.orElse(before));
    output('sum', sum.orElse(-1));
    next('round', { round: round.add(1n) }).when(round.less(4n));
  });
});
const lossy = topologyIn({
  classes: { server: {}, phone: { count: 5 } },
  links: [{ between: ['server', 'phone'], latency: '10ms', loss: 0.2 }],
});

/** All that happened: times, sizes and outcomes. */
async function traceOf(seed: bigint): Promise<string> {
  const { world, deployment } = await simulatedWorld(averaging, lossy, { seed });
  const lines: string[] = [];
  world.observers.push({
    event: (event) => lines.push(`${event.at} ${event.kind}`),
    dropped: (from, to, bytes, why) => lines.push(`${from.id} ${to} ${bytes} ${why}`),
  });
  const sums: unknown[] = [];
  await deployment.invoke({}, { onFlow: ({ outputs }) => sums.push(plain(outputs.sum)) });
  return `${JSON.stringify(sums)}\n${lines.join('\n')}`;
}

test('the same seed runs the same way, another one does not', async () => {
  const [once, again, other] = [await traceOf(1n), await traceOf(1n), await traceOf(2n)];
  expect(once).toContain('link');
  expect(again).toBe(once);
  expect(other).not.toBe(once);
});

test('a flow is not over while a disk holds back what comes of a frame', async () => {
  const { deployment } = await simulatedWorld(twoPeers, linked, { durable: true });
  const { status, outputs } = await deployment.invoke({ x: ramp });
  expect([status, outputs.y]).toMatchObject(['complete', { dims: [1000] }]);
});

test('a world that ends at a time gives up what goes on, and answers with what was over', async () => {
  const forEver = module('for-ever', () => {
    const steps = state('steps', constant(0n), { at: server });
    entry('step', server, () => {
      const done = steps.update((before) => before.add(1n));
      output('done', done);
      next('step').when(done.greater(0n));
    });
  });
  const { world, deployment: whole } = await simulatedWorld(forEver, topologyIn({ classes: { server: {} } }));
  const deployment = new SimulatedDeployment(world, { untilNs: 1e6 });
  const { step, status } = await deployment.invoke({});
  expect(status).toBe('complete');
  expect(step).toBeGreaterThan(10);
  expect(world.now).toBeLessThanOrEqual(1e6);
  await whole.close();
});

test('every frame is delivered, dropped or on its way', async () => {
  const { world, deployment } = await simulatedWorld(averaging, lossy, { seed: 3n });
  await deployment.invoke({});
  const { sent, copied, delivered, dropped, inFlight } = world.traffic;
  expect(dropped.frames).toBeGreaterThan(0);
  expect(sent.bytes + copied.bytes).toBe(delivered.bytes + dropped.bytes + inFlight.bytes);
});

test('modelled segments give zeros of the types they state', async () => {
  const { deployment } = await simulatedWorld(twoPeers, linked, { compute: 'modelled' });
  const { outputs } = await deployment.invoke({ x: ramp });
  expect(plain(outputs.y)).toEqual(new Array(1000).fill(0));
});

test('an agenda gives what is earliest, and of one time what was put in first', () => {
  const chance = new Chance(keyOf(5n));
  const agenda = new TimeOrder<{ at: number; sequence: number; name: number }>();
  const put = Array.from({ length: 500 }, (_, name) => ({ at: chance.below(20), sequence: 0, name }));
  for (const one of put) agenda.push(one);
  const out = Array.from({ length: 500 }, () => agenda.pop()!.name);
  const wanted = put.toSorted((a, b) => a.at - b.at || a.name - b.name).map(({ name }) => name);
  expect(out).toEqual(wanted);
  expect(agenda.pop()).toBeUndefined();
});

test('distributions have the means they state, and never leave their range', () => {
  const chance = new Chance(keyOf(9n));
  const meanOf = (distribution: Parameters<typeof draw>[0]): number => {
    let sum = 0;
    for (let at = 0; at < 20_000; at++) {
      const one = draw(distribution, chance);
      if (one < 0) throw new Error('below 0');
      sum += one;
    }
    return sum / 20_000;
  };
  expect(meanOf({ kind: 'uniform', from: 10, to: 30 })).toBeCloseTo(20, 0);
  expect(meanOf({ kind: 'exponential', mean: 5 }) / 5).toBeCloseTo(1, 1);
  expect(meanOf({ kind: 'normal', mean: 50, deviation: 2 })).toBeCloseTo(50, 0);
  expect(meanOf({ kind: 'lognormal', median: 1, sigma: 0.5 }) / Math.exp(0.125)).toBeCloseTo(1, 1);
  expect(meanOf({ kind: 'pareto', scale: 2, shape: 4 }) / (8 / 3)).toBeCloseTo(1, 1);
  expect(draw({ kind: 'constant', value: 3 }, chance)).toBe(3);
});
