// A peer that is in several classes: a program for each, in one node.

import { expect, test } from 'vitest';
import { cohort, collect, constant, entry, module, next, on, output, peer, state } from '../../dsl/index.ts';
import { plain } from '../support/deploy.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const [server, phones] = [peer('server'), cohort('phone')];

/** Each phone steps towards a number of its own; the server takes the mean. */
const averaging = module('averaging', () => {
  const w = state('w', constant([1, 2, 3]), { at: server });
  const own = state('own', constant([0, 0, 0]), { at: phones.each });
  entry('round', server, { initial: { round: 0n }, limit: 1 }, ({ round }) => {
    const sent = w.read().broadcast(phones.each);
    const local = on(phones.each, () => own.update((before) => before.add(sent.mul(0.3).exp())));
    const c = collect({ local }, { within: '10s' });
    const mean = c.local.reduceMean({ axes: [0], keepdims: false });
    w.assign(mean.when(mean.present()));
    output('mean', mean);
    next('round', { round: round.add(1n) }).when(round.less(4n));
  });
});
const apart = topologyIn({ classes: { phone: { count: 3 }, server: {} } });
const together = topologyIn({
  classes: { phone: { count: 3 }, server: {} },
  peers: { ann: { class: ['server', 'phone'] } },
});

test('the server is one of the phones, and nothing comes out otherwise', async () => {
  const [one, other] = [await simulatedWorld(averaging, apart), await simulatedWorld(averaging, together)];
  const [expected, result] = [await one.deployment.invoke({}), await other.deployment.invoke({})];
  expect(result.status).toBe('complete');
  expect(result.outputs).toEqual(expected.outputs);
  expect(result.step).toBe(4);
  console.log(
    other.loaded.plan.edges.map((e) => [e.from, e.to]),
    [...other.world.peers.keys()],
  );
  const [a, b] = [await one.deployment.state(), await other.deployment.state()];
  expect({ ...b.ann }).toEqual({ ...a.server, ...a['phone/0'] });
  expect(plain(b['phone/0']!.own)).toEqual(plain(a['phone/1']!.own));
});
