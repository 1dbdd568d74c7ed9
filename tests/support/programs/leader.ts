// Program 12 of the semantics: a leader with a backup. Who is elected starts flows as me, and is one of each besides: it tells
// all the new weights, which they take if the term is not older than the one they know.

import {
  cohort,
  collect,
  constant,
  emit,
  entry,
  event,
  int64,
  module,
  next,
  on,
  state,
  where,
} from '../../../dsl/index.ts';
import type { Count, Scalar, Truth, Vector } from './pick.ts';

const workers = cohort('worker');
export const topology = { version: 1, classes: { worker: { count: 3 } } };

export default module('leader', () => {
  const w = state('w', constant([1, 2]), { at: workers });
  const term = state('term', constant(0, int64), { at: workers });
  const round = state('round', constant(0, int64), { at: workers });

  entry('lead', workers, event('raft.elected', { term: [int64, []] }), (ev) => {
    const w1 = (w.read() as Vector).mul(0.9);
    const n = (round.read() as Count).add(1n) as Count;
    const answers = on(workers.each, () => {
      const known = term.read() as Count;
      const ok = ev.term.greaterOrEqual(known) as Truth;
      w.assign(w1.when(ok) as never);
      round.assign(n.when(ok) as never);
      term.assign(where(ok, ev.term, known) as never);
      return { ok: where(ok, constant(1), constant(0)) as Scalar };
    });
    const c = collect(answers as never, { atLeast: 2, within: '2s' }) as unknown as { ok: Vector };
    const agreed = c.ok.reduceSum({ keepdims: false }).greater(1.5) as Truth;
    emit('round', n.when(agreed as never));
    next('lead', { term: ev.term }).when(agreed.and(n.less(20n)) as never);
  });
});
