// Waits, crossings and fragments, from the author's module to what comes out at every peer, under a virtual clock.

import { afterAll, describe, expect, test } from 'vitest';
import {
  bool,
  broadcast,
  cohort,
  collect,
  constant,
  float32,
  input,
  module,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import type { NodeEvent } from '../../runtime/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain, truth } from '../support/deploy.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const [server, edge, phone] = [peer('server'), peer('edge'), peer('phone')];
const phones = cohort('phone');
const fleet = topologyOf('server', 'phone*5');
const ids = [0, 1, 2, 3, 4].map((member) => `phone/${member}`);
const perPhone = <T>(of: (member: number) => T): Record<string, T> =>
  Object.fromEntries(ids.map((id, member) => [id, of(member)]));
const sum = { axes: [0], keepdims: 0 } as const;

/** Each phone adds its own x to the server's w; the server collects. */
const round = (options: Parameters<typeof collect>[1]) =>
  module('round', () => {
    const w = input('w', float32, [1], { at: server });
    const x = input('x', float32, [1], { at: phones.each });
    const answers = collect(
      on(phones.each, () => w.add(x)),
      { ...options, at: server },
    );
    output('rows', answers.values.identity());
    output('senders', answers.senders);
    output('missing', answers.missing);
    output(
      'sum',
      on(server, () => answers.values.reduceSum(sum).orElse([-1])),
    );
  });
const given = { w: floats(100), x: perPhone((member) => floats(member)) };

describe('a collect with a silent member', () => {
  test('is missing at its deadline, naming peer and edge, and orElse goes on', async () => {
    const time = new VirtualTime();
    const running = await deploy(round({ within: '20s' }), fleet, time.over(backend, { silent: [3] }), time);
    const { outputs, causes } = await time.until(running.invoke(given));
    expect(['rows', 'senders', 'missing', 'sum'].map((name) => plain(outputs[name]))).toEqual([
      'timeout',
      'timeout',
      'timeout',
      [-1],
    ]);
    expect(outputs.rows).toMatchObject({ reason: 'timeout', peer: 'phone/2' });
    expect(causes).toContainEqual(
      expect.objectContaining({
        at: 'server',
        deadlineNs: 20e9,
        missing: expect.objectContaining({ peer: 'phone/2', edge: expect.any(Number) }),
      }),
    );
    await running.close();
  });

  test('has the others in member order once its deadline has passed, if atLeast so many are there', async () => {
    const time = new VirtualTime();
    const options = { within: '20s', atLeast: 4 } as const;
    const running = await deploy(round(options), fleet, time.over(backend, { silent: [3] }), time);
    const { outputs } = await time.until(running.invoke(given));
    expect(plain(outputs.rows)).toEqual([100, 101, 103, 104]);
    expect(plain(outputs.senders)).toBe('phone/0,phone/1,phone/3,phone/4');
    expect(plain(outputs.missing)).toBe('phone/2');
    expect(plain(outputs.sum)).toEqual([408]);
    await running.close();
  });

  test('does not wait for it where enough have answered', async () => {
    const time = new VirtualTime();
    const ends: number[] = [];
    const onEvent = (peer: string, event: NodeEvent): void => {
      if (peer === 'server' && event.kind === 'flow-ended') ends.push(time.nowNs);
    };
    const options = { clock: time.clock, onEvent };
    const running = await deploy(round({ enough: 4 }), fleet, time.over(backend, { silent: [3] }), options);
    const { outputs } = await time.until(running.invoke(given));
    expect(ends).toEqual([0]);
    expect(plain(outputs.missing)).toBe('phone/2');
    await running.close();
  });

  test('a backend that never answers does not hold the flow there: nobody waits for it after the deadline', async () => {
    const time = new VirtualTime();
    const running = await deploy(round({ within: '20s' }), fleet, time.over(backend, { silent: [3] }), {
      clock: time.clock,
      limits: { workNs: 90e9 },
    });
    const { causes } = await time.until(running.invoke(given));
    expect(time.nowNs).toBe(20e9);
    expect(causes.filter(({ missing }) => missing.peer === 'phone/2')).toMatchObject([
      { at: 'server', missing: { reason: 'timeout' } },
    ]);
    await running.close();
  });
});

test('a broadcast is given up after `within`, at every member, naming the sender', async () => {
  const late = module('late', () => {
    const go = input('go', float32, [1], { at: phone });
    const w = on(server, () => go.add(1));
    const there = broadcast(w, cohort('sensor').each, { within: '3s' });
    output(
      'y',
      on(cohort('sensor').each, () => there.orElse([0]).add(1)),
    );
    // So that the sensors know of the flow before the server has answered.
    output(
      'z',
      on(cohort('sensor').each, () => go.neg()),
    );
  });
  const time = new VirtualTime();
  const topology = topologyOf('phone', 'server', 'sensor*2');
  const running = await deploy(late, topology, time.over(backend, { silent: [1] }), time);
  const { cohortOutputs, causes } = await time.until(running.invoke({ go: floats(1) }));
  expect(Object.values(cohortOutputs.y!).map(plain)).toEqual([[1], [1]]);
  expect(causes.filter(({ at }) => at.startsWith('sensor'))).toMatchObject(
    [0, 1].map(() => ({ deadlineNs: 3e9, missing: { reason: 'timeout', peer: 'server' } })),
  );
  await running.close();
});

describe('missing', () => {
  test('declined at one member of five: no answer of its record, whose rows stay aligned', async () => {
    const time = new VirtualTime();
    const record = module('record', () => {
      const x = input('x', float32, [1], { at: phones.each });
      const count = input('count', float32, [1], { at: phones.each });
      const ok = on(phones.each, () => count.greater(1).squeeze());
      const own = on(phones.each, () => ({ x: x.mul(10).when(ok), count: count.neg() }));
      const all = collect(own, { at: server, atLeast: 1 });
      output('xs', all.x.identity());
      output('counts', all.count.identity());
      output('missing', all.missing);
      output(
        'own',
        on(phones.each, () => own.x.orElse([7])),
      );
      output(
        'why',
        on(phones.each, () => own.x.reason()),
      );
    });
    const running = await deploy(record, fleet, time.over(backend), time);
    const values = {
      x: perPhone((member) => floats(member)),
      count: perPhone((member) => floats(5 - member)),
    };
    const { outputs, cohortOutputs, status } = await time.until(running.invoke(values));
    expect(status).toBe('complete');
    expect(plain(outputs.xs)).toEqual([0, 10, 20, 30]);
    expect(plain(outputs.counts)).toEqual([-5, -4, -3, -2]);
    expect(plain(outputs.missing)).toBe('phone/4');
    expect(Object.values(cohortOutputs.own!).map(plain)).toEqual([[0], [10], [20], [30], [7]]);
    expect(Object.values(cohortOutputs.why!).map(plain)).toEqual(['', '', '', '', 'declined']);
    expect(time.nowNs).toBe(0);
    await running.close();
  });

  test('crosses as an empty fill from peer to peer, so that nobody waits in vain', async () => {
    const time = new VirtualTime();
    const chain = module('chain', () => {
      const x = input('x', float32, [1], { at: phone });
      const go = input('go', bool, [], { at: phone });
      const a = on(phone, () => x.add(1).when(go));
      const b = on(edge, () => a.mul(2));
      const c = on(server, () => b.add(3));
      output('c', c);
      output(
        'why',
        on(server, () => b.reason()),
      );
      output(
        'rest',
        on(server, () => c.orElse([9])),
      );
    });
    const running = await deploy(chain, topologyOf('phone', 'edge', 'server'), time.over(backend), time);
    const shut = await time.until(running.invoke({ x: floats(1), go: truth(false) }));
    expect(['c', 'why', 'rest'].map((name) => plain(shut.outputs[name]))).toEqual([
      'declined',
      'declined',
      [9],
    ]);
    expect(shut.outputs.c).toMatchObject({ peer: 'phone' });
    expect(time.nowNs).toBe(0);
    const open = await time.until(running.invoke({ x: floats(1), go: truth(true) }));
    expect(['c', 'why', 'rest'].map((name) => plain(open.outputs[name]))).toEqual([[7], '', [7]]);
    await running.close();
  });

  test('a failing segment voids its fragment: no assignment, no send, and what does not depend on it runs', async () => {
    const time = new VirtualTime();
    const voided = module('voided', () => {
      const x = input('x', float32, [1], { at: server });
      const w = state('w', [1], { at: server });
      const before = on(server, () => w.read().identity());
      w.assign(on(server, () => before.add(x)));
      output(
        'sent',
        on(edge, () => before.orElse([-1])),
      );
      output(
        'free',
        on(edge, () => constant(5).add(1)),
      );
    });
    const topology = topologyOf('server', 'edge');
    const running = await deploy(voided, topology, time.over(backend, { failing: [0] }), time);
    const { outputs, causes, status } = await time.until(running.invoke({ x: floats(1) }));
    expect(status).toBe('partial');
    expect(plain(outputs.sent)).toEqual([-1]);
    expect(plain(outputs.free)).toEqual([6]);
    expect(causes[0]).toMatchObject({ at: 'server', missing: { reason: 'failed', detail: 'out of memory' } });
    await running.close();
  });
});

describe('state', () => {
  test('of each member of a cohort is its own', async () => {
    const time = new VirtualTime();
    const counters = module('counters', () => {
      const x = input('x', float32, [1], { at: phones.each });
      const total = state('total', [0], { at: phones.each });
      const sums = collect(
        total.update((before) => before.add(x)),
        { at: server },
      );
      output('sums', sums.values.identity());
      output(
        'mine',
        on(phones.each, () => total.read().mul(1)),
      );
    });
    const running = await deploy(counters, fleet, time.over(backend), time);
    const x = perPhone((member) => floats(member));
    await time.until(running.invoke({ x }));
    const { outputs, cohortOutputs } = await time.until(running.invoke({ x }));
    expect(plain(outputs.sums)).toEqual([0, 2, 4, 6, 8]);
    expect(Object.values(cohortOutputs.mine!).map(plain)).toEqual([[0], [2], [4], [6], [8]]);
    await running.close();
  });

  test('a read holds for its flow and may be stale; an update takes what is committed', async () => {
    const time = new VirtualTime();
    const stale = module('stale', () => {
      const x = input('x', float32, [1], { at: server });
      const w = state('w', [0], { at: server });
      // The flow reads, goes over the edge and back, and only then updates: another overtakes it meanwhile.
      const read = on(server, () => w.read().add(x));
      const back = on(edge, () => read.identity());
      const after = w.update((before) => before.add(on(server, () => back.mul(0).add(1))));
      output('read', read);
      output('after', after);
    });
    const running = await deploy(stale, topologyOf('server', 'edge'), time.over(backend), time);
    const flows = [1, 2, 3].map((x) => running.invoke({ x: floats(x) }));
    const results = await time.until(Promise.all(flows));
    expect(results.map(({ outputs }) => plain(outputs.read))).toEqual([[1], [2], [3]]);
    expect(results.map(({ outputs }) => plain(outputs.after))).toEqual([[1], [2], [3]]);
    await running.close();
  });
});

describe('rounds of averaging', () => {
  const averaging = module('averaging', () => {
    const x = input('x', float32, [1], { at: phones.each });
    const w = state('w', [100], { at: server });
    const rounds = state('rounds', [0], { at: server });
    const old = w.read();
    const own = on(phones.each, () => old.add(x));
    const all = collect(own, { at: server, atLeast: 4, within: '30s' });
    const mean = on(server, () => all.values.reduceMean(sum));
    w.assign(on(server, () => mean.when(mean.present())));
    output(
      'w',
      on(server, () => w.read().identity()),
    );
    output(
      'round',
      rounds.update((before) => before.add(1)),
    );
    output('lagging', all.missing);
  });
  const x = perPhone((member) => floats(member - 2));

  test('a round with enough answers changes the model, and leaves out who is silent', async () => {
    const time = new VirtualTime();
    const running = await deploy(averaging, fleet, time.over(backend, { silent: [5] }), time);
    const { outputs } = await time.until(running.invoke({ x }));
    expect(plain(outputs.w)).toEqual([99.5]);
    expect(plain(outputs.lagging)).toBe('phone/4');
    const next = await time.until(running.invoke({ x }));
    expect([plain(next.outputs.w), plain(next.outputs.round)]).toEqual([[99], [2]]);
    await running.close();
  });

  test('a round with too few changes nothing, and the next one goes on', async () => {
    const time = new VirtualTime();
    const running = await deploy(averaging, fleet, time.over(backend, { silent: [4, 5] }), time);
    await time.until(running.invoke({ x }));
    const { outputs } = await time.until(running.invoke({ x }));
    expect([plain(outputs.w), plain(outputs.round)]).toEqual([[100], [2]]);
    expect(plain(outputs.lagging)).toBe('timeout');
    await running.close();
  });
});

test('a variable assigned in two fragments of a flow, with other flows between, loses no update', async () => {
  const twice = module('twice', () => {
    const x = input('x', float32, [1], { at: server });
    const w = state('w', [0], { at: server });
    const log = state('log', [0], { at: edge });
    const first = w.update((before) => before.add(x));
    const seen = on(edge, () => log.update((before) => before.add(first.mul(0)).add(1)));
    const second = w.update((before) => before.add(seen.mul(0)).add(x));
    output('first', first);
    output('second', second);
    output('seen', seen);
  });
  const time = new VirtualTime();
  const running = await deploy(twice, topologyOf('server', 'edge'), time.over(backend), time);
  const results = await time.until(Promise.all([1, 10, 100].map((x) => running.invoke({ x: floats(x) }))));
  const of = (name: string) => results.map(({ outputs }) => (plain(outputs[name]) as number[])[0]!);
  expect(of('seen')).toEqual([1, 2, 3]);
  // Whatever the order, the last commit holds every flow's two additions.
  expect(Math.max(...of('first'), ...of('second'))).toBe(222);
  await running.close();
});

test('reads and assignments of one variable keep the order in which they are written', async () => {
  const order = module('order', () => {
    const x = input('x', float32, [1], { at: server });
    const go = input('go', bool, [], { at: server });
    const [w, v, u] = (['w', 'v', 'u'] as const).map((name) => state(name, [1], { at: server }));
    const back = on(server, () => on(edge, () => x.neg()).mul(1));
    output(
      'w before',
      on(server, () => w!.read().identity()),
    );
    // In one fragment: what is written last stands, though it is ready first.
    w!.assign(on(server, () => x.add(10).when(go)));
    w!.assign(x);
    // In two: likewise, though the first waits for the edge; and a read from before stays what it was.
    const before = v!.read();
    v!.assign(back);
    v!.assign(x);
    output(
      'before',
      on(server, () => before.add(back)),
    );
    u!.update((value) => value.add(x));
    output(
      'twice',
      u!.update((value) => value.mul(2)),
    );
  });
  const time = new VirtualTime();
  const running = await deploy(order, topologyOf('server', 'edge'), time.over(backend), time);
  const first = await time.until(running.invoke({ x: floats(5), go: truth(true) }));
  expect([plain(first.outputs.before), plain(first.outputs.twice)]).toEqual([[1 - 5], [12]]);
  const second = await time.until(running.invoke({ x: floats(7), go: truth(true) }));
  expect(plain(second.outputs['w before'])).toEqual([5]);
  expect([plain(second.outputs.before), plain(second.outputs.twice)]).toEqual([[5 - 7], [38]]);
  await running.close();
});

describe('where values enter and leave', () => {
  test('inputs at several peers, outputs at several and at a cohort, the initiator collects', async () => {
    const time = new VirtualTime();
    const several = module('several', () => {
      const a = input('a', float32, [1], { at: server });
      const b = input('b', float32, [1], { at: edge });
      const x = input('x', float32, [1], { at: phones.each });
      const own = on(phones.each, () => x.add(a).add(b));
      const all = collect(own, { at: server });
      output('own', own);
      output(
        'total',
        on(server, () => all.values.reduceSum(sum)),
      );
      output(
        'echo',
        on(edge, () => b.neg()),
      );
      output(
        'a again',
        on(edge, () => a.identity()),
      );
    });
    const running = await deploy(several, topologyOf('server', 'edge', 'phone*5'), time.over(backend), time);
    const values = { a: floats(100), b: floats(10), x: perPhone((member) => floats(member)) };
    const { outputs, cohortOutputs, status } = await time.until(running.invoke(values));
    expect(status).toBe('complete');
    expect(Object.values(cohortOutputs.own!).map(plain)).toEqual([[110], [111], [112], [113], [114]]);
    expect(['total', 'echo', 'a again'].map((name) => plain(outputs[name]))).toEqual([[560], [-10], [100]]);
    expect(time.nowNs).toBe(0);
    await running.close();
  });

  test('a place that nothing reaches is woken, also where several collects take one value', async () => {
    const time = new VirtualTime();
    const asleep = module('asleep', () => {
      const a = input('a', float32, [1], { at: server });
      const x = input('x', float32, [1], { at: phones.each });
      const k = input('k', float32, [1], { at: edge });
      // The edge's q goes to the phones, their sum to the server, and from there back to the edge.
      const q = on(edge, () => k.neg());
      const y = on(phones.each, () => x.add(q));
      const first = collect(
        on(phones.each, () => x),
        { at: server },
      );
      const second = collect(
        on(phones.each, () => x),
        { at: server, atLeast: 1 },
      );
      const both = collect({ x, y }, { at: server });
      output(
        'first',
        on(server, () => first.values.reduceSum(sum).add(second.values.reduceSum(sum)).add(a)),
      );
      output(
        'both',
        on(edge, () => both.y.reduceSum(sum).add(both.x.reduceSum(sum)).add(k)),
      );
    });
    const running = await deploy(asleep, topologyOf('server', 'edge', 'phone*5'), time.over(backend), time);
    const values = { a: floats(1), k: floats(2), x: perPhone((member) => floats(member)) };
    const { outputs, status } = await time.until(running.invoke(values));
    expect(status).toBe('complete');
    expect([plain(outputs.first), plain(outputs.both)]).toEqual([[21], [12]]);
    expect(time.nowNs).toBe(0);
    await running.close();
  });

  test('constants in a record are answers of every member, a broadcast constant is one of each', async () => {
    const time = new VirtualTime();
    const weighted = module('weighted', () => {
      const x = input('x', float32, [1], { at: phones.each });
      const one = constant(new Float32Array([2]), float32, [1]);
      const there = broadcast(one, phones.each);
      const all = collect({ x: on(phones.each, () => x.add(there)), n: one, m: there }, { at: server });
      output('xs', all.x.identity());
      output('n', all.n.identity());
      output('m', all.m.identity());
      output('senders', all.senders);
    });
    const running = await deploy(weighted, fleet, time.over(backend), time);
    const { outputs } = await time.until(running.invoke({ x: perPhone((member) => floats(member)) }));
    expect(plain(outputs.xs)).toEqual([2, 3, 4, 5, 6]);
    expect(plain(outputs.n)).toEqual([2, 2, 2, 2, 2]);
    expect(plain(outputs.m)).toEqual([2, 2, 2, 2, 2]);
    expect(plain(outputs.senders)).toBe(ids.join());
    await running.close();
  });
});

test('flows pipeline over three peers and come out in order', async () => {
  const time = new VirtualTime();
  const stages = module('stages', () => {
    const x = input('x', float32, [1], { at: phone });
    const a = on(phone, () => x.add(1));
    const b = on(edge, () => a.mul(2));
    output(
      'y',
      on(server, () => b.sub(3)),
    );
  });
  const seen: number[] = [];
  const onEvent = (_: string, event: NodeEvent): void => {
    if (event.kind === 'output') seen.push(...(plain(event.value) as readonly number[]));
  };
  const options = { clock: time.clock, onEvent };
  const running = await deploy(stages, topologyOf('phone', 'edge', 'server'), time.over(backend), options);
  const flows = [1, 2, 3, 4, 5].map((x) => running.invoke({ x: floats(x) }));
  const results = await time.until(Promise.all(flows));
  const wanted = [1, 2, 3, 4, 5].map((x) => 2 * (x + 1) - 3);
  expect(results.map(({ outputs }) => plain(outputs.y))).toEqual(wanted.map((y) => [y]));
  expect(seen).toEqual(wanted);
  await running.close();
});
