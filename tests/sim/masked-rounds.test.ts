// Strategies whose answers are masked: the same rounds as of a plain weighted mean but for fixed point, with members that drop out.

import { describe, expect, test } from 'vitest';
import { cohort, type Module } from '../../dsl/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import { median } from '../../stdlib/aggregators/index.ts';
import { clustered, type Federation, fedAvg, hierarchical, scaffold } from '../../stdlib/strategies/index.ts';
import { blobs, clients, dataOf, RECORDS, server } from '../support/blobs.ts';
import { plain, recorded } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const COUNT = 3;
const latency = '20ms';
const topology = topologyIn({
  classes: { server: {}, client: { count: COUNT } },
  links: [{ between: ['server', 'client'], latency }],
});
const local = { optimizer: sgd({ lr: 0.2 }), steps: 3, batch: 8 };
const federation: Federation = { server, clients, rounds: 2, local };
const masked = { threshold: 2, seconds: 5, most: 4, count: COUNT, records: 2 * RECORDS };

/** What the server has after the last round, and each round’s loss. */
async function learnt(
  program: Module,
  drop?: { readonly id: string; readonly afterNs: number },
  among = topology,
) {
  const { deployment, world } = await simulatedWorld(program, among, {}, dataOf);
  if (drop !== undefined) world.plan(drop.afterNs, 'drop out', () => world.stop(world.peers.get(drop.id)!));
  const losses: number[] = [];
  world.observers.push({
    output: ({ id }, one) => {
      if (id === 'server' && one.type === 'event' && one.event.kind === 'output' && one.event.name === 'loss')
        losses.push((plain(one.event.value) as readonly number[])[0]!);
    },
  });
  // Of a peer that is gone nobody hears what became of its part, so a call has no result then; the server has.
  await deployment.invoke({}).catch(() => undefined);
  const { server: state = {} } = await deployment.state();
  const weights = Object.entries(state)
    .filter(([name]) => /^(hidden|out)\./.test(name))
    .flatMap(([, one]) => plain(one) as readonly number[]);
  return { losses, weights };
}
const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((one, at) => Math.abs(one - b[at]!)));

describe('with masks', () => {
  test.each<[string, (of: Federation) => Module]>([
    ['fedAvg', (of) => fedAvg(blobs, of)],
    ['scaffold, of two groups of values', (of) => scaffold(blobs, { ...of, lr: 0.2, steps: 3 })],
  ])('%s comes to the same but for fixed point', async (_, program) => {
    const [bare, hidden] = [
      await learnt(program(federation)),
      await learnt(program({ ...federation, masked })),
    ];
    expect(hidden.losses.length).toBe(2);
    expect(hidden.weights.length).toBe(99);
    // Half a step of most · count · 2⁻³⁰ each, over what the clients count, in each round; and what float32 rounds.
    expect(furthest(hidden.weights, bare.weights)).toBeLessThan(1e-5);
    expect(furthest(hidden.losses, bare.losses)).toBeLessThan(1e-5);
  });

  test('fedAvg goes on with who is left', async () => {
    // After it has shared its seeds and before its values leave, so that its masks are in the others' values.
    const drop = { id: 'client/2', afterNs: 1e8 };
    const { losses, weights } = await learnt(fedAvg(blobs, { ...federation, masked }), drop);
    expect(losses.length).toBe(2);
    const bare = { ...federation, answers: { within: '15s', atLeast: 2 } } as const;
    expect(
      furthest(weights, (await learnt(fedAvg(blobs, bare), { ...drop, afterNs: 0 })).weights),
    ).toBeLessThan(1e-5);
  });

  test('with too few left a round changes nothing', async () => {
    const before = await learnt(fedAvg(blobs, { ...federation, masked, rounds: 1 }));
    const drop = { id: 'client/0', afterNs: 1.5e8 };
    const { weights } = await learnt(
      fedAvg(blobs, { ...federation, masked: { ...masked, threshold: 3 } }),
      drop,
    );
    expect(furthest(weights, before.weights)).toBe(0);
  });
});

test('masks of tiers are on what heads say', async () => {
  const heads = cohort('head');
  const tiers = topologyIn({
    classes: { server: {}, head: { count: 2 }, client: { count: 2 } },
    links: [
      { between: ['server', 'head'], latency },
      { between: ['head', 'client'], latency },
    ],
  });
  const tiered = (of: Partial<Federation>) =>
    learnt(hierarchical(blobs, { ...federation, rounds: 1, heads, often: 1, ...of }), undefined, tiers);
  const [bare, hidden] = [await tiered({}), await tiered({ masked })];
  expect(hidden.weights.length).toBe(99);
  expect(furthest(hidden.weights, bare.weights)).toBeLessThan(1e-5);
});

describe('masks', () => {
  const model = (of: Partial<Federation>) => recorded(fedAvg(blobs, { ...federation, masked, ...of }));
  test.each<[string, Partial<Federation>, string]>([
    ['choice', { combine: median() }, 'combine is about single ones'],
    ['policy', { answers: { within: '1s' } }, 'answers is about single ones'],
    ['records', { masked: { ...masked, records: 0 } }, 'records is 0, not a whole number from 1'],
    ['bound', { masked: { ...masked, most: 0 } }, 'most is 0'],
  ])('with another %s are refused', (_, of, message) => {
    expect(() => model(of)).toThrow(message);
  });

  test('are not for what looks at each answer', () => {
    expect(() => recorded(clustered(blobs, { ...federation, masked, groups: 2 } as never))).toThrow(
      'needs answers one by one',
    );
  });
});
