// Program 2 of the semantics: federated averaging with a quorum. The run stops after fifty rounds, or when the loss has not
// become better three times in a row. With too few answers a round changes nothing, and the run goes on.

import {
  cohort,
  collect,
  constant,
  emit,
  entry,
  gradient,
  int64,
  module,
  next,
  on,
  peer,
  state,
  weightedMean,
  where,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import { fixedKey, key } from '../../../dsl/random/index.ts';
import { draw, pointsOf } from './pick.ts';

const server = peer('server');
const phones = cohort('phone');
export const topology = { version: 1, classes: { phone: { count: 12 }, server: {} } };

export default module('federated-early-stop', () => {
  const w = state('w', constant([[0], [0]]), { at: server });
  const best = state('best', constant(1e30), { at: server });
  const bad = state('bad', constant(0, int64), { at: server });

  entry('round', server, { initial: { round: 0n }, limit: 1 }, ({ round }) => {
    // Made on the server, once in this flow.
    const picked = phones.some(draw(key(3), 10));
    const before = w.read();
    const own = on(picked, () => {
      // Others at each phone, and in each round.
      const { x, y } = pointsOf(key(7));
      // Differentiated where it is: a gradient of what the server has would be the sum over the phones.
      const mine = before.broadcast(picked);
      const slope = gradient(mse(x.matmul(mine), y), mine);
      return { wk: mine.sub(slope.mul(0.3)), n: constant(8, int64) };
    });
    const c = collect(own, { enough: 10, atLeast: 8, within: '60s' });
    const w1 = weightedMean(c.wk, c.n);
    w.assign(w1.when(w1.present()));
    const { x, y } = pointsOf(fixedKey(8));
    const least = best.read();
    const loss = mse(x.matmul(w1), y).orElse(least);
    const better = loss.less(least);
    best.assign(where(better, loss, least));
    const bad1 = where(better, constant(0n), bad.read().add(1n));
    bad.assign(bad1);
    emit('loss', loss);
    next('round', { round: round.add(1n) }).when(round.less(49n).and(bad1.less(3n)));
  });
});
