// Program 13 of the semantics: two workers do the same work, with the same draws, since the key is a value. Where their results
// differ the judge does it too, and the one that is not as the judge has it is thrown out. One that is silent is not accused.

import {
  cohort,
  constant,
  digest,
  emit,
  entry,
  int64,
  interval,
  module,
  on,
  peer,
  state,
  where,
} from '../../../dsl/index.ts';
import { type Key, key, normal } from '../../../dsl/random/index.ts';
import { draw, type Pair } from './pick.ts';

const judge = peer('judge');
const workers = cohort('worker');
export const topology = { version: 1, classes: { judge: {}, worker: { count: 4 } } };

/** The work: a mean of draws. */
const work = (shard: Pair, from: Key): Pair => shard.add(normal(from, [2])).mul(0.5);

export default module('challenge', () => {
  const tick = state('tick', constant(0, int64), { at: judge });
  const out = state('out', constant(['']), { at: judge });

  entry('check', judge, interval('5s'), () => {
    const n = tick.update((before) => before.add(1n));
    const seed = key(7);
    const shard = constant([1, 2]).mul(n.cast({ to: 'float32' }));
    const pair = workers.some(draw(seed.fold('pair'), 2, out.read()));
    const c = on(pair, () => digest(work(shard, seed))).collect({ within: '60s' });
    const [first, second] = [c.values.gather(0n), c.values.gather(1n)];
    const differ = first.equal(second).not();
    const own = digest(work(shard.when(differ), seed));
    const liar = where(own.equal(first), constant(1n), 0n);
    const name = c.senders.gather(liar.reshape([1]));
    const thrown = out.read().union(name);
    out.assign(thrown.when(differ.and(own.present())));
    emit('out', thrown);
  });
});
