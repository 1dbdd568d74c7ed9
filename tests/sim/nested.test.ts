// Places within places: each member of a cohort binds others of its own.

import { expect, test } from 'vitest';
import {
  cohort,
  constant,
  entry,
  float32,
  gradient,
  input,
  int64,
  module,
  on,
  output,
  peer,
  self,
  state,
  string,
  type Tensor,
} from '../../dsl/index.ts';
import { packStrings } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { waitsOf } from '../../runtime/host/observe/waits.ts';
import type { Value } from '../../runtime/index.ts';
import { adaptive } from '../../runtime/net/adaptive.ts';
import { compiled, floats, plain, recorded } from '../support/deploy.ts';
import twoTiers, { ROUNDS, topology } from '../support/programs/two-tier-federated.ts';
import { type SimulatedWorld, simulatedWorld, topologyIn } from '../support/simulated.ts';

const scalar = (value: number) => ({ ...floats(value), dims: [] });
const server = peer('server');
const [heads, phones, sensors] = [cohort('head'), cohort('phone'), cohort('sensor')];
const topologyOf = (phoneCount: number) =>
  topologyIn({
    version: 1,
    classes: { head: { count: 2 }, phone: { count: phoneCount }, sensor: { count: 2 }, server: {} },
  });

/** 1 at the first member of a class, 2 at the second, and so on. */
const numberOf = (all: Tensor<'string'>) =>
  self()
    .positionsIn(all)
    .squeeze({ axes: [0] })
    .cast({ to: 'float32' })
    .add(1);
const rank = () => on(heads.each, () => numberOf(heads.view()));
/** What every phone works for each head with. */
const allPhones = () => on(heads.each, () => phones.some(phones.view()));
const isThere = (value: Value | undefined): unknown =>
  value === undefined || 'reason' in value ? value?.reason : plain(value);
const given = ({ cohortOutputs }: FlowResult, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(cohortOutputs[name] ?? {}).map(([at, value]) => [at, isThere(value)]));

test('a phone works for two heads at once: in a flow for each, whose values do not mix', async () => {
  const program = module('m', () => {
    const x = input('x', float32, [], { at: server });
    const done = state('done', constant(0, int64), { at: phones });
    const all = allPhones();
    const asked = on(heads.each, () => x.mul(numberOf(heads.view())));
    const answer = on(all, () => {
      done.update((count) => count.add(1n));
      return asked.mul(10).add(numberOf(phones.view()));
    });
    output('answer', answer);
    output(
      'sums',
      on(heads.each, () => answer.collect({ within: '5s' }).values.reduceSum({ keepdims: false })),
    );
  });
  const { deployment } = await simulatedWorld(program, topologyOf(2));
  const result = await deployment.invoke({ x: scalar(1) });
  expect(result.status).toBe('complete');
  expect(given(result, 'sums')).toEqual({ 'head/0': [23], 'head/1': [43] });
  expect(given(result, 'answer')).toEqual({
    'head/0 phone/0': [11],
    'head/0 phone/1': [12],
    'head/1 phone/0': [21],
    'head/1 phone/1': [22],
  });
  const states = await deployment.state();
  expect(plain(states['phone/0']!.done)).toEqual([2]);
});

test('what is further out is brought through who bound the place, however deep', async () => {
  const program = module('m', () => {
    const x = input('x', float32, [], { at: server });
    const own = allPhones();
    const within = on(own, () => sensors.some(sensors.view()));
    const head = rank();
    const y = on(within, () => x.add(numberOf(sensors.view())).mul(head));
    const perPhone = on(own, () =>
      y.collect({ within: '5s' }).values.reduceSum({ keepdims: false }).mul(numberOf(phones.view())),
    );
    const perHead = on(heads.each, () =>
      perPhone.collect({ within: '10s' }).values.reduceSum({ keepdims: false }),
    );
    output('all', perHead.collect({ at: server, within: '20s' }).values);
  });
  const { deployment } = await simulatedWorld(program, topologyOf(2));
  const result = await deployment.invoke({ x: scalar(5) });
  // Sensors (6 + 7) · head, phones · (1 + 2).
  expect(isThere(result.outputs.all)).toEqual([13 * 3, 26 * 3]);
});

test('each member may have one helper, whose value comes back by itself', async () => {
  const program = module('m', () => {
    const x = input('x', float32, [], { at: server });
    const helper = on(heads.each, () => phones.one(phones.view().gather(self().positionsIn(heads.view()))));
    const helped = on(helper, () => x.mul(100).add(numberOf(phones.view())));
    const own = on(heads.each, () => helped.add(numberOf(heads.view()).mul(1000)));
    output('ys', own.collect({ at: server, within: '20s' }).values);
  });
  const { deployment } = await simulatedWorld(program, topologyOf(2));
  expect(isThere((await deployment.invoke({ x: scalar(3) })).outputs.ys)).toEqual([1301, 2302]);
});

