// Program 10 of the semantics: who is asked comes from a Kademlia component, whose lookup answers later. If it does not, nobody
// is asked, and what they would have answered is missing. A peer that joins starts a flow of its own.

import {
  cohort,
  constant,
  emit,
  entry,
  event,
  float32,
  module,
  on,
  peer,
  protocol,
  state,
} from '../../../dsl/index.ts';

const client = peer('client');
const phones = cohort('phone');
export const topology = { version: 1, classes: { client: {}, phone: { count: 8 } } };

/** What a lookup in the overlay is asked. */
const kademlia = {
  methods: {
    Near: {
      kind: 'ask',
      inputs: [{ name: 'key', dtype: 'float32', shape: [2] }],
      options: {},
      outputs: [{ name: 'peers', dtype: 'string', shape: ['K'] }],
    },
  },
} as const;

export default module('dht-query', () => {
  const held = state('held', constant([1, 2]), { at: phones });
  const seen = state('seen', constant(0), { at: phones });
  const dht = protocol('dht', kademlia, { at: client });

  entry('find', client, { initial: { key: [0, 1] }, within: '5s' }, ({ key }) => {
    const peers = dht.near(key);
    const c = on(phones.some(peers), () => held.read().mul(key)).collect({
      atLeast: 1,
      within: '2s',
    });
    emit('best', c.values.reduceMax({ axes: [0], keepdims: false }));
    emit('who', c.senders);
  });
  entry('joined', phones, event('dht.joined', { distance: [float32, []] }), ({ distance }) => {
    const now = seen.update((before) => before.add(distance));
    emit('seen', now);
  });
});
