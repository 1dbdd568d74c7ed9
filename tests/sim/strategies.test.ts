// Each strategy learns a small task in the simulator: every round ends, and what was learnt tells unseen points apart.

import { describe, expect, test } from 'vitest';
import { faultPlan } from '../../cli/sim/faults.ts';
import { cohort, type Module, type Picker } from '../../dsl/index.ts';
import { adamw, sgd } from '../../dsl/optim/index.ts';
import { key } from '../../dsl/random/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { scheduleFaults } from '../../runtime/host/sim/index.ts';
import { delta } from '../../stdlib/codecs/graph.ts';
import {
  chocoSgd,
  clustered,
  diLoCo,
  dPsgd,
  type Federation,
  fedAdagrad,
  fedAdam,
  fedAvg,
  fedBuff,
  fedOpt,
  fedProx,
  fedYogi,
  gossip,
  hierarchical,
  type Matrix,
  overlapped,
  type Peers,
  personalised,
  pushSum,
  scaffold,
  split,
  splitFed,
  uSplit,
} from '../../stdlib/strategies/index.ts';
import { blobs, clients, cutBlobs, dataOf, server, share, uBlobs } from '../support/blobs.ts';
import { plain, recorded } from '../support/deploy.ts';
import { plane, planeData, recordOf } from '../support/plane.ts';
import { draw } from '../support/programs/pick.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const COUNT = 6;
const link = { latency: '20ms' };
const withServer = topologyIn({
  classes: { server: {}, client: { count: COUNT } },
  links: [{ between: ['server', 'client'], ...link }],
});
const withHeads = topologyIn({
  classes: { server: {}, head: { count: 2 }, client: { count: COUNT } },
  links: [
    { between: ['server', 'head'], ...link },
    { between: ['head', 'client'], ...link },
  ],
});
const withoutServer = topologyIn({
  classes: { client: { count: COUNT } },
  links: [{ between: ['client', 'client'], ...link }],
});

const local = { optimizer: sgd({ lr: 0.2 }), steps: 4, batch: 8 };
const federation: Federation = { server, clients, rounds: 12, local, answers: { within: '10s' } };
const some: Picker = draw(key(1), 3);

const worldOf = (program: Module, topology = withServer): Promise<SimulatedWorld> =>
  simulatedWorld(program, topology, {}, dataOf);

/** The share that what a peer has told rightly, by peer. */
async function shares(
  { deployment }: SimulatedWorld,
  prefix = '',
): Promise<Readonly<Record<string, number>>> {
  const entries = Object.entries(await deployment.state()).flatMap(([peer, state]) =>
    state[`${prefix}out.bias`] === undefined
      ? []
      : [[peer, share((name) => plain(state[prefix + name]) as readonly number[])] as const],
  );
  return Object.fromEntries(entries);
}

