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
  type Value,
  where,
} from '../../../dsl/index.ts';
import { type Key, key, normal } from '../../../dsl/random/index.ts';
import { type Count, draw, type Truth, type Vector } from './pick.ts';

const judge = peer('judge');
const workers = cohort('worker');
export const topology = { version: 1, classes: { judge: {}, worker: { count: 4 } } };

/** The work: a mean of draws. */
const work = (shard: Vector, from: Key): Vector => shard.add(normal(from, [2])).mul(0.5) as Vector;

export default module('challenge', () => {
  const tick = state('tick', constant(0, int64), { at: judge });
  const out = state('out', constant([''] as never), { at: judge });

  entry('check', judge, interval('5s'), () => {
    const n = tick.update((before) => (before as Count).add(1n) as never) as Count;
    const seed = key(7).fold(n);
    const shard = constant([1, 2]).mul(n.cast({ to: 'float32' }) as never) as Vector;
    const others = {
      pick: (all: Parameters<ReturnType<typeof draw>['pick']>[0]) =>
        draw(seed, 2).pick(all.without(out.read() as never) as never),
    };
    const pair = workers.some(others);
    const c = on(pair, () => digest(work(shard, seed))).collect({ within: '60s' });
    const [first, second] = [0n, 1n].map((i) => c.values.gather(constant(i)) as Count);
    const differ = first!.equal(second!).not() as Truth;
    const own = digest(work(shard.when(differ as never) as Vector, seed));
    const liar = where(own.equal(first!), constant(1, int64), constant(0, int64)) as Count;
    const name = c.senders.gather(liar.reshape([1]) as never) as never as Value<'string', [1], 'judge'>;
    const before = out.read() as Value<'string', [number], 'judge'>;
    const thrown = before.union(name);
    out.assign(thrown.when(differ.and(own.present()) as never) as never);
    emit('out', thrown);
  });
});
