// What may be written on a crossing, and what comes of a fold.
import {
  broadcast,
  cohort,
  collect,
  constant,
  float16,
  float32,
  fold,
  input,
  int8,
  int64,
  module,
  on,
  output,
  peer,
  scatter,
  type Value,
} from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');

export default module('crossings', () => {
  const w = input('w', float32, [4], { at: server });
  const here: Value<'float32', [4], 'phone.each'> = broadcast(w, phones.each, { codec: float16 });
  const rows = on(server, () => w.reshape([2, 2]));
  const mine: Value<'float32', [2], 'phone.each'> = scatter(rows, phones.each, { codec: int8 });
  const both = on(phones.each, () => ({ here, n: here.size() }));
  const c = collect(both, { at: server, codec: { kind: 'int8', block: 2 }, vouched: true, order: 'arrival' });
  const all: Value<'float32', [number, 4], 'server'> = c.here;
  const swapped: Value<'float32', [number, 2], 'phone.each'> = mine.exchange({ codec: int8 }).values;
  const { sum, count, senders } = fold(
    both,
    { sum: constant([0, 0, 0, 0]), count: constant(0n, int64) },
    (before, answer) => ({ sum: before.sum.add(answer.here), count: before.count.add(answer.n) }),
    { at: server, codec: int8, atLeast: 1 },
  );
  const summed: Value<'float32', [4], 'server'> = sum;
  const counted: Value<'int64', [], 'server'> = count;
  const who: Value<'string', [number], 'server'> = senders;
  output('all', all);
  output('swapped', swapped);
  output('summed', summed);
  output('counted', counted);
  output('who', who);
});
