// Program 6 of the semantics: federated averaging in two tiers. Each head trains with a cluster of its own, which a table says, in
// two rounds; the server averages the heads, and begins again. Clusters overlap: a phone works for two heads at once.

import {
  cohort,
  constant,
  emit,
  entry,
  float32,
  gradient,
  int64,
  module,
  next,
  on,
  peer,
  self,
  state,
  type Tensor,
  type Value,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import type { Column, Count, Scalar } from './pick.ts';

const server = peer('server');
const heads = cohort('head');
const phones = cohort('phone');
export const topology = { version: 1, classes: { head: { count: 3 }, phone: { count: 6 }, server: {} } };

/** By head: the phones of its cluster. */
export const CLUSTERS = [
  [0, 1, 2],
  [2, 3, 4],
  [4, 5, 0],
];
export const HEAD_ROUNDS = 2;
export const ROUNDS = 3;
export const RATE = 0.25;
/** By phone: its points, and their values. */
export const POINTS = [...Array(6).keys()].map((phone) => [
  [1, (phone % 3) - 1],
  [0.5 * phone - 1, 1],
]);
export const VALUES = POINTS.map((own) => own.map(([a, b]) => [2 * a! - b!]));

/** A member's row of a table for its class. */
const rowOf = <V extends Tensor>(table: V, all: Tensor<'string'>): Tensor =>
  (table as Tensor).gather(self().positionsIn(all)).squeeze({ axes: [0] });

export default module('two-tier-federated', () => {
  const w = state('w', constant([[0], [0]]), { at: server });
  const trained = state('trained', constant(0, int64), { at: phones });

  entry('round', server, { initial: { round: 0n }, limit: 1 }, ({ round }) => {
    const cluster = on(heads.each, () => {
      const rows = rowOf(constant(CLUSTERS, int64), heads.view()) as Tensor<'int64'>;
      return phones.some(phones.view().gather(rows));
    });
    let model = w.read() as Column;
    for (let n = 0; n < HEAD_ROUNDS; n++) {
      const stepped = on(cluster, () => {
        const x = rowOf(constant(POINTS, float32), phones.view()) as Value<'float32', [2, 2], string>;
        const y = rowOf(constant(VALUES, float32), phones.view()) as Value<'float32', [2, 1], string>;
        trained.update((count) => (count as Count).add(1n) as never);
        // Differentiated where it is: a gradient of what the head has would be the sum over its phones.
        const own = model.broadcast(cluster) as Column;
        const slope = gradient(mse(x.matmul(own), y) as Scalar, { own }).own as Column;
        return own.sub(slope.mul(RATE));
      });
      const answers = stepped.collect({ within: '20s' });
      model = on(heads.each, () => answers.values.reduceMean({ axes: [0], keepdims: false })) as Column;
    }
    const mean = model
      .collect({ at: server, within: '60s' })
      .values.reduceMean({ axes: [0], keepdims: false });
    w.assign(mean as never);
    emit('w', mean);
    next('round', { round: round.add(1n) }).when(round.less(BigInt(ROUNDS - 1)));
  });
});
