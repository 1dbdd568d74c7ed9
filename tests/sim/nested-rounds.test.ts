// Places within places over several flows: what is late, what stays for a session, and what has a limit.

import { expect, test } from 'vitest';
import {
  cohort,
  constant,
  entry,
  float32,
  input,
  int64,
  module,
  next,
  on,
  output,
  peer,
  self,
  state,
  type Tensor,
} from '../../dsl/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import { adaptive } from '../../runtime/net/adaptive.ts';
import { floats, plain, recorded } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const server = peer('server');
const [heads, phones, sensors] = [cohort('head'), cohort('phone'), cohort('sensor')];
const classes = { head: { count: 2 }, phone: { count: 3 }, sensor: { count: 3 }, server: {} };
const SECOND_NS = 1e9;

/** 0 at the first member of a class, 1 at the second, and so on. */
const rank = (all: Tensor<'string'>) =>
  self()
    .positionsIn(all)
    .squeeze({ axes: [0] });
const allPhones = () => on(heads.each, () => phones.some(phones.view()));
const given = ({ cohortOutputs }: FlowResult, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(cohortOutputs[name] ?? {}).map(([at, value]) => [at, plain(value)]));

test('a late answer joins its head’s collect of the session’s next flow, and that of no other head', async () => {
  const source = module('late', () => {
    entry('round', server, { initial: { n: 0n } }, ({ n }) => {
      const all = allPhones();
      const asked = on(heads.each, () => n.mul(10n).add(rank(heads.view()).mul(100n)));
      const answers = on(all, () => asked.add(rank(phones.view()))).collect({
        within: '2s',
        atLeast: 2,
        late: 'next',
      });
      output('values', answers.values);
      output('ages', answers.ages);
      const sums = on(heads.each, () => answers.values.reduceSum({ keepdims: false }));
      const total = sums.collect({ at: server, within: '10s' }).values.reduceSum({ keepdims: false });
      next('round', { n: n.add(total.mul(0n)).add(1n) }).when(n.less(2n));
    });
  });
  // What phone/2 is asked in a round comes back in the next one.
  const links = [
    { between: ['head', 'phone/2'], latency: '1.5s' },
    { between: ['head', 'phone'], latency: '1ms' },
    { between: ['head', 'server'], latency: '1ms' },
  ];
  const { deployment } = await simulatedWorld(source, topologyIn({ classes, links }));
  const rounds: unknown[] = [];
  const onFlow = (result: FlowResult) => void rounds.push([given(result, 'values'), given(result, 'ages')]);
  await deployment.invoke({}, { entry: 'round', onFlow });
  expect(rounds).toEqual([
    [
      { 'head/0': [0, 1], 'head/1': [100, 101] },
      { 'head/0': [0, 0], 'head/1': [0, 0] },
    ],
    [
      { 'head/0': [10, 11, 2], 'head/1': [110, 111, 102] },
      { 'head/0': [0, 0, 1], 'head/1': [0, 0, 1] },
    ],
    [
      { 'head/0': [20, 21, 12], 'head/1': [120, 121, 112] },
      { 'head/0': [0, 0, 1], 'head/1': [0, 0, 1] },
    ],
  ]);
});

test.each([
  [true, { 'head/0': [0, 0, 0], 'head/1': [1, 1, 1] }],
  [false, { 'head/0': [0, 1, 2], 'head/1': [1, 2, 0] }],
])('each head has a set of its own, for the session where it is sticky: %s', async (sticky, expected) => {
  const source = module('sticky', () => {
    entry('round', server, { initial: { n: 0n } }, ({ n }) => {
      const one = on(heads.each, () => {
        const at = rank(heads.view()).add(n).mod(3n);
        return phones.one(phones.view().gather(at.unsqueeze([0n])), { sticky });
      });
      const who = on(one, () => rank(phones.view()));
      const back = on(heads.each, () => who.add(0n));
      output('who', back);
      const total = back.collect({ at: server, within: '5s' }).values.reduceSum({ keepdims: false });
      next('round', { n: n.add(total.mul(0n)).add(1n) }).when(n.less(2n));
    });
  });
  const { deployment } = await simulatedWorld(source, topologyIn({ classes }));
  const asked: Record<string, unknown[]> = { 'head/0': [], 'head/1': [] };
  const onFlow = (result: FlowResult) => {
    for (const [head, who] of Object.entries(given(result, 'who'))) asked[head]!.push(...(who as unknown[]));
  };
  await deployment.invoke({}, { entry: 'round', onFlow });
  expect(asked).toEqual(expected);
});

test('who is bound keeps no sticky set: it would have one for all who bound it', () => {
  const source = module('sticky', () => {
    const x = input('x', float32, [], { at: server });
    const beyond = on(allPhones(), () => sensors.some(sensors.view(), { sticky: true }));
    const y = on(beyond, () => x.add(1));
    output('y', y.collect().values);
  });
  expect(() => recorded(source)).toThrow(/BB341.*sticky/);
});

test.each([1, 2])(
  'a limit of %i flows is one of whole flows: a phone has so many for each head',
  async (limit) => {
    const source = module('limited', () => {
      const done = state('done', constant(0, int64), { at: phones });
      entry('round', server, { limit }, () => {
        const y = on(allPhones(), () => {
          done.update((count) => count.add(1n));
          return constant(1, int64).add(0n);
        });
        const counts = on(heads.each, () =>
          y.collect({ within: '5s' }).values.reduceSum({ keepdims: false }),
        );
        output(
          'count',
          on(server, () => counts.collect({ within: '20s' }).values.reduceSum({ keepdims: false })),
        );
      });
    });
    const { deployment, world } = await simulatedWorld(source, topologyIn({ classes }));
    const results = [1, 2, 3, 4].map(() => deployment.invoke({}, { entry: 'round' }));
    let most = 0;
    while (await world.step()) most = Math.max(most, world.peers.get('phone/0')!.node!.openFlows);
    for (const { status, outputs } of await Promise.all(results))
      expect([status, plain(outputs.count!)]).toEqual(['complete', [6]]);
    expect(most).toBeLessThanOrEqual(2 * limit);
    expect(plain((await deployment.state())['phone/0']!.done)).toEqual([8]);
  },
);

test('with enough answers of its phones a head waits no more, and the work of the others for it ends', async () => {
  const source = module('enough', () => {
    const x = input('x', float32, [], { at: server });
    const y = on(allPhones(), () => x.add(1));
    const sums = on(heads.each, () =>
      y.collect({ enough: 2, atLeast: 1, within: '60s' }).values.reduceSum({ keepdims: false }),
    );
    output('sums', sums.collect({ at: server, within: '90s' }).values);
  });
  for (const network of [undefined, adaptive()]) {
    const { deployment, world } = await simulatedWorld(
      source,
      topologyIn({ classes }),
      network && { network },
    );
    const slow = world.peers.get('phone/1')!;
    // Minutes for what takes the others no time.
    slow.slowness = 1e9;
    const result = await deployment.invoke({ x: { ...floats(5), dims: [] } });
    expect(plain(result.outputs.sums!)).toEqual([12, 12]);
    while (slow.node!.openFlows > 0 && (await world.step()));
    expect(slow.node!.openFlows).toBe(0);
    expect(world.now).toBeLessThan(SECOND_NS);
  }
});
