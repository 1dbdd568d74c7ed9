// Program 4 of the semantics: every ten seconds each peer sends one other its model and how often that was trained; who
// gets it takes the mean, by age.

import { cohort, constant, emit, entry, interval, module, on, state } from '../../../dsl/index.ts';
import { read, update } from '../../../dsl/optim/index.ts';
import { key } from '../../../dsl/random/index.ts';
import { draw } from './pick.ts';

const peers = cohort('peer');
export const topology = { version: 1, classes: { peer: { count: 4 } } };

export default module('gossip', () => {
  const held = {
    m: state('m', constant([0, 0]), { at: peers }),
    age: state('age', constant(1), { at: peers }),
  };
  entry('tick', peers, interval('10s'), () => {
    const mine = read(held);
    const p = peers.neighbour(draw(key(1), 1));
    const now = on(p, () =>
      update(held, ({ m, age }) => {
        const all = age.add(mine.age);
        return { m: m.mul(age.div(all)).add(mine.m.mul(mine.age.div(all))), age: all };
      }),
    );
    emit('age', now.age);
  });
});
