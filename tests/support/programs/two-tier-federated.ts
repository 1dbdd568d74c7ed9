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
  type Value,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import type { Column, Count, Scalar } from './pick.ts';

const server = peer('server');
const heads = cohort('head');
const phones = cohort('phone');
export const topology = { version: 1, classes: { head: { count: 3 }, phone: { count: 6 }, server: {} } };

/** By head: the phones of its cluster. */
export const clusters = [
  [0, 1, 2],
  [2, 3, 4],
  [4, 5, 0],
] as const;
export const HEAD_ROUNDS = 2;
export const ROUNDS = 3;
export const RATE = 0.25;
/** By phone: its points, and what they are worth. */
export const points = [...Array(6).keys()].map((phone) => [
  [1, (phone % 3) - 1],
  [0.5 * phone - 1, 1],
]);
export const worths = points.map((own) => own.map(([a, b]) => [2 * a! - b!]));

/** A member's row of a table for its class. */
const mine = (table: Value, all: Value<'string'>): Value =>
  table.gather(self().positionsIn(all as never) as never).squeeze({ axes: [0] } as never) as never;

const line = (at: Column, x: Value, y: Value): Scalar =>
  mse((x as Column).matmul(at as never), y as never) as never;

export default module('two-tier-federated', () => {
  const w = state('w', constant([[0], [0]]), { at: server });
  const trained = state('trained', constant(0, int64), { at: phones });

  entry('round', server, { initial: { round: 0n }, limit: 1 }, ({ round }) => {
    const cluster = on(heads.each, () => {
      const rows = mine(constant(clusters as never, int64), heads.view());
      return phones.some(phones.view().gather(rows as never) as never);
    });
    let model = w.read() as Column;
    for (let n = 0; n < HEAD_ROUNDS; n++) {
      const before = model;
      const stepped = on(cluster as never, () => {
        const [x, y] = [points, worths].map((table) =>
          mine(constant(table as never, float32), phones.view()),
        );
        // Differentiated where it is: a gradient of what the head has would be the sum over its phones.
        const own = before.broadcast(cluster as never) as never as Column;
        trained.update((count) => (count as Count).add(1n) as never);
        const slope = gradient(line(own, x!, y!), { own }).own as Column;
        return own.sub(slope.mul(RATE)) as never;
      }) as Column;
      model = on(
        heads.each,
        () =>
          stepped
            .collect({ within: '20s' } as never)
            .values.reduceMean({ axes: [0], keepdims: false } as never) as never,
      );
    }
    const all = model.collect({ at: server, within: '60s' } as never);
    const mean = all.values.reduceMean({ axes: [0], keepdims: false } as never) as never as Column;
    w.assign(mean as never);
    emit('w', mean);
    next('round', { round: round.add(1n) }).when(round.less(BigInt(ROUNDS - 1)));
  });
});
