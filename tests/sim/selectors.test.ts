// Selectors in programs: they learn from what a round collects, and what they choose is who takes part.

import { describe, expect, test } from 'vitest';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import {
  after,
  cohort,
  constant,
  emit,
  entry,
  float32,
  interval,
  type Module,
  module,
  next,
  on,
  output,
  peer,
  peerSelector,
  protocol,
  self,
  state,
} from '../../dsl/index.ts';
import { type DataValue, isTensor } from '../../ir/index.ts';
import { scheduleFaults } from '../../runtime/host/sim/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { membership } from '../../stdlib/protocols/index.ts';
import {
  mixing,
  mixingWeights,
  overlay,
  randomRegular,
  ring,
  selection,
  torus,
} from '../../stdlib/selectors/index.ts';
import { float32sOf, stringsOf } from '../../stdlib/tensors.ts';
import { compiled, recorded } from '../support/deploy.ts';
import { averaged } from '../support/gossip.ts';
import { cpu, simulatedWorld, topologyIn } from '../support/simulated.ts';

/** In a world, with the components that its authors chose. */
async function worldOf(source: Module, content: object, seed = 1n) {
  const topology = topologyIn(content);
  const { bundles } = deploymentInMemory(compiled(recorded(source), topology));
  const slots = new Map([...bundles].map(([name, { manifest }]) => [name, manifest.slots]));
  const classOf = (id: string): string => id.split('/')[0]!;
  const { world, deployment } = await simulatedWorld(source, topology, { seed }, (id) =>
    makersOf(slots.get(classOf(id)) ?? []),
  );
  const told: {
    readonly at: number;
    readonly peer: string;
    readonly name: string;
    readonly value: DataValue;
  }[] = [];
  world.observers.push({
    output: ({ id }, one) => {
      if (one.type !== 'event' || one.event.kind !== 'output' || 'reason' in one.event.value) return;
      const { name, value } = one.event;
      if (isTensor(value)) {
        const kept = { ...value, bytes: value.bytes.slice() };
        told.push({ at: world.now / 1e9, peer: id, name, value: kept });
      }
    },
  });
  const run = async (untilS: number): Promise<void> => {
    while ((world.next ?? Number.POSITIVE_INFINITY) <= untilS * 1e9) await world.step();
  };
  const all = (name: string) => told.filter((one) => one.name === name);
  return { world, deployment, run, all };
}

const server = peer('server');
const phones = cohort('phone');

/** Rounds of a server with four phones, chosen in one way; each answers with a loss of its own. */
const rounds = (use: { readonly kind: string } & Record<string, string | number>, count: number) =>
  module('rounds', () => {
    const pick = peerSelector('pick', { at: server, use });
    const told = protocol('told', selection, { at: server, component: 'pick' });
    const done = state('done', constant(0n), { at: server });
    entry('round', server, () => {
      const chosen = pick.select(4, { class: 'phone' });
      output('chosen', chosen);
      const loss = on(phones.some(chosen), () =>
        self().positionsIn(phones.view()).cast({ to: float32 }).reshape([]),
      );
      const { values, senders, missing } = loss.collect({ atLeast: 0, within: '1s' });
      told.missed(missing);
      told.seen(senders);
      if (use.kind === 'power-of-choice') told.report(senders, values);
      output('answered', senders);
      const n = done.update((before) => before.add(1n));
      next('round').when(n.less(BigInt(count)));
    });
  });
const topology = {
  classes: { server: {}, phone: { count: 12 } },
  links: [{ between: ['server', 'phone'], latency: '20ms' }],
};