test('a set that one member has is each head’s where the binder is written there', async () => {
  const program = module('m', () => {
    const who = input('who', string, ['K'], { at: server });
    const own = on(heads.each, () => phones.some(who));
    const head = rank();
    const y = on(own, () => numberOf(phones.view()).mul(head));
    const sums = on(heads.each, () => y.collect({ within: '5s' }).values.reduceSum({ keepdims: false }));
    output('sums', sums.collect({ at: server, within: '20s' }).values);
  });
  const { deployment } = await simulatedWorld(program, topologyOf(3));
  const who = { dtype: 'string', dims: [2], bytes: packStrings(['phone/0', 'phone/2']) } as const;
  expect(isThere((await deployment.invoke({ who })).outputs.sums)).toEqual([4, 8]);
});

test('gradients come back the way that values went: summed by each head, then by the server', async () => {
  const program = module('m', () => {
    const w = input('w', float32, [2], { at: server });
    const all = allPhones();
    const scaled = on(heads.each, () => w.mul(numberOf(heads.view())));
    const loss = on(all, () => scaled.mul(scaled).mul(w).mul(numberOf(phones.view())));
    const sums = on(heads.each, () =>
      loss.collect({ within: '5s' }).values.reduceSum({ axes: [0], keepdims: false }),
    );
    const total = on(server, () => sums.collect({ within: '20s' }).values.reduceSum({ keepdims: false }));
    output('total', total);
    output(
      'dw',
      on(server, () => gradient(total, w)),
    );
  });
  const { deployment } = await simulatedWorld(program, topologyOf(3));
  const result = await deployment.invoke({ w: floats(1, -2) });
  // total = Σ_heads Σ_phones (head · w)² · w · phone = (1 + 4) · 6 · Σ w³
  expect(isThere(result.outputs.total)).toEqual([30 * (1 - 8)]);
  expect(isThere(result.outputs.dw)).toEqual([90 * 1, 90 * 4]);
});

test('with enough answers a head goes on, and the others’ work for it ends; for the other head they go on', async () => {
  const program = module('m', () => {
    const x = input('x', float32, [], { at: server });
    const all = allPhones();
    const y = on(all, () => x.add(numberOf(phones.view())));
    const some = on(heads.each, () =>
      y.collect({ enough: 2, atLeast: 1, within: '5s' }).values.shape().gather(0n),
    );
    output('counts', some.collect({ at: server, within: '20s' }).values);
  });
  const { deployment, world } = await simulatedWorld(program, topologyOf(3));
  world.stop(world.peers.get('phone/1')!);
  const result = await deployment.invoke({ x: scalar(5) });
  expect(isThere(result.outputs.counts)).toEqual([2, 2]);
});

test('a silent phone is missed by its heads within their time, which is within the server’s', async () => {
  const program = (atLeast: number) =>
    module('m', () => {
      const x = input('x', float32, [], { at: server });
      const y = on(allPhones(), () => x.add(numberOf(phones.view())));
      const sums = on(heads.each, () =>
        y.collect({ atLeast, within: '2s' }).values.reduceSum({ keepdims: false }),
      );
      output('sums', sums.collect({ at: server, within: '5s' }).values);
    });
  for (const [atLeast, expected] of [
    [1, [16, 16]],
    [2, 'timeout'],
  ] as const) {
    const { deployment, world } = await simulatedWorld(program(atLeast), topologyOf(2));
    world.stop(world.peers.get('phone/0')!);
    const result = await deployment.invoke({ x: scalar(14) });
    expect(isThere(result.outputs.sums)).toEqual(expected);
    expect(world.now).toBeLessThan(4e9);
  }
});

test('values do not leave a place within another but to who bound it', () => {
  const refused = (use: (y: Tensor<'float32'>) => void): string => {
    try {
      compiled(
        recorded(
          module('m', () => {
            const x = input('x', float32, [], { at: server });
            use(on(allPhones(), () => x.add(1)));
          }),
        ),
        topologyOf(2),
      );
      return 'fine';
    } catch (error) {
      return String((error as Error).message);
    }
  };
  expect(
    refused((y) =>
      output(
        'y',
        on(server, () => y.neg() as never),
      ),
    ),
  ).toMatch(/BB306.*head\.each\/phone\.some.* server/s);
  expect(refused((y) => output('y', y.collect({ at: server } as never).values))).toMatch(
    /BB306.*head\.each\/phone\.some/s,
  );
  expect(
    refused((y) =>
      output(
        'y',
        on(phones.each, () => y.neg() as never),
      ),
    ),
  ).toMatch(/BB306/);
  expect(refused((y) => output('y', y.collect().values))).toBe('fine');
});

