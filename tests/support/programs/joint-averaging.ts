// Program 4 of the semantics, as a fixture: all enter round n themselves, and give each other shares of what they have.

import type { Value } from '../../../dsl/index.ts';
import { cohort, constant, emit, entry, int64, module, next, self, state } from '../../../dsl/index.ts';
import type { Count, Vector } from './pick.ts';

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
    const n = rounds.update((before) => (before as Count).add(1n) as never) as Count;
    const row = constant(shares).gather(self().positionsIn(peers.view())) as never as Value<
      'float32',
      [1, 3],
      'peer.each'
    >;
    const parts = row.transpose().matmul((x.read() as Vector).reshape([1, 2])) as Value<
      'float32',
      [3, 2],
      'peer.each'
    >;
    const c = parts.exchange({ rows: true, within: '5s' });
    const mean = c.values.reduceSum({ axes: [0], keepdims: false }) as never;
    x.assign(mean);
    emit('x', mean);
    next('round').when(n.less(5n));
  });
});