describe('with a server', () => {
  test.each<[string, () => Module]>([
    ['fedAvg', () => fedAvg(blobs, federation)],
    [
      'fedAvg of some, by epochs',
      () => fedAvg(blobs, { ...federation, pick: some, local: { ...local, epochs: 1, steps: undefined } }),
    ],
    [
      'fedAvg in 8 bits',
      () => fedAvg(blobs, { ...federation, codec: 'int8', answers: { within: '10s', codec: 'int8' } }),
    ],
    ['fedProx', () => fedProx(blobs, { ...federation, mu: 0.01 })],
    ['fedAdam', () => fedOpt(blobs, { ...federation, optimizer: fedAdam({ lr: 0.1, tau: 1e-2 }) })],
    ['fedYogi', () => fedOpt(blobs, { ...federation, optimizer: fedYogi({ lr: 0.1, tau: 1e-2 }) })],
    ['fedAdagrad', () => fedOpt(blobs, { ...federation, optimizer: fedAdagrad({ lr: 0.2, tau: 1e-2 }) })],
    ['scaffold', () => scaffold(blobs, { ...federation, lr: 0.2, steps: 4 })],
    ['diLoCo', () => diLoCo(blobs, { ...federation, local: { ...local, optimizer: adamw({ lr: 0.01 }) } })],
    [
      'diLoCo in 8 bits, of what changed',
      () =>
        diLoCo(blobs, {
          ...federation,
          local: { ...local, optimizer: adamw({ lr: 0.01 }) },
          brings: (values, name) => delta(name, values, { from: server, to: clients, codec: 'int8' }),
          answers: { within: '10s', codec: 'int8' },
        }),
    ],
    [
      'overlapped',
      () => overlapped(blobs, { ...federation, local: { ...local, optimizer: adamw({ lr: 0.01 }) } }),
    ],
  ])('%s', async (_, program) => {
    const world = await worldOf(program());
    const statuses: string[] = [];
    const { step } = await world.deployment.invoke({}, { onFlow: ({ status }) => statuses.push(status) });
    expect(step).toBe(11);
    expect(statuses).toEqual(Array(12).fill('complete'));
    expect((await shares(world)).server).toBeGreaterThan(0.9);
  });

  test('two tiers: heads average often, the server seldom', async () => {
    const heads = cohort('head');
    const world = await worldOf(
      hierarchical(blobs, { ...federation, rounds: 5, heads, often: 3 }),
      withHeads,
    );
    const { status, step } = await world.deployment.invoke({});
    expect([status, step]).toEqual(['complete', 4]);
    expect((await shares(world)).server).toBeGreaterThan(0.9);
  });

  test('what is personal stays with each client, and differs', async () => {
    const own = (name: string): boolean => name.startsWith('out.');
    const world = await worldOf(personalised(blobs, { ...federation, own }));
    expect(await world.deployment.invoke({})).toMatchObject({ status: 'complete', step: 11 });
    const state = await world.deployment.state();
    expect(Object.keys(state.server!).sort()).toEqual(['hidden.bias', 'hidden.weight', 'loss']);
    const biases = Array.from({ length: COUNT }, (_, at) =>
      plain(state[`client/${at}`]!['out.bias']).toString(),
    );
    expect(new Set(biases).size).toBe(COUNT);
  });

  test('clusters that would begin alike are refused', () => {
    const parameters = (): Record<string, never> => ({});
    const program = clustered({ ...blobs, parameters }, { ...federation, clusters: 2 });
    expect(() => recorded(program)).toThrow('the same values and stay alike');
  });

  test('clusters: each client moves the parameters that fit it best', async () => {
    const world = await worldOf(clustered(blobs, { ...federation, clusters: 2 }));
    const chosen: number[] = [];
    const onFlow = ({ outputs }: { outputs: Readonly<Record<string, never>> }): void => {
      chosen.push(...['cluster0', 'cluster1'].map((name) => (plain(outputs[name]) as number[])[0]!));
    };
    expect(await world.deployment.invoke({}, { onFlow: onFlow as never })).toMatchObject({
      status: 'complete',
      step: 11,
    });
    for (let round = 0; round < 12; round++) expect(chosen[2 * round]! + chosen[2 * round + 1]!).toBe(COUNT);
    const states = await world.deployment.state();
    const own = Array.from({ length: COUNT }, (_, at) => plain(states[`client/${at}`]!.cluster)[0]);
    expect(own.filter((one) => one === 1)).toHaveLength(chosen.at(-1)!);
  });

  test('a buffer: clients come and go on their own, and the server moves whenever it has enough', async () => {
    const world = await worldOf(
      fedBuff(blobs, { server, clients, local, rounds: 24, buffer: 3, within: '10s' }),
    );
    const results: string[] = [];
    world.deployment.arm({}, ({ status }) => {
      results.push(status);
    });
    await world.deployment.serve(() => false);
    expect(results.length).toBeGreaterThanOrEqual(72);
    expect(new Set(results)).toEqual(new Set(['complete']));
    const [version] = plain((await world.deployment.state()).server!.version) as number[];
    expect(version).toBeGreaterThanOrEqual(24);
    expect((await shares(world)).server).toBeGreaterThan(0.9);
  });
});

