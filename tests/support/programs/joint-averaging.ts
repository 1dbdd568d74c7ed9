// Program 4 of the semantics, as a fixture: all enter round n themselves, and give each other shares of what they have.

import { cohort, constant, emit, entry, int64, module, next, self, state } from '../../../dsl/index.ts';

const peers = cohort('peer');
export const topology = { version: 1, classes: { peer: { count: 3 } } };

/** Row i: what goes to member j of what member i has. */
const shares = [
  [0.5, 0.25, 0.25],
  [0.25, 0.5, 0.25],
  [0.25, 0.25, 0.5],
];

export default module('joint-averaging', () => {
  const x = state('x', constant([1, 2]), { at: peers.each });
  const rounds = state('rounds', constant(0, int64), { at: peers.each });
  entry('round', peers.each, () => {
    const n = rounds.update((before) => before.add(1n));
    const row = constant(shares).gather(self().positionsIn(peers.view()));
    const parts = row.transpose().matmul(x.read().reshape([1, 2]));
    const c = parts.exchange({ rows: true, within: '5s' });
    const mean = c.values.reduceSum({ axes: [0], keepdims: false });
    x.assign(mean);
    emit('x', mean);
    next('round').when(n.less(5n));
  });
});