describe('a server that picks phones', () => {
  async function picked(use: Parameters<typeof rounds>[0], count: number, gone: readonly string[] = []) {
    const { world, deployment, all } = await worldOf(rounds(use, count), topology);
    if (gone.length > 0)
      scheduleFaults(
        world,
        {
          faults: [{ kind: 'crash', who: { names: gone }, atNs: 0, restart: 'fresh', noticeNs: undefined }],
        },
        { lost: () => {} },
      );
    await deployment.invoke({}, { entry: 'round' });
    const sets = (name: string) => all(name).map(({ value }) => stringsOf(value, name));
    return { chosen: sets('chosen'), answered: sets('answered'), now: world.now };
  }

  test('round robin: all have had their turn after three rounds, and again after three more', async () => {
    const { chosen } = await picked({ kind: 'round-robin' }, 6);
    expect(chosen).toHaveLength(6);
    const all = Array.from({ length: 12 }, (_, at) => `phone/${at}`);
    expect(chosen.slice(0, 3).flat()).toEqual(all);
    expect(chosen.slice(3).flat()).toEqual(all);
  });

  test('power of choice: what a round has reported is who is chosen for the next one', async () => {
    const { chosen } = await picked({ kind: 'power-of-choice', candidates: 12 }, 5);
    // Each once, since nothing is known of them; then those that lose most.
    expect(new Set(chosen.slice(0, 3).flat()).size).toBe(12);
    for (const late of chosen.slice(3)) expect(late).toEqual(['phone/11', 'phone/10', 'phone/9', 'phone/8']);
  });

  test('who is gone is not picked again: rounds that follow wait for nobody', async () => {
    const gone = ['phone/1', 'phone/2', 'phone/6', 'phone/11'];
    const [ignoring, dropping] = [
      await picked({ kind: 'round-robin' }, 9, gone),
      await picked({ kind: 'round-robin', churn: 'drop', awayMs: 60_000 }, 9, gone),
    ];
    const holes = ({ chosen, answered }: typeof ignoring): readonly number[] =>
      chosen.map((set, round) => set.length - answered[round]!.length);
    expect(holes(ignoring)).toEqual([2, 1, 1, 2, 1, 1, 2, 1, 1]);
    expect(holes(dropping)).toEqual([2, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(ignoring.now).toBeGreaterThanOrEqual(9e9);
    expect(dropping.now).toBeLessThan(4e9);
  });

  test('requeue: who missed its turn has the next one, and the same seed runs the same way', async () => {
    const use = { kind: 'random', churn: 'requeue', tries: 3 };
    const one = await picked(use, 8, ['phone/3']);
    const at = one.chosen.findIndex((set) => set.includes('phone/3'));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(one.chosen.slice(at, at + 3).map((set) => set.includes('phone/3'))).toEqual([true, true, true]);
    expect(one.chosen.slice(at + 1, at + 3).map(([first]) => first)).toEqual(['phone/3', 'phone/3']);
    expect(one.chosen.slice(at + 3).flat()).not.toContain('phone/3');
    expect((await picked(use, 8, ['phone/3'])).chosen).toEqual(one.chosen);
  });
});

const peers = cohort('peer');

test('averaging over a random neighbourhood with its weights keeps the mean, and brings all to it', async () => {
  const source = module('averaging', () => {
    const use = { kind: 'random-regular', degree: 4, seed: 7 };
    const near = peerSelector('near', { at: peers.me, use });
    const weights = protocol('weights', mixing, { at: peers.me, component: 'near' });
    const x = state('x', constant(0), { at: peers });
    entry('begin', peers, after('1ms'), () => {
      x.assign(self().positionsIn(peers.view()).cast({ to: float32 }).reshape([]));
    });
    entry('mix', peers, interval('1s'), () => {
      const there = on(peers.some(near.select(4, { class: 'peer' })), () => x.read());
      const { values, senders } = there.collect({ atLeast: 1, within: '500ms' });
      const { weights: w, own } = weights.mix(senders, { class: 'peer' });
      emit(
        'x',
        x.update((now) => now.mul(own).add(values.mul(w).reduceSum({ keepdims: false }))),
      );
    });
  });
  const { world, run, all } = await worldOf(source, {
    classes: { peer: { count: 16 } },
    links: [{ between: ['peer', 'peer'], latency: '20ms' }],
  });
  world.arm();
  await run(20.5);
  const spreads = Array.from({ length: 20 }, (_, round) => {
    const values = all('x')
      .filter(({ at }) => Math.floor(at) === round + 1)
      .map(({ value }) => float32sOf(value, 'x')[0]!);
    expect(values).toHaveLength(16);
    expect(values.reduce((sum, one) => sum + one, 0) / 16).toBeCloseTo(7.5, 5);
    return Math.max(...values) - Math.min(...values);
  });
  expect(spreads[0]).toBeGreaterThan(4);
  expect(spreads.at(-1)).toBeLessThan(0.01);
});

test.each([
  ['ring', ring()],
  ['torus', torus()],
  ['random', randomRegular(3, 5)],
])('a round of the strategy without a server is one product with the weights of a %s', async (_, graph) => {
  const weights = mixingWeights(graph(8));
  const x0 = weights.map((_, at) => [at, at % 2]);
  const rounds = await averaged('gossip', { x0, matrices: [weights], steps: 4 }, cpu);
  let expected: readonly (readonly number[])[] = x0;
  for (const round of rounds) {
    expected = weights.map((row) =>
      [0, 1].map((column) => row.reduce((sum, weight, at) => sum + weight * expected[at]![column]!, 0)),
    );
    for (const [at, values] of round.entries())
      for (const [column, value] of values.entries()) expect(value).toBeCloseTo(expected[at]![column]!, 5);
  }
  expect(rounds).toHaveLength(4);
});

test('a program asks its overlay for somebody, and those are drawn of all over time', async () => {
  const source = module('gossip', () => {
    const near = peerSelector('near', {
      at: peers.me,
      use: { kind: 'cyclon', class: 'peer', size: 5, shuffle: 3 },
    });
    const known = protocol('known', overlay, { at: peers.me, component: 'near' });
    const heard = state('heard', constant(0n), { at: peers });
    entry('tick', peers, interval('1s'), () => {
      const who = near.select(1, { class: 'peer' });
      emit('who', who);
      emit('view', known.view());
      on(peers.one(who), () => heard.update((n) => n.add(1n)));
    });
  });
  const { world, deployment, run, all } = await worldOf(source, {
    classes: { peer: { count: 20 } },
    links: [{ between: ['peer', 'peer'], latency: '20ms' }],
  });
  world.arm();
  await run(60.5);
  const chosen = all('who').filter(({ peer: id }) => id === 'peer/4');
  expect(chosen.length).toBeGreaterThanOrEqual(59);
  const ever = new Set(chosen.flatMap(({ value }) => stringsOf(value, 'who')));
  expect(ever.size).toBeGreaterThan(15);
  for (const { value } of all('view')) expect(stringsOf(value, 'view').length).toBeLessThanOrEqual(5);
  const state0 = await deployment.state();
  const sum = Object.values(state0).reduce(
    (total, { heard }) =>
      total +
      Number(new DataView((heard as { bytes: Uint8Array }).bytes.slice().buffer).getBigInt64(0, true)),
    0,
  );
  expect(sum).toBeGreaterThanOrEqual(20 * 58);
});

test('what a program says with an option of a protocol reaches its component', async () => {
  const source = module('registry', () => {
    const here = protocol('registry', membership, {
      at: phones.me,
      use: { kind: 'membership', ttlMs: 60_000 },
    });
    const there = protocol('registrar', membership, {
      at: server,
      component: 'registry',
      use: { kind: 'membership' },
    });
    entry('join', phones, after('1ms'), () => here.join(['server']));
    entry('look', server, after('5s'), () => {
      emit('members', there.view({ class: 'phone' }).members);
    });
  });
  const { world, run, all } = await worldOf(source, { classes: { server: {}, phone: { count: 3 } } });
  world.arm();
  await run(6);
  expect(all('members').map(({ value }) => stringsOf(value, 'members'))).toEqual([
    ['phone/0', 'phone/1', 'phone/2'],
  ]);
});