/** Program 6, where all peers are what `topology` says. */
const trained = async ({ deployment }: SimulatedWorld): Promise<unknown> => {
  const result = await deployment.invoke({});
  expect(result).toMatchObject({ status: 'complete', step: ROUNDS - 1 });
  return deployment.state();
};

test('all comes back after crashes of heads and phones, with nothing lost and nothing done twice', async () => {
  const expected = await trained(await simulatedWorld(twoTiers, topologyIn(topology)));
  const options = { durable: true, network: adaptive() };
  const killed = await simulatedWorld(twoTiers, topologyIn(topology), options);
  const { world } = killed;
  const victims = ['head/0', 'phone/0', 'phone/2', 'head/2'].map((id) => world.peers.get(id)!);
  const result = trained(killed);
  for (let event = 1; event < 600; event++) {
    await world.step();
    if (event % 7 !== 0) continue;
    const victim = victims[(event / 7) % victims.length]!;
    world.stop(victim);
    world.recover(victim);
  }
  expect(await result).toEqual(expected);
});

test('a head may be one of its own phones', async () => {
  const peers = (own: readonly string[]) => ({
    ...topology,
    classes: { ...topology.classes, head: { count: 2 } },
    peers: { zed: { class: own } },
  });
  const program = module('m', () => {
    const x = input('x', float32, [], { at: server });
    const y = on(allPhones(), () => x.add(numberOf(phones.view())));
    const sums = on(heads.each, () => y.collect({ within: '5s' }).values.reduceSum({ keepdims: false }));
    output('sums', sums.collect({ at: server, within: '20s' }).values);
  });
  for (const own of [['head'], ['head', 'phone']]) {
    const { deployment } = await simulatedWorld(program, topologyIn(peers(own)));
    expect(isThere((await deployment.invoke({ x: scalar(10) })).outputs.sums)).toEqual([81, 81]);
  }
});

test.each([undefined, adaptive()])(
  'whoever cancels is heard by those whom heads have bound: they commit no more',
  async (network) => {
    const program = module('m', () => {
      const x = input('x', float32, [], { at: server });
      const kept = state('kept', constant(0), { at: phones });
      const all = allPhones();
      const first = on(all, () => x.add(1));
      const sums = on(heads.each, () =>
        first.collect({ within: '5s' }).values.reduceSum({ keepdims: false }),
      );
      on(all, () => {
        kept.assign(sums);
      });
      output('sums', sums.collect({ at: server, within: '20s' }).values);
    });
    const { deployment, world } = await simulatedWorld(program, topologyOf(2), network && { network });
    const keptBy = async () => {
      const states = await deployment.state();
      return ['phone/0', 'phone/1'].map((id) => isThere(states[id]!.kept));
    };
    const [caller, phone] = ['server', 'phone/0'].map((id) => world.peers.get(id)!);
    const result = deployment.invoke({ x: scalar(1) });
    // Both heads have asked it.
    while (phone!.node!.openFlows < 2) await world.step();
    const [flow] = waitsOf(caller!.node!.waiting).flatMap((wait) => wait.flow ?? []);
    world.give(caller!, { type: 'cancel', flow: flow! });
    expect(await result).toMatchObject({ status: 'failed', outputs: { sums: { reason: 'cancelled' } } });
    expect(await keptBy()).toEqual([undefined, undefined]);
    expect(world.now).toBeLessThan(1e9);
    await deployment.invoke({ x: scalar(1) });
    expect(await keptBy()).not.toContain(undefined);
  },
);

test('in a joint flow, too, each member may ask others of its own', async () => {
  const peers = cohort('phone');
  const program = module('m', () => {
    entry('round', peers.each, {}, () => {
      const next = {
        pick: (all: Tensor<'string'>) => all.gather(self().positionsIn(all).add(1n).mod(all.size())),
      };
      const beside = on(peers.each, () => peers.neighbour({ pick: () => next.pick(peers.view()) }));
      const own = on(peers.each, () => numberOf(peers.view()));
      const seen = on(beside, () => own.mul(10).add(numberOf(peers.view())));
      output(
        'seen',
        on(peers.each, () => seen.add(0)),
      );
    });
  });
  const { deployment } = await simulatedWorld(
    program,
    topologyIn({ version: 1, classes: { phone: { count: 3 } } }),
  );
  const result = await deployment.invoke({}, { entry: 'round' });
  expect(given(result, 'seen')).toEqual({ 'phone/0': [12], 'phone/1': [23], 'phone/2': [31] });
});
