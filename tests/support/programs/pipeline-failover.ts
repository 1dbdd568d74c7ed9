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
import { type Count, draw, type Truth, type Vector } from './pick.ts';

const client = peer('client');
const stages = [cohort('front'), cohort('back')];
export const topology = { version: 1, classes: { client: {}, front: { count: 2 }, back: { count: 2 } } };

export default module('pipeline-failover', () => {
  const tried = state('tried', constant(0, int64), { at: client });
  const caches = stages.map((stage, i) => state(`kv${i}`, constant([0, 0]), { at: stage, perSession: true }));

  const pass = (token: Vector): Vector => {
    let h = token;
    for (const [i, stage] of stages.entries()) {
      const s = stage.one(draw(key(i).fold(tried.read() as Count), 1), { sticky: true });
      h = on(s, () => {
        const kv = caches[i]!.update((before) => (before as Vector).mul(0.5).add(h) as never) as Vector;
        return kv.tanh();
      }) as Vector;
    }
    return h;
  };

  entry('token', client, { initial: { token: [1, 0], left: 8n }, within: '2s' }, ({ token, left }) => {
    const out = pass(token);
    emit('token', out);
    const more = (left as Count).greater(1n) as Truth;
    next('token', { token: out, left: (left as Count).sub(1n) } as never).when(
      out.present().and(more) as never,
    );
    start('resume', { token, left }).when(out.present().not() as never);
  });

  entry('resume', client, { initial: { token: [1, 0], left: 8n }, within: '2s' }, ({ token, left }) => {
    const again = tried.update((before) => (before as Count).add(1n) as never) as Count;
    const out = pass(token);
    emit('token', out);
    next('token', { token: out, left: (left as Count).sub(1n) } as never).when(
      out.present().and(again.less(5n)) as never,
    );
    // The draw knows nothing of who is gone: another one may find somebody else.
    start('resume', { token, left }).when(out.present().not().and(again.less(5n)) as never);
  });
});
