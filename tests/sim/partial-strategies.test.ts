// Strategies that tell a part of what they have: nothing is lost by it, and in the end everybody has learnt from everybody.

import { describe, expect, test } from 'vitest';
import { float32, input, type Module, module, output, peer } from '../../dsl/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import { key } from '../../dsl/random/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { largest, withFeedback } from '../../stdlib/codecs/graph.ts';
import { topKCodec } from '../../stdlib/codecs/index.ts';
import { diLoCoAllReduce, gossip, pushSum, splitFed } from '../../stdlib/strategies/index.ts';
import { blobs, clients, cutBlobs, dataOf, server, share as shareOf } from '../support/blobs.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, plain, recorded } from '../support/deploy.ts';
import { averaged } from '../support/gossip.ts';
import { plane, planeData, recordOf, WIDTH } from '../support/plane.ts';
import { draw } from '../support/programs/pick.ts';
import { tensor } from '../support/programs-run.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const COUNT = 4;
const SHARE = 0.25;
const topK = { kind: 'top-k', share: SHARE } as const;
const among = topologyIn({
  classes: { client: { count: COUNT } },
  links: [{ between: ['client', 'client'], latency: '20ms', codec: `top-k share=${SHARE}` }],
});
const withServer = topologyIn({
  classes: { server: {}, client: { count: COUNT } },
  links: [
    { between: ['client', 'server'], latency: '20ms', codec: { up: `top-k share=${SHARE}`, down: 'raw' } },
  ],
});
const local = { optimizer: sgd({ lr: 0.2 }), steps: 4, batch: 8 };
const numbers = (value: unknown): readonly number[] => plain(value as never) as readonly number[];
const ring = Array.from({ length: COUNT }, (_, i) =>
  Array.from({ length: COUNT }, (_, j) => (j === i || j === (i + 1) % COUNT ? 0.5 : 0)),
);
/** What each has of these parameters, in one line. */
const lineOf = (state: Readonly<Record<string, unknown>>, prefix = ''): readonly number[] =>
  Object.keys(blobs.parameters).flatMap((name) => numbers(state[prefix + name]));

describe('the largest numbers', () => {
  const at = peer('one');
  test.each([
    [[150], 0.01, false],
    [[10, 7], 0.3, false],
    [[], 0.5, false],
    [[3, 67], 0.01, true],
    [[4, 30], 0.35, true],
    // How long rows are is only known when it runs.
    [[4, null], 0.35, true],
    [[2, null], 0.1, true],
  ] as const)('of %j, a share of %f: those that top-k keeps', async (declared, share, rows) => {
    const program = module('largest', () => {
      const x = input('x', float32, [...declared], { at });
      output('mask', largest(x as never, share, { rows }));
    });
    const dims = declared.map((one) => one ?? 30);
    const count = dims.reduce((product, one) => product * one, 1);
    // Small whole numbers, so that many are equal.
    const values = Array.from({ length: count }, (_, index) => (((index * 37) % 11) - 5) * 1.5);
    const deployment = await deploy(program, topologyOf('one'), cpuBackend());
    const { outputs } = await deployment.invoke({ x: tensor(dims, values) });
    await deployment.close();
    const codec = topKCodec({ share });
    const length = rows ? dims[1]! : count;
    const wanted = Array.from({ length: count / length }, (_, row) => {
      const given = tensor([length], values.slice(row * length, (row + 1) * length));
      const kept = codec.decode(codec.encode(given, {} as never), 'float32', [length]);
      return numbers(kept);
    }).flat();
    const mask = numbers(outputs.mask);
    expect(values.map((one, index) => (mask[index] ? one : 0))).toEqual(wanted);
  });
});

test.each([0, 1.5, Number.NaN])('a share of %f is refused', (share) => {
  const program = gossip(blobs, { peers: clients, every: '1s', local, tells: draw(key(2), 1), share });
  expect(() => recorded(program)).toThrow(`the share is ${share}, not above 0 and at most 1`);
});

test('push-sum of parts: sums and weights stay whole, and everybody comes to the mean', async () => {
  const x0 = Array.from({ length: COUNT }, (_, i) =>
    Array.from({ length: 8 }, (_, j) => Math.sin(9 * i + j)),
  );
  const mean = x0[0]!.map((_, j) => x0.reduce((sum, one) => sum + one[j]! / COUNT, 0));
  const rounds = await averaged('push-sum', { x0, matrices: [ring], steps: 80, share: SHARE }, cpuBackend());
  const apart = (x: readonly (readonly number[])[]): number =>
    Math.max(...x.flatMap((one) => one.map((number, j) => Math.abs(number - mean[j]!))));
  expect(apart(rounds[0]!)).toBeGreaterThan(0.5);
  expect(apart(rounds[79]!)).toBeLessThan(1e-4);
});

async function learnt(program: Module, rounds: number): Promise<Readonly<Record<string, object>>> {
  const { deployment } = await simulatedWorld(program, among, {}, dataOf);
  const { status, step, causes } = await deployment.invoke({}, { entry: 'round' });
  expect([status, step, causes]).toEqual(['complete', rounds - 1, []]);
  return deployment.state();
}

