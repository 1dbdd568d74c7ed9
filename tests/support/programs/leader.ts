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

const workers = cohort('worker');
export const topology = { version: 1, classes: { worker: { count: 3 } } };

export default module('leader', () => {
  const w = state('w', constant([1, 2]), { at: workers });
  const term = state('term', constant(0, int64), { at: workers });
  const round = state('round', constant(0, int64), { at: workers });

  entry('lead', workers, event('raft.elected', { term: [int64, []] }), (ev) => {
    const w1 = w.read().mul(0.9);
    const n = round.read().add(1n);
    const answers = on(workers.each, () => {
      const known = term.read();
      const ok = ev.term.greaterOrEqual(known);
      w.assign(w1.when(ok));
      round.assign(n.when(ok));
      term.assign(where(ok, ev.term, known));
      return { ok: where(ok, constant(1), constant(0)) };
    });
    const c = collect(answers, { atLeast: 2, within: '2s' });
    const agreed = c.ok.reduceSum({ keepdims: false }).greater(1.5);
    emit('round', n.when(agreed));
    next('lead', { term: ev.term }).when(agreed.and(n.less(20n)));
  });
});
