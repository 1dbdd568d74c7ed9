// Exchange among neighbours: each member says to whom its value goes, and whose it waits for.

import { expect, test } from 'vitest';
import { faultPlan } from '../../cli/sim/faults.ts';
import {
  cohort,
  constant,
  entry,
  gradient,
  int64,
  module,
  output,
  self,
  state,
  type Value,
} from '../../dsl/index.ts';
import { scheduleFaults } from '../../runtime/host/sim/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const peers = cohort('peer');
const COUNT = 6;
const topology = topologyIn({ classes: { peer: { count: COUNT } } });
type Sums = Value<'float32', [number, 1], 'peer.each'>;

/** Ids of the members so many places further round, by steps. */
const around = (...steps: readonly number[]) => {
  const view = peers.view();
  const places = self().positionsIn(view).add(constant(steps, int64));
  return view.gather(places.add(BigInt(COUNT)).mod(BigInt(COUNT)));
};

const start = Object.fromEntries(
  Array.from({ length: COUNT }, (_, at) => [`peer/${at}`, { w: { ...floats(10 ** at), dims: [1] } }]),
);
const byMember = (values: Readonly<Record<string, unknown>>): readonly unknown[] =>
  Array.from({ length: COUNT }, (_, at) => plain(values[`peer/${at}`] as never));

const sum = (values: Sums) => values.reduceSum({ axes: [0], keepdims: false });

test('each gets what its neighbours have, in the order of its set, and nobody else is written to', async () => {
  const program = module('ring', () => {
    const held = state('w', constant([0]), { at: peers.each });
    entry('round', peers.each, () => {
      const { values, senders } = held.read().exchange({ among: around(1, -1) });
      output('values', values);
      output('senders', senders);
    });
  });
  const { world, deployment } = await simulatedWorld(program, topology);
  const links = new Set<string>();
  world.observers.push({
    output: (peer, one) => {
      if (one.type === 'send') links.add(`${peer.id} ${one.to}`);
    },
  });
  await deployment.restore(start);
  const { cohortOutputs, status } = await deployment.invoke({}, { entry: 'round' });
  expect(status).toBe('complete');
  expect(byMember(cohortOutputs.values!)).toEqual([
    [10, 1e5],
    [100, 1],
    [1000, 10],
    [1e4, 100],
    [1e5, 1000],
    [1, 1e4],
  ]);
  expect(byMember(cohortOutputs.senders!)[2]).toBe('peer/3,peer/1');
  expect(links.size).toBe(2 * COUNT);
});

test('it may wait for others than it sends to, with a row for each of those', async () => {
  const program = module('directed', () => {
    const held = state('w', constant([0]), { at: peers.each });
    entry('round', peers.each, () => {
      const rows = constant([[1], [2]]).mul(held.read().unsqueeze([0]));
      const among = { to: around(1, 2), from: around(-1, -2) };
      output('got', rows.exchange({ rows: true, among }).values);
    });
  });
  const { deployment } = await simulatedWorld(program, topology);
  await deployment.restore(start);
  const { cohortOutputs, status } = await deployment.invoke({}, { entry: 'round' });
  expect(status).toBe('complete');
  expect(byMember(cohortOutputs.got!)[3]).toEqual([100, 20]);
  expect(byMember(cohortOutputs.got!)[0]).toEqual([1e5, 2e4]);
});

test('its gradient goes back to those from whom the values came', async () => {
  const program = module('squares', () => {
    const held = state('w', constant([0]), { at: peers.each });
    entry('round', peers.each, () => {
      const w = held.read();
      const { values } = w.exchange({ among: { to: around(1, 2), from: around(-1, -2) } });
      const all = sum(values as Sums);
      const loss = all.mul(all).reduceSum({ keepdims: false }) as Value<'float32', [], 'peer.each'>;
      output('dw', gradient(loss, w));
    });
  });
  const { deployment } = await simulatedWorld(program, topology);
  const own = (at: number) => ({ w: { ...floats(at), dims: [1] } });
  await deployment.restore(Object.fromEntries([...Array(COUNT).keys()].map((at) => [`peer/${at}`, own(at)])));
  const { cohortOutputs, status, causes } = await deployment.invoke({}, { entry: 'round' });
  expect([status, causes]).toEqual(['complete', []]);
  // Of member i, the squares are of i + 1 and i + 2, which are sums of the two before each.
  const before = (at: number, by: number): number => (at - by + COUNT) % COUNT;
  const want = [...Array(COUNT).keys()].map((i) =>
    [1, 2]
      .map((step) => (i + step) % COUNT)
      .reduce((total, j) => total + 2 * (before(j, 1) + before(j, 2)), 0),
  );
  expect(byMember(cohortOutputs.dw!)).toEqual(want.map((one) => [one]));
});

test('a neighbour that is silent is missing at its neighbours only', async () => {
  const program = module('ring', () => {
    const held = state('w', constant([0]), { at: peers.each });
    entry('round', peers.each, () => {
      const { values, missing } = held.read().exchange({ among: around(1, -1), atLeast: 0, within: '1s' });
      output('sum', sum(values as Sums));
      output('missing', missing);
    });
  });
  const { world, deployment } = await simulatedWorld(program, topology);
  await deployment.restore(start);
  const faults = [{ kind: 'lie', who: 'peer/2', withhold: 1 }];
  const names = ['peer', ...Object.keys(start)];
  scheduleFaults(world, faultPlan(JSON.stringify({ version: 1, faults }), 'faults.json', names), {
    lost: ({ id }) => deployment.lose(id),
  });
  const { cohortOutputs } = await deployment.invoke({}, { entry: 'round' });
  expect(byMember(cohortOutputs.missing!)).toEqual(['', 'peer/2', '', 'peer/2', '', '']);
  expect(plain(cohortOutputs.sum!['peer/1'] as never)).toEqual([1]);
});

test('neighbours are peer ids', async () => {
  const program = module('ring', () => {
    const held = state('w', constant([0]), { at: peers.each });
    entry('round', peers.each, () => {
      output('values', held.read().exchange({ among: constant([1, 2]) as never }).values);
    });
  });
  await expect(simulatedWorld(program, topology)).rejects.toThrow(/neighbours are no list of peer ids/);
});
