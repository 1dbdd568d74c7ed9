// Program 4 of the semantics, push-sum: each second a peer keeps half of its sum and of its weight, and sends the other
// halves to one other peer, in the same fragment. x / w goes to the mean everywhere.

import { cohort, constant, emit, entry, interval, module, on, state } from '../../../dsl/index.ts';
import { update } from '../../../dsl/optim/index.ts';
import { key } from '../../../dsl/random/index.ts';
import { draw } from './pick.ts';

const peers = cohort('peer');
export const topology = { version: 1, classes: { peer: { count: 4 } } };

export default module('push-sum', () => {
  const held = { x: state('x', constant([1, 2]), { at: peers }), w: state('w', constant(1), { at: peers }) };
  entry('tick', peers, interval('1s'), { limit: [4, 'wait'] }, () => {
    const half = update(held, ({ x, w }) => ({ x: x.mul(0.5), w: w.mul(0.5) }));
    const p = peers.neighbour(draw(key(1), 1));
    const now = on(p, () => update(held, ({ x, w }) => ({ x: x.add(half.x), w: w.add(half.w) })));
    emit(
      'mean',
      on(p, () => now.x.div(now.w)),
    );
  });
});
