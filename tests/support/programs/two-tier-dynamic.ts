// Program 6 of the semantics, where nobody knows beforehand how many rounds a head takes: each goes on by itself until its model moves
// no more, and reports to the server's buffer. The server moves when as many have reported as there are heads.

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
  where,
} from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import { update } from '../../../dsl/optim/index.ts';
import { CLUSTERS, POINTS, RATE, VALUES } from './two-tier-federated.ts';

const server = peer('server');
const heads = cohort('head');
const phones = cohort('phone');
export const HEADS = CLUSTERS.length;
export const topology = {
  version: 1,
  classes: { head: { count: HEADS }, phone: { count: POINTS.length }, server: {} },
};
/** The square of how far a step goes, from which on it counts; and steps at most. */
export const MOVED = 0.01;
export const MOST = 20;

export default module('two-tier-dynamic', () => {
  const buffer = {
    sum: state('sum', constant([[0], [0]]), { at: server }),
    count: state('count', constant(0, int64), { at: server }),
    w: state('w', constant([[0], [0]]), { at: server }),
  };
  const start = constant([[0], [0]]);
  entry('train', heads, { initial: { model: start, step: 0n }, limit: 1 }, ({ model, step }) => {
    const row = constant(CLUSTERS, int64).gather(self().positionsIn(heads.view()));
    const cluster = phones.some(phones.view().gather(row.squeeze({ axes: [0] })));
    const stepped = on(cluster, () => {
      const [x, y] = [POINTS, VALUES].map((table) =>
        constant(table, float32)
          .gather(self().positionsIn(phones.view()))
          .squeeze({ axes: [0] }),
      );
      const own = model.broadcast(cluster);
      return own.sub(gradient(mse(x!.matmul(own), y!), own).mul(RATE));
    });
    const c = stepped.collect({ atLeast: 2, within: '10s' });
    const now = c.values
      .reduceMean({ axes: [0], keepdims: false })
      .orElse(model)
      .as(float32, [2, 1]);
    const move = now.sub(model);
    const isStill = move.mul(move).reduceSum({ keepdims: false }).less(MOVED);
    const done = isStill.or(step.greaterOrEqual(BigInt(MOST - 1)));
    const told = now.when(done);
    on(server, () =>
      update(buffer, ({ sum, count, w }) => {
        const all = sum.add(told);
        const reports = count.add(constant(1, int64).when(told.present()));
        const isFull = reports.equal(BigInt(HEADS));
        return {
          sum: where(isFull, all.mul(0), all),
          count: where(isFull, reports.mul(0n), reports),
          w: where(isFull, all.div(HEADS), w),
        };
      }),
    );
    emit('steps', step.when(done));
    next('train', { model: now, step: step.add(1n) }).when(done.not());
  });
});