describe.each(['at once', 'in turn'] as const)(
  'split between clients and a server that learns %s',
  (learns) => {
    test('features go there, gradients come back, and the clients’ layers are averaged', async () => {
      const optimizer = adamw({ lr: 0.02 });
      const strategy = { server, clients, steps: 4, rounds: 12, batch: 8, optimizer, learns };
      const world = await worldOf(splitFed(cutBlobs, strategy));
      const { status, step, causes } = await world.deployment.invoke({});
      expect([status, step, causes]).toEqual(['complete', 47, []]);
      const state = await world.deployment.state();
      const parameters = { ...state['client/0'], ...state.server };
      const found = share((name) => plain(parameters[name]) as readonly number[]);
      expect(found).toBeGreaterThan(0.85);
      for (let at = 1; at < COUNT; at++)
        expect(plain(state[`client/${at}`]!['hidden.weight'])).toEqual(
          plain(state['client/0']!['hidden.weight']),
        );
    });
  },
);

test('split: layers cross when a turn begins and when it ends', async () => {
  const [steps, layers] = [3, 192];
  const strategy = { server, clients, steps, rounds: 2, batch: 8, optimizer: sgd({ lr: 0.2 }) };
  const { deployment } = await worldOf(split(cutBlobs, strategy));
  const whole: (readonly [number, string])[] = [];
  const bytes: number[] = [];
  const onFlow = ({ step, messages }: FlowResult): void => {
    for (const { from, payloadBytes } of messages) {
      bytes.push(payloadBytes);
      // Features and gradients are more, numbers of steps less.
      if (payloadBytes >= layers && payloadBytes < 2 * layers) whole.push([step, from]);
    }
  };
  await deployment.invoke({}, { onFlow });
  expect(whole).toEqual([
    [0, 'server'],
    [2, 'client/0'],
    [3, 'server'],
    [5, 'client/1'],
  ]);
  expect(Math.max(...bytes)).toBeLessThan(4 * layers);
});

describe('split, with a client that is gone in the middle', () => {
  const strategy = { server, clients, batch: 8, optimizer: sgd({ lr: 0.2 }) };
  const answers = { atLeast: COUNT - 1, within: '10s' } as const;
  test.each<[string, () => Module, readonly number[]]>([
    // Its turn comes to nothing; those after it go on from what the one before it had learnt.
    ['split', () => split(cutBlobs, { ...strategy, steps: 6, rounds: COUNT }), [36, 30]],
    [
      'splitFed',
      () => splitFed(cutBlobs, { ...strategy, steps: 2, rounds: 6, answers, learns: 'in turn' }),
      [12, 12],
    ],
    ['uSplit', () => uSplit(uBlobs, { ...strategy, steps: 2, rounds: 6, answers, parts: 2 }), [12, 12]],
  ])('%s: every step ends, and the others learn', async (_, program, counts) => {
    const { world, deployment } = await worldOf(program());
    const faults = [{ kind: 'crash', who: ['client/2'], at: '300ms', notice: '200ms' }];
    const plan = faultPlan(JSON.stringify({ version: 1, faults }), 'faults.json', ['client/2']);
    scheduleFaults(world, plan, { lost: ({ id }) => deployment.lose(id) });
    const told: (readonly number[] | string)[] = [];
    await deployment.invoke({}, { onFlow: ({ outputs }) => told.push(plain(outputs.loss)) });
    const losses = told.flatMap((one) => (typeof one === 'string' ? [] : one));
    expect([told.length, losses.length]).toEqual(counts);
    expect(Math.max(...losses.slice(-3))).toBeLessThan(losses[0]! / 2);
  });
});

