// Components: what a method gives follows from its role's declaration.
import {
  aggregator,
  cohort,
  component,
  constant,
  float32,
  index,
  input,
  int64,
  model,
  module,
  output,
  peer,
  peerSelector,
  protocol,
  type Value,
} from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');

export default module('components', () => {
  const x = input('x', float32, [64, 10], { at: phones.each });
  const all = x.collect({ at: server });
  const weights = constant([1, 2, 3]).at(server);
  const mean = aggregator('mean', { at: server, use: { kind: 'weighted-mean' } });
  // shows: Value<"float32", [64, 10], "server">
  const combined = mean.combine(all.values, weights);

  const near = index('near', { at: phones.each });
  near.add([1, 2], x);
  const found = near.search(x, 5);
  // shows: Value<"int64", [64, number], "phone.each">
  const ids = found.ids;
  // shows: Value<"float32", [64, number], "phone.each">
  const distances = found.distances;
  // shows: Value<"int64", [], "phone.each">
  const size = near.size();

  // shows: Value<"string", [number], "server">
  const peers = peerSelector('some', { at: server }).select(10, { class: 'phone', self: 'yes' });

  const opaque = model('opaque', { at: server, fields: { y: [float32, ['N', 3]] } });
  // shows: Value<"float32", [], "server">
  const loss = opaque.fit(combined, combined, { within: '5s' });
  // shows: Value<"float32", ["N", 3], "server">
  const y = opaque.predict(combined).y;

  const raft = protocol(
    'raft',
    {
      methods: {
        Propose: {
          kind: 'ask',
          inputs: [{ name: 'entry', dtype: 'T', shape: ['...S'] }],
          options: {},
          outputs: [{ name: 'at', dtype: 'int64', shape: [] }],
        },
      },
    },
    { at: server },
  );
  // shows: Value<"int64", [], "server">
  const at = raft.propose(combined);
  // shows: Value<"int64", [], "server">
  const records: Value<'int64', [], 'server'> = component('data_source', 'train', {
    at: server,
    fields: { z: [int64, ['N']] },
  }).size();
  output('all', ids);
  for (const [name, value] of Object.entries({ distances, size, peers, loss, y, at, records }))
    output(name, value);
});
