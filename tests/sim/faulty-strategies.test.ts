// Strategies under faults by name: stragglers, churn, a partition.

import { describe, expect, test } from 'vitest';
import { faultPlan, faultText } from '../../cli/sim/faults.ts';
import { type Module, peerSelector, protocol } from '../../dsl/index.ts';
import { sgd } from '../../dsl/optim/index.ts';
import { key } from '../../dsl/random/index.ts';
import {
  Checkers,
  needsDurability,
  SimulatedDeployment,
  scheduleFaults,
} from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { selection } from '../../stdlib/selectors/index.ts';
import { type Federation, fedAvg, gossip } from '../../stdlib/strategies/index.ts';
import { blobs, clients, dataOf, server, share } from '../support/blobs.ts';
import { plain } from '../support/deploy.ts';
import { draw } from '../support/programs/pick.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const COUNT = 6;
const client = { count: COUNT, compute: '1MFLOPS' };
const withServer = topologyIn({
  classes: { server: {}, client },
  links: [{ between: ['server', 'client'], latency: '20ms' }],
});
const withoutServer = topologyIn({
  classes: { client },
  links: [{ between: ['client', 'client'], latency: '20ms' }],
});
const names = ['server', 'client'];

/** A world in which what the preset says goes wrong. */
async function faulty(program: Module, preset: string | undefined, topology = withServer, seed = 1n) {
  const plan = preset === undefined ? { faults: [] } : faultPlan(faultText(preset), preset, names);
  const { world } = await simulatedWorld(
    program,
    topology,
    { seed, durable: needsDurability(plan), network: adaptive({ seed }) },
    dataOf,
  );
  const deployment = new SimulatedDeployment(world);
  world.observers.push(new Checkers(world));
  scheduleFaults(world, plan, { lost: ({ id }) => deployment.lose(id) });
  return { world, deployment };
}
type Faulty = Awaited<ReturnType<typeof faulty>>;

const local = { optimizer: sgd({ lr: 0.2 }), steps: 4, batch: 8 };
const federation: Federation = { server, clients, rounds: 12, local };

/** When the server had the loss of each round; and what it learnt. */
async function learnt({ world, deployment }: Faulty) {
  const ends: number[] = [];
  world.observers.push({
    output: ({ id }, one) => {
      if (id === 'server' && one.type === 'event' && one.event.kind === 'output' && one.event.name === 'loss')
        ends.push(world.now / 1e9);
    },
  });
  await deployment.invoke({}).catch(() => undefined);
  const { server: state = {} } = await deployment.state();
  return { ends, right: share((name) => plain(state[name]) as readonly number[]) };
}
const longest = (ends: readonly number[]): number =>
  Math.max(...ends.map((one, at) => one - (at === 0 ? 0 : ends[at - 1]!)));

describe('stragglers', () => {
  const run = async (answers: Federation['answers'], preset?: string) =>
    learnt(await faulty(fedAvg(blobs, { ...federation, rounds: 8, ...(answers && { answers }) }), preset));

  test('hold up rounds that wait for all, and not those that go on with enough or after a while', async () => {
    const [all, unhurt] = [await run({ within: '30s' }, 'stragglers'), await run({ within: '30s' })];
    expect(longest(all.ends)).toBeGreaterThan(3 * longest(unhurt.ends));
    const enough = await run({ within: '30s', enough: 3, atLeast: 3 }, 'stragglers');
    const awhile = await run({ within: '150ms', atLeast: 2 }, 'stragglers');
    expect(longest(enough.ends)).toBeLessThan(longest(all.ends) / 2);
    expect(longest(awhile.ends)).toBeLessThan(0.4);
    for (const one of [all, enough, awhile]) {
      expect(one.ends.length).toBe(8);
      expect(one.right).toBeGreaterThan(0.8);
    }
  });
});

describe('churn', () => {
  /** Picks four, and passes over for a while who was missed. */
  const picking = (churn: string): Module => {
    let told: { missed(of: unknown): void; seen(of: unknown): void } | undefined;
    return fedAvg(blobs, {
      ...federation,
      rounds: 20,
      answers: { within: '5s', atLeast: 1 },
      pick: {
        pick() {
          const pick = peerSelector('pick', { at: server, use: { kind: 'random', churn } });
          told = protocol('told', selection, { at: server, component: 'pick' }) as never;
          return pick.select(4, { class: 'client' }) as never;
        },
      },
      turnout: ({ senders, missing }) => {
        told!.seen(senders);
        told!.missed(missing);
      },
    });
  };

  test('every round ends, though who was picked may be gone, the server too', async () => {
    const { ends, right } = await learnt(await faulty(picking('drop'), 'churn'));
    expect(ends.length).toBe(20);
    expect(right).toBeGreaterThan(0.85);
  });
});

describe('a partition', () => {
  test('keeps halves apart, and gossip brings them together again', async () => {
    const { world, deployment } = await faulty(
      gossip(blobs, { peers: clients, every: '2s', local, tells: draw(key(2), 1) }),
      'partition',
      withoutServer,
    );
    /** Whom the first client could not reach. */
    const others = new Set<string>();
    world.observers.push({
      dropped: (from, to) => {
        if (from.id === 'client/0') others.add(to);
      },
    });
    deployment.arm({}, () => {});
    /** How far the means of the halves are from each other, in how far members are from the mean of their half. */
    const measured = async (untilS: number) => {
      await deployment.serve(() => world.now >= untilS * 1e9);
      const state = await deployment.state();
      const values = (id: string) =>
        ['hidden.weight', 'out.weight'].flatMap((name) => plain(state[id]![name]) as readonly number[]);
      return { ids: Object.keys(state), values };
    };
    const spread = ({ ids, values }: Awaited<ReturnType<typeof measured>>) => {
      const halves = [ids.filter((id) => others.has(id)), ids.filter((id) => !others.has(id))];
      const means = halves.map((half) => meanOf(half.map(values)));
      const within = halves.flatMap((half, at) => half.map((id) => distance(values(id), means[at]!)));
      return distance(means[0]!, means[1]!) / Math.max(...within);
    };
    const states = [await measured(14), await measured(44), await measured(80)];
    const [before, during, healed] = states.map(spread);
    expect(others.size).toBe(3);
    expect(before).toBeLessThan(2);
    expect(during).toBeGreaterThan(2.5);
    expect(healed).toBeLessThan(2);
    for (const state of Object.values(await deployment.state()))
      expect(share((name) => plain(state[name]) as readonly number[])).toBeGreaterThan(0.85);
  });
});

const meanOf = (rows: readonly (readonly number[])[]): readonly number[] =>
  rows[0]!.map((_, at) => rows.reduce((sum, row) => sum + row[at]!, 0) / rows.length);
const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((one, at) => one - b[at]!));
