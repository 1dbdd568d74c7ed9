// A peer that is in several classes: a program for each, in one node.

import path from 'node:path';
import { expect, test } from 'vitest';
import {
  cohort,
  collect,
  constant,
  entry,
  float32,
  index,
  input,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import type { FlowResult, PeerStates } from '../../runtime/host/index.ts';
import { adaptive } from '../../runtime/net/adaptive.ts';
import { flatIndex } from '../../stdlib/indexes/index.ts';
import { floats, plain } from '../support/deploy.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];

/** Each phone steps its own way; the server takes the mean. */
const averaging = module('averaging', () => {
  const x = input('x', float32, [3], { at: phones.each });
  const w = state('w', constant([1, 2, 3]), { at: server });
  const own = state('own', constant([0, 0, 0]), { at: phones.each });
  entry('round', server, { initial: { round: 0n }, limit: 1 }, ({ round }) => {
    const sent = w.read().broadcast(phones.each);
    const local = on(phones.each, () => own.update((before) => before.add(sent.mul(0.3).exp()).mul(x)));
    const c = collect({ local }, { within: '10s' });
    const mean = c.local.reduceMean({ axes: [0], keepdims: false });
    w.assign(mean.when(mean.present()));
    output('mean', mean);
    next('round', { round: round.add(1n) }).when(round.less(4n));
  });
});
const classes = { phone: { count: 3 }, server: {} };
const apart = topologyIn({ classes, peers: { ann: { class: 'phone' } } });
const together = topologyIn({ classes, peers: { ann: { class: ['server', 'phone'] } } });
const values = {
  x: {
    ann: floats(0.1, 0.2, 0.3),
    'phone/0': floats(0.7, 0.5, 0.9),
    'phone/1': floats(0.11, 0.13, 0.17),
  },
};

/** What the server keeps where it is a peer of its own, kept by the one that it is, too. */
const moved = ({ server: own, ...states }: PeerStates, to: string): PeerStates => ({
  ...states,
  [to]: { ...states[to], ...own },
});

test('the server is one of the phones, and all comes out as if it were not', async () => {
  const [one, other] = [await simulatedWorld(averaging, apart), await simulatedWorld(averaging, together)];
  const [expected, result] = [await one.deployment.invoke(values), await other.deployment.invoke(values)];
  expect(result).toMatchObject({ status: 'complete', step: 4, outputs: expected.outputs });
  expect(await other.deployment.state()).toEqual(moved(await one.deployment.state(), 'ann'));
  // What it sends itself is on no wire.
  const ends = result.messages.map(({ from, to }) => `${from} ${to}`).sort();
  expect(ends).toEqual(['ann phone/0', 'ann phone/1', 'phone/0 ann', 'phone/1 ann']);
  expect(other.loaded.plan.traffic!.total.messages).toBe(4);
});

test('it comes back after a crash with what all of its programs had', async () => {
  const [one, other] = [
    await simulatedWorld(averaging, together),
    await simulatedWorld(averaging, together, { durable: true, network: adaptive() }),
  ];
  await one.deployment.invoke(values);
  const { world, deployment } = other;
  const result = deployment.invoke(values);
  const ann = world.peers.get('ann')!;
  for (let event = 1; event < 60; event++) {
    await world.step();
    // Its caller has been heard by then.
    if (event % 14 !== 0) continue;
    world.stop(ann);
    world.recover(ann);
  }
  expect(await result).toMatchObject({ status: 'complete', step: 4 });
  expect(await deployment.state()).toEqual(await one.deployment.state());
});

test('its programs share a component by name', async () => {
  const sharing = module('sharing', () => {
    const book = index('book', { at: server, component: 'library' });
    const shelf = index('shelf', { at: phones.me, component: 'library' });
    entry('add', server, { initial: { n: 0n } }, ({ n }) => {
      book.add(n.reshape([1]), constant([[1, 2]]));
    });
    entry('count', phones, {}, () => {
      output('size', shelf.size());
    });
  });
  const { deployment, world } = await simulatedWorld(sharing, together, {}, () => ({
    library: () => flatIndex({}),
  }));
  await deployment.invoke({}, { entry: 'add' });
  const sizes = ['ann', 'phone/0'].map(async (id) => {
    const { cohortOutputs } = await deployment.invoke({}, { entry: 'count', peer: id });
    return plain(cohortOutputs.size![id]);
  });
  expect(await Promise.all(sizes)).toEqual([[1], [0]]);
  // The phone's program only asks: it waits for what the server's does.
  const { fragments } = world.peers.get('ann')!.program.seats.find(({ entry: of }) => of === 'count')!;
  expect(fragments.map(({ claims }) => claims)).toEqual([['component library']]);
  expect(world.peers.get('phone/0')!.program.seats.flatMap((seat) => seat.fragments)).toEqual([]);
});

/** Programs of the semantics whose chance knows no peer by its id, with one that is more than one thing. */
const gatherings: Readonly<Record<string, readonly [id: string, alone: string, classes: readonly string[]]>> =
  {
    'layer-local': ['layer0', 'layer0', ['layer0', 'layer1', 'layer2']],
    challenge: ['judge', 'ann', ['worker', 'judge']],
  };

test.each(Object.entries(gatherings))(
  '%s comes out the same on fewer peers',
  async (name, [id, alone, own]) => {
    const file = path.join(import.meta.dirname, `../support/programs/${name}.ts`);
    const { default: program, topology } = (await import(file)) as {
      readonly default: Module;
      readonly topology: object;
    };
    const named = (name: string, classes: readonly string[]) =>
      topologyIn({ ...topology, peers: { [name]: { class: classes } } });
    const [one, other] = [
      await simulatedWorld(program, named(alone, own.slice(0, 1))),
      await simulatedWorld(program, named(id, own)),
    ];
    // Who is missed is called otherwise.
    const nameless = (key: string, value: unknown): unknown => (key === 'peer' ? undefined : value);
    const [expected, results] = [await outcomesOf(one), await outcomesOf(other)].map((one) =>
      JSON.stringify(one, nameless),
    );
    expect(results).toEqual(expected);
    expect(other.world.peers.size).toBe(one.world.peers.size - own.length + 1);
  },
);

/** What comes out of its flows, and what is kept in the end, whoever has it. */
async function outcomesOf({ deployment, loaded }: SimulatedWorld) {
  const results: FlowResult[] = [];
  if (loaded.plan.entries.some(({ trigger }) => trigger !== undefined)) {
    deployment.arm({}, (result) => results.push(result));
    await deployment.serve(() => results.length >= 5);
  } else await deployment.invoke({}, { onFlow: (result) => results.push(result) });
  const states = Object.values(await deployment.state()).flatMap((state) => Object.entries(state));
  return {
    flows: results.map(({ status, outputs, cohortOutputs, step }) => ({
      status,
      outputs,
      cohortOutputs,
      step,
    })),
    states: states.sort(([a], [b]) => (a < b ? -1 : a === b ? 0 : 1)),
  };
}
