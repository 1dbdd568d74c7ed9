// Program 6 of the semantics, as it stands there: five rounds unrolled, in each of which a head draws twenty phones anew. A collect
// from a place within another goes to whoever bound it, so each head has the answers of its own phones.

import {
  cohort,
  constant,
  emit,
  entry,
  module,
  on,
  peer,
  self,
  state,
  type Tensor,
} from '../../../dsl/index.ts';
import { key } from '../../../dsl/random/index.ts';
import { draw } from './pick.ts';

const server = peer('server');
const heads = cohort('head');
const phones = cohort('phone');
export const [HEADS, PHONES, CLUSTER, HEAD_ROUNDS] = [2, 40, 20, 5];
export const topology = {
  version: 1,
  classes: { head: { count: HEADS }, phone: { count: PHONES }, server: {} },
};
const cluster = (round: number) => draw(key(11).fold(`round ${round}`), CLUSTER);

export default module('two-tier-clusters', () => {
  const w = state('w', constant(1), { at: server });
  entry('round', server, { limit: 1 }, () => {
    let model: Tensor<'float32'> = w.read();
    for (let round = 0; round < HEAD_ROUNDS; round++) {
      const mine = on(heads.each, () => phones.some(cluster(round)));
      // Half way to its own number.
      const stepped = on(mine, () => {
        const own = self().positionsIn(phones.view()).reshape([]).cast({ to: 'float32' });
        return model.add(own).mul(0.5);
      });
      const c = stepped.collect({ atLeast: CLUSTER / 2, within: `${10 * (round + 1)}s` });
      const before = model;
      model = on(heads.each, () => c.values.reduceMean({ keepdims: false }).orElse(before));
      const senders = on(heads.each, () => c.senders.orElse(phones.view().without(phones.view())));
      emit(`senders ${round}`, senders);
      emit(`model ${round}`, model);
    }
    const all = model.collect({ at: server, within: '60s' });
    const mean = all.values.reduceMean({ keepdims: false });
    w.assign(mean.when(mean.present()));
  });
});
