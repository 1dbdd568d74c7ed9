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
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';

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

/** Where a member stands in a class, to take its row of a table. */
const placeIn = (all: Tensor<'string'>) => self().positionsIn(all);

export default module('two-tier-federated', () => {
  const w = state('w', constant([[0], [0]]), { at: server });
  const trained = state('trained', constant(0, int64), { at: phones });

  entry('round', server, { initial: { round: 0n }, limit: 1 }, ({ round }) => {
    const cluster = on(heads.each, () => {
      const rows = constant(CLUSTERS, int64).gather(placeIn(heads.view()));
      return phones.some(phones.view().gather(rows.squeeze({ axes: [0] })));
    });
    const before = w.read();
    let model: Tensor<'float32'> = before;
    for (let n = 0; n < HEAD_ROUNDS; n++) {
      const stepped = on(cluster, () => {
        const [x, y] = [POINTS, VALUES].map((table) =>
          constant(table, float32)
            .gather(placeIn(phones.view()))
            .squeeze({ axes: [0] }),
        );
        trained.update((count) => count.add(1n));
        // Differentiated where it is: a gradient of what the head has would be the sum over its phones.
        const own = model.broadcast(cluster);
        return own.sub(gradient(mse(x!.matmul(own), y!), own).mul(RATE));
      });
      const answers = stepped.collect({ within: `${20 * (n + 1)}s` });
      model = on(heads.each, () => answers.values.reduceMean({ axes: [0], keepdims: false }));
    }
    const all = model.collect({ at: server, within: '60s' });
    const mean = all.values.reduceMean({ axes: [0], keepdims: false }).as(float32, [2, 1]);
    // Without all heads a round changes nothing.
    const after = mean.orElse(before);
    w.assign(after);
    emit('w', after);
    next('round', { round: round.add(1n) }).when(round.less(BigInt(ROUNDS - 1)));
  });
});
