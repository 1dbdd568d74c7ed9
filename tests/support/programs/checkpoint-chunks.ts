// Program 14 of the semantics: a checkpoint is fetched in chunks, of several peers at once. What a chunk is says whether it is the
// one that was meant, so it does not matter who sends it: who has nothing, is gone or lies only costs a step.

import {
  bootstrap,
  cohort,
  constant,
  emit,
  entry,
  int64,
  module,
  next,
  on,
  peer,
  protocol,
  state,
  uint8,
} from '../../../dsl/index.ts';
import { contentStore } from '../../../stdlib/protocols/index.ts';

const client = peer('client');
const peers = cohort('peer');
export const PEERS = 3;
export const topology = { version: 1, classes: { client: {}, peer: { count: PEERS } } };
export const STEPS = 20;
/** 480 bytes: seven chunks and a half. */
export const CHECKPOINT = Array.from({ length: 120 }, (_, at) => Math.fround(Math.sin(at)));
export const CHUNK = 64;
export const CHUNKS = 8;

const use = { kind: 'content-store', chunk: CHUNK } as const;
export default module('checkpoint-chunks', () => {
  const store = protocol('store', contentStore, { at: client, use });
  const kept = protocol('kept', contentStore, { at: peers.each, use });
  const w = state('w', constant(new Float32Array(CHECKPOINT.length)), { at: client });

  bootstrap('fill', peers, () => kept.add(constant(CHECKPOINT)));
  // No chunk has this name.
  const none = constant(Array<string>(CHUNKS).fill(''));
  entry('fetch', client, { initial: { man: none, step: 0n } }, ({ man, step }) => {
    const before = store.lacking(man);
    const lacking = before.when(before.size().greater(0n)).orElse(man);
    // Another one of whom another chunk is asked in each step.
    const turns = constant([...Array(PEERS).keys()], int64)
      .add(step)
      .mod(lacking.size());
    const want = lacking.gather(turns).unsqueeze([1]);
    const c = on(peers.each, () => kept.get(want.scatter(peers.each)).as(uint8, [1, CHUNK])).collect({
      atLeast: 1,
      within: '30s',
    });
    const came = c.values.reshape([-1, CHUNK]);
    store.put(man, came.when(came.present()));
    const left = store.lacking(man).size();
    const whole = left.equal(0n);
    w.assign(store.assemble(man.when(whole), w.read()));
    emit('left', left);
    next('fetch', { step: step.add(1n) }).when(whole.not().and(step.less(BigInt(STEPS - 1))));
  });
});
