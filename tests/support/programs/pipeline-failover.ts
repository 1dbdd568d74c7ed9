// Program 7 of the semantics: two stages, each on one of several servers that a session stays with, whose cache is state of
// the session. Whose token does not come in time begins a session anew, with fresh binders, and feeds it the history.

import {
  cohort,
  constant,
  emit,
  entry,
  int64,
  module,
  next,
  on,
  peer,
  start,
  state,
} from '../../../dsl/index.ts';
import { key } from '../../../dsl/random/index.ts';
import { draw, type Pair } from './pick.ts';

const client = peer('client');
const stages = [cohort('front'), cohort('back')];
export const topology = { version: 1, classes: { client: {}, front: { count: 2 }, back: { count: 2 } } };

export default module('pipeline-failover', () => {
  const tried = state('tried', constant(0, int64), { at: client });
  const caches = stages.map((stage, i) => state(`kv${i}`, constant([0, 0]), { at: stage, perSession: true }));

  const pass = (token: Pair): Pair => {
    let h = token;
    for (const [i, stage] of stages.entries()) {
      const s = stage.one(draw(key(i), 1), { sticky: true });
      h = on(s, () => {
        const kv = caches[i]!.update((before) => before.mul(0.5).add(h));
        return kv.tanh();
      });
    }
    return h;
  };

  entry('token', client, { initial: { token: [1, 0], left: 8n }, within: '2s' }, ({ token, left }) => {
    const out = pass(token);
    emit('token', out);
    const more = left.greater(1n);
    next('token', { token: out, left: left.sub(1n) }).when(out.present().and(more));
    start('resume', { token, left }).when(out.present().not());
  });

  entry('resume', client, { initial: { token: [1, 0], left: 8n }, within: '2s' }, ({ token, left }) => {
    const again = tried.update((before) => before.add(1n));
    const out = pass(token);
    emit('token', out);
    next('token', { token: out, left: left.sub(1n) }).when(out.present().and(again.less(5n)));
    // The draw knows nothing of who is gone: another one may find somebody else.
    start('resume', { token, left }).when(out.present().not().and(again.less(5n)));
  });
});
