// State of sessions and of the peers that start flows, on links that let frames overtake each other.

import { describe, expect, test } from 'vitest';
import { faultPlan } from '../../cli/sim/faults.ts';
import {
  after,
  cohort,
  collect,
  constant,
  digest,
  emit,
  entry,
  int64,
  module,
  next,
  on,
  output,
  peer,
  self,
  start,
  state,
  type Value,
} from '../../dsl/index.ts';
import { key, uniform } from '../../dsl/random/index.ts';
import { type Tensor, unpackStrings } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { scheduleFaults } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { type Held, Leases } from '../../runtime/lease.ts';
import type { Value as Result } from '../../runtime/value.ts';
import { Variables } from '../../runtime/variables.ts';
import { floats, plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

type PhoneIds = Value<'string', [1], 'server'>;
const textOf = (value: unknown): string => unpackStrings((value as Tensor).bytes, 1)[0]!;

const [client, server] = [peer('client'), peer('server')];
const FLOWS = 12;
const topology = topologyIn({
  classes: { client: {}, server: {} },
  links: [{ between: ['client', 'server'], latency: '20ms' }],
});

/** The client waits for nobody: flow after flow leaves at once. What the server remembers tells their order. */
const streaming = module('streaming', () => {
  const digits = state('digits', constant(1n, int64), { at: server, perSession: true });
  entry('step', client, { initial: { n: 0n } }, ({ n }) => {
    const told = on(server, () => digits.update((before) => before.mul(2n).add(n.mod(2n) as never) as never));
    output('told', told as never);
    next('step', { n: n.add(1n) }).when(n.less(BigInt(FLOWS - 1)));
  });
});

/** What the server remembered, flow after flow as it came to them. */
async function told(seed: bigint, network: boolean): Promise<readonly number[]> {
  const { world, deployment } = await simulatedWorld(streaming, topology, {
    seed,
    ...(network && { network: adaptive() }),
  });
  const faults = [{ kind: 'link', reorder: { share: 0.5, by: '60ms' } }];
  const plan = faultPlan(JSON.stringify({ version: 1, faults }), 'faults.json', ['client', 'server']);
  scheduleFaults(world, plan, { lost: () => {} });
  const values: number[] = [];
  world.observers.push({
    output: (_, one) => {
      if (one.type === 'event' && one.event.kind === 'output')
        values.push(Number((plain(one.event.value) as readonly number[])[0]));
    },
  });
  await deployment.invoke({}, { entry: 'step' });
  await deployment.run(() => values.length === FLOWS);
  return values;
}

/** 2, 5, 10, 21: each twice the one before, and 1 for every second flow. */
const inOrder = Array.from({ length: FLOWS }, (_, n) => Math.floor(2 ** (n + 3) / 3));

describe('a session', () => {
  test('takes what its sender sends in sending order, however frames overtake each other', async () => {
    for (const seed of [1n, 2n, 3n, 4n]) expect(await told(seed, true)).toEqual(inOrder);
    // Without the network's sequence numbers they come as they come, which this link makes another order.
    const others = await Promise.all([1n, 2n, 3n].map((seed) => told(seed, false)));
    expect(others.some((one) => String(one) !== String(inOrder))).toBe(true);
  });
});
describe('state', () => {
  test('may be of each peer that starts flows: each finds its own, and no other’s', async () => {
    const clients = cohort('client');
    const source = module('per-peer', () => {
      const count = state('count', constant(0n, int64), { at: server, perPeer: true });
      const all = state('all', constant(0n, int64), { at: server });
      entry('ask', clients, {}, () => {
        const { mine, every } = on(server, () => ({
          mine: count.update((before) => before.add(1n)),
          every: all.update((before) => before.add(1n)),
        }));
        output('mine', mine);
        output('every', every);
      });
    });
    const { deployment } = await simulatedWorld(
      source,
      topologyIn({ classes: { client: { count: 3 }, server: {} } }),
    );
    const told: unknown[] = [];
    for (const peer of ['client/0', 'client/1', 'client/0', 'client/2', 'client/0', 'client/1']) {
      const { outputs, status } = await deployment.invoke({}, { entry: 'ask', peer });
      told.push([peer, status, plain(outputs.mine), plain(outputs.every)].join(' '));
    }
    expect(told).toEqual([
      'client/0 complete 1 1',
      'client/1 complete 1 2',
      'client/0 complete 2 3',
      'client/2 complete 1 4',
      'client/0 complete 3 5',
      'client/1 complete 2 6',
    ]);
  });
});

describe('a set that changes from flow to flow', () => {
  test.each([
    [true, ['phone/0', 'phone/0', 'phone/0', 'phone/0']],
    [false, ['phone/0', 'phone/1', 'phone/2', 'phone/0']],
  ])('is taken once, and stays for the session, where it is sticky: %s', async (sticky, asked) => {
    const phones = cohort('phone');
    const source = module('sticky', () => {
      entry('round', server, { initial: { n: 0n } }, ({ n }) => {
        const ids = phones.view().gather(n.mod(3n).unsqueeze([0n]) as never) as unknown as PhoneIds;
        const one = phones.one(ids as never, { sticky });
        const who = on(one, () => self()) as unknown as PhoneIds;
        output(
          'who',
          on(server, () => who.first()),
        );
        next('round', { n: n.add(1n) }).when(n.less(3n));
      });
    });
    const { deployment } = await simulatedWorld(
      source,
      topologyIn({ classes: { server: {}, phone: { count: 3 } } }),
    );
    const told: unknown[] = [];
    const onFlow = ({ outputs }: FlowResult) => void told.push(textOf(outputs.who));
    await deployment.invoke({}, { entry: 'round', onFlow });
    expect(told).toEqual(asked);
  });
});

describe('what starts other flows', () => {
  test('does not where its condition or a value of it is missing, and voids nothing', async () => {
    const source = module('missing-next', () => {
      const kept = state('kept', constant(0n, int64), { at: server });
      entry('round', server, { initial: { n: 0n } }, ({ n }) => {
        const gone = n.when(n.less(0n));
        const now = kept.update((before) => before.add(1n));
        emit('gone', gone);
        output('now', now);
        next('round', { n: gone });
        next('round', { n: n.add(1n) }).when(gone.less(1n));
        start('round', { n: gone });
      });
    });
    const { deployment } = await simulatedWorld(source, topologyIn({ classes: { server: {} } }));
    const flows: string[] = [];
    const onFlow = ({ status, outputs }: FlowResult) =>
      void flows.push(`${status} ${plain(outputs.now)} ${plain(outputs.gone)}`);
    await deployment.invoke({}, { entry: 'round', onFlow });
    await deployment.run(() => false);
    expect(flows).toEqual(['complete 1 declined']);
    expect(Object.values(await deployment.state()).map(({ kept }) => plain(kept))).toEqual([[1]]);
  });

  test('a run ends when no flow is open and no trigger armed', async () => {
    const source = module('ends', () => {
      entry('begin', server, after('3s'), () => {
        output('begun', constant(0n, int64));
        start('round', { n: constant(1n, int64) });
      });
      entry('round', server, { initial: { n: 0n } }, ({ n }) => {
        output('n', n);
        next('round', { n: n.add(1n) }).when(n.less(3n));
      });
    });
    const { world, deployment } = await simulatedWorld(source, topologyIn({ classes: { server: {} } }));
    const told: unknown[] = [];
    deployment.arm({}, ({ outputs }) => void told.push(plain(outputs.n ?? outputs.begun)));
    // Until nothing more will happen.
    await deployment.serve(() => false);
    expect(told).toHaveLength(4);
    expect(world.now).toBeGreaterThanOrEqual(3e9);
    expect(world.pending).toBe(0);
    for (const { node } of world.peers.values())
      expect(node!.usage).toMatchObject({ flows: 0, deadlines: 0 });
  });
});

test('a key draws alike at every member; folded with who draws and with the round, each time anew', async () => {
  const phones = cohort('phone');
  const source = module('keys', () => {
    entry('round', server, { initial: { n: 0n } }, ({ n }) => {
      const same = key(7).fold(n);
      const drawn = on(phones.each, () => ({
        alike: uniform(same, [2]),
        own: uniform(same.fold(digest(self())), [2]),
      }));
      const { alike, own } = collect(drawn);
      output('alike', alike);
      output('own', own);
      next('round', { n: n.add(1n) }).when(n.less(1n));
    });
  });
  const { deployment } = await simulatedWorld(
    source,
    topologyIn({ classes: { server: {}, phone: { count: 3 } } }),
  );
  const told: string[][] = [];
  const pairs = (value: Result | undefined): string[] => {
    const numbers = plain(value) as readonly number[];
    return [0, 2, 4].map((at) => String(numbers.slice(at, at + 2)));
  };
  await deployment.invoke(
    {},
    { entry: 'round', onFlow: ({ outputs }) => void told.push(pairs(outputs.alike), pairs(outputs.own)) },
  );
  const [alike, own, later, laterOwn] = told.map((one) => new Set(one)) as [
    Set<string>,
    Set<string>,
    Set<string>,
    Set<string>,
  ];
  expect([alike.size, own.size, later.size, laterOwn.size]).toEqual([1, 3, 1, 3]);
  expect(new Set([...alike, ...own, ...later, ...laterOwn]).size).toBe(8);
});

test('entries that wait for their limits and start each other never wait for each other', async () => {
  const source = module('each-other', () => {
    const count = state('count', constant(0n, int64), { at: server });
    for (const [name, other] of [
      ['ping', 'pong'],
      ['pong', 'ping'],
    ] as const)
      entry(name, server, { initial: { n: 0n }, limit: [1, 'wait'] }, ({ n }) => {
        const seen = on(client, () => n.add(0n) as never);
        on(server, () =>
          count.update((before) => before.add((seen as Value<'int64'>).sub(n).add(1n) as never) as never),
        );
        start(other, { n: n.add(1n) }).when(n.less(9n));
      });
  });
  const { world, deployment } = await simulatedWorld(source, topology);
  await deployment.invoke({}, { entry: 'ping' });
  await deployment.run(() => false);
  expect(plain(world.peers.get('server')!.node!.state.get('count')!)).toEqual([10]);
});

test('a node keeps the state of as many peers as fit, and forgets whose was assigned longest ago', () => {
  const leases = new Leases(() => {});
  let evicted = 0;
  const variables = new Variables(leases, () => evicted++);
  const most = 1024;
  for (let at = 0; at <= most; at++) variables.assign(`cache\n${at}`, leases.own(floats(at), false) as Held);
  variables.assign('weights', leases.own(floats(7), false) as Held);
  expect(variables.committed.size).toBe(most + 1);
  expect(evicted).toBe(1);
  expect(variables.committed.has('cache\n0')).toBe(false);
  expect(variables.committed.has('cache\n1')).toBe(true);
  expect([...variables.values.keys()]).toEqual(['weights']);
});