test('push-sum of parts learns: weights of every number still add up to the number of members', async () => {
  const states = Object.values(
    await learnt(pushSum(blobs, { peers: clients, rounds: 20, local, mixing: [ring], share: SHARE }), 20),
  ) as Readonly<Record<string, unknown>>[];
  const weights = states.map((state) => lineOf(state, 'push-sum.weight.'));
  for (let at = 0; at < 99; at++)
    expect(weights.reduce((sum, one) => sum + one[at]!, 0)).toBeCloseTo(COUNT, 5);
  expect(Math.min(...weights.flat())).toBeLessThan(0.6);
  for (const state of states) {
    const quotient = (name: string) => {
      const by = numbers(state[`push-sum.weight.${name}`]);
      return numbers(state[name]).map((one, at) => one / by[at]!);
    };
    expect(shareOf(quotient)).toBeGreaterThan(0.85);
  }
});

describe.each([
  ['all of it', undefined],
  ['parts', SHARE],
] as const)('gossip that tells %s', (_, share) => {
  const told = share === undefined ? WIDTH : Math.round(share * WIDTH);
  const world = async (peers: number) => {
    const links = [{ between: ['client', 'client'], ...(share && { codec: `top-k share=${share}` }) }];
    const program = gossip(plane, {
      ...{ peers: clients, every: '1s', local, tells: draw(key(2), 1) },
      ...(share && { share }),
    });
    const topology = topologyIn({ classes: { client: { count: peers } }, links });
    // There is nothing to learn: what changes has come from others.
    const { deployment } = await simulatedWorld(program, topology, {}, planeData(0));
    const start = Array.from({ length: peers }, (_, at) => [
      `client/${at}`,
      { w: tensor([WIDTH], recordOf(at)) },
    ]);
    await deployment.restore(Object.fromEntries(start));
    const after = async (flows: number): Promise<readonly (readonly number[])[]> => {
      const results: string[] = [];
      deployment.arm({}, ({ status }) => void results.push(status));
      await deployment.serve(() => results.length >= flows);
      expect(new Set(results)).toEqual(new Set(['complete']));
      return Object.values(await deployment.state()).map(({ w }) => numbers(w));
    };
    return { after };
  };

  test('a message changes as many numbers as it has', async () => {
    const all = await (await world(2)).after(1);
    const changed = all.map((w, at) => w.filter((one, axis) => one !== Math.fround(recordOf(at)[axis]!)));
    expect(Math.max(...changed.map(({ length }) => length))).toBe(told);
  });

  test('in the end all have the same', async () => {
    const apart = (all: readonly (readonly number[])[]): number =>
      Math.max(...all[0]!.map((_, axis) => spread(all.map((w) => w[axis]!))));
    const spread = (some: readonly number[]): number => Math.max(...some) - Math.min(...some);
    const before = apart(Array.from({ length: COUNT }, (_, at) => recordOf(at)));
    expect(before).toBeGreaterThan(3);
    expect(apart(await (await world(COUNT)).after(40 * COUNT))).toBeLessThan(before / 100);
  });
});

describe('an all-reduce of parts', () => {
  test('all have the same bits, and have learnt', async () => {
    const strategy = { peers: clients, rounds: 20, local, outer: sgd({ lr: 1 }), share: SHARE };
    const states = Object.values(await learnt(diLoCoAllReduce(blobs, strategy), 20));
    const lines = states.map((state) => lineOf(state as never));
    for (const one of lines) expect(one).toEqual(lines[0]);
    expect(
      shareOf((name) => numbers((states[0] as Readonly<Record<string, unknown>>)[name])),
    ).toBeGreaterThan(0.85);
  });

  test('what parameters have not got yet is what members still keep', async () => {
    const [rounds, steps, lr] = [7, 3, 0.1];
    const program = diLoCoAllReduce(plane, {
      ...{ peers: clients, rounds, share: SHARE, outer: sgd({ lr: 1 }) },
      local: { optimizer: sgd({ lr }), steps, batch: 1 },
    });
    const { deployment } = await simulatedWorld(program, among, {}, planeData());
    await deployment.invoke({}, { entry: 'round' });
    const states = Object.values(await deployment.state());
    const mean = (of: (member: number) => number): number =>
      Array.from({ length: COUNT }, (_, member) => of(member) / COUNT).reduce((sum, one) => sum + one, 0);
    const lost = states.map((state) => numbers(state['lost.w']));
    expect(Math.max(...lost.flat().map(Math.abs))).toBeGreaterThan(0.1);
    const w = numbers(states[0]!.w);
    for (let at = 0; at < WIDTH; at++) {
      const gone = -lr * steps * rounds * mean((member) => recordOf(member)[at]!);
      expect(w[at]! - mean((member) => lost[member]![at]!)).toBeCloseTo(gone, 5);
    }
  });
});

test('splitFed: features of which a quarter crosses, layers with feedback', async () => {
  const strategy = { server, clients, steps: 4, rounds: 20, batch: 8, optimizer: sgd({ lr: 0.2 }) };
  const program = splitFed(cutBlobs, {
    ...strategy,
    learns: 'at once',
    sends: (own) => withFeedback('lost', own, { at: clients, codec: topK }),
  });
  const { deployment } = await simulatedWorld(program, withServer, {}, dataOf);
  const { status, step, causes } = await deployment.invoke({});
  expect([status, step, causes]).toEqual(['complete', 79, []]);
  const state = await deployment.state();
  const parameters: Readonly<Record<string, unknown>> = { ...state['client/0'], ...state.server };
  expect(shareOf((name) => numbers(parameters[name]))).toBeGreaterThan(0.8);
});