describe('without a server', () => {
  /** On a ring, a third each. */
  const mixing: readonly Matrix[] = [
    Array.from({ length: COUNT }, (_, i) =>
      Array.from({ length: COUNT }, (_, j) =>
        [0, 1, COUNT - 1].includes((i - j + COUNT) % COUNT) ? 1 / 3 : 0,
      ),
    ),
  ];
  const peers: Peers = { peers: clients, rounds: 15, local, mixing, answers: { within: '10s' } };
  test.each<[string, () => Module]>([
    ['dPsgd', () => dPsgd(blobs, peers)],
    ['pushSum', () => pushSum(blobs, peers)],
  ])('%s: everybody learns', async (_, program) => {
    const world = await worldOf(program(), withoutServer);
    expect(await world.deployment.invoke({}, { entry: 'round' })).toMatchObject({
      status: 'complete',
      step: 14,
    });
    for (const one of Object.values(await shares(world))) expect(one).toBeGreaterThan(0.85);
  });

  test.each(['before', 'after'] as const)('dPsgd mixes what members had %s their steps', async (mixes) => {
    const [rounds, lr, steps] = [4, 0.1, 3];
    const program = dPsgd(plane, {
      ...peers,
      ...{ rounds, mixes, local: { optimizer: sgd({ lr }), steps, batch: 1 } },
    });
    const { deployment } = await simulatedWorld(program, withoutServer, {}, planeData());
    await deployment.invoke({}, { entry: 'round' });
    const moved = Array.from({ length: COUNT }, (_, at) => recordOf(at).map((one) => -lr * steps * one));
    const plus = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]) =>
      a.map((row, i) => row.map((one, j) => one + b[i]![j]!));
    const mix = (all: readonly (readonly number[])[]) =>
      mixing[0]!.map((shares) =>
        all[0]!.map((_, axis) => shares.reduce((sum, share, j) => sum + share * all[j]![axis]!, 0)),
      );
    let wanted: readonly (readonly number[])[] = moved.map((row) => row.map(() => 0));
    for (let round = 0; round < rounds; round++)
      wanted = mixes === 'before' ? plus(mix(wanted), moved) : mix(plus(wanted, moved));
    const found = Object.values(await deployment.state()).map(({ w }) => plain(w) as readonly number[]);
    for (const [at, row] of wanted.entries())
      for (const [axis, one] of row.entries()) expect(found[at]![axis]).toBeCloseTo(one, 5);
  });

  const coded = (share: number, step: number): Module =>
    chocoSgd(blobs, { ...peers, local, codec: { kind: 'top-k', share }, step });

  test('differences of which a quarter is told: everybody learns', async () => {
    const world = await worldOf(coded(0.25, 0.5), withoutServer);
    expect(await world.deployment.invoke({}, { entry: 'round' })).toMatchObject({
      status: 'complete',
      step: 14,
    });
    for (const one of Object.values(await shares(world))) expect(one).toBeGreaterThan(0.85);
  });

  test('differences that are told whole, with steps as far as they go: shares of all that each has, as pushed', async () => {
    const parameters = await Promise.all(
      [coded(1, 1), pushSum(blobs, peers)].map(async (program) => {
        const { deployment } = await worldOf(program, withoutServer);
        await deployment.invoke({}, { entry: 'round' });
        return Object.values(await deployment.state()).flatMap((state) =>
          Object.keys(blobs.parameters).flatMap((name) => plain(state[name]) as number[]),
        );
      }),
    );
    const [told, given] = parameters as [number[], number[]];
    expect(told).toHaveLength(COUNT * 99);
    expect(Math.max(...told.map((one, at) => Math.abs(one - given[at]!)))).toBeLessThan(1e-5);
  });

  test('gossip: nobody waits, and everybody learns', async () => {
    const world = await worldOf(
      gossip(blobs, { peers: clients, every: '1s', local, tells: draw(key(2), 1) }),
      withoutServer,
    );
    const results: string[] = [];
    world.deployment.arm({}, ({ status }) => {
      results.push(status);
    });
    await world.deployment.serve(() => results.length >= 15 * COUNT);
    expect(new Set(results)).toEqual(new Set(['complete']));
    for (const one of Object.values(await shares(world))) expect(one).toBeGreaterThan(0.85);
  });
});
