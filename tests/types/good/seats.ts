// Peer sets, entries and triggers, as they may be used.
import {
  after,
  cohort,
  collect,
  constant,
  digest,
  entry,
  event,
  float32,
  input,
  int64,
  interval,
  module,
  next,
  on,
  type Picker,
  type Place,
  peer,
  start,
  state,
  type Value,
} from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');

export default module('seats', () => {
  const count = state('count', constant(0, int64), { at: phones });
  const total = state('total', constant(0, int64), { at: server });

  entry('round', server, { initial: { n: 0n }, limit: [2, 'replace'], within: '5s' }, ({ n }) => {
    const x = input('x', float32, [4], { at: phones.each });
    const asked = collect({ x }, { at: server, atLeast: 1 });
    const picked = phones.some(asked.senders.first().union(phones.view()));
    // What every phone has, some of them may use.
    const y: Value<'float32', [4], 'phone.some'> = on(picked, () => x.relu());
    const c = collect({ y }, { at: server, atLeast: 1, within: '2s' });
    const rows: Value<'float32', [number, 4], 'server'> = c.y;
    const best = phones.one(c.senders, { sticky: true });
    const z: Value<'float32', [4], 'phone.one'> = on(best, () =>
      rows.reduceMax({ axes: [0], keepdims: false }),
    );
    const same: Value<'bool', [], 'any'> = digest(z).equal(digest(rows));
    next('round', { n: n.add(1n) }).when(same);
    start('late').when(n.greater(3n));
    total.assign(n);
  });
  entry('late', server, after('1m'), () => {
    total.update((before) => before.add(1n));
  });
  entry('tick', phones, interval('10s'), { limit: 4 }, () => {
    count.update((before) => before);
    const p = phones.neighbour({ pick: (all) => all });
    on(p, () => count.read());
  });
  entry(
    'elected',
    phones,
    event('raft.elected', { term: [int64, []], who: ['string', ['K']] }),
    ({ term, who }) => {
      const t: Value<'int64', [], 'phone.me'> = term;
      on(phones.some(who), () => t.add(1n));
    },
  );
  entry('nested', server, () => {
    const set = input('theirs', 'string', ['K'], { at: phones.each });
    const x = input('x', float32, [3], { at: phones.each });
    const everyone: Picker = { pick: (all) => all };
    const picked = on(phones.each, () => phones.some(everyone));
    const place: Place<'phone.each/phone.some'> = picked;
    const y = on(phones.some(set), () => x.relu());
    const z: Value<'float32', [3], 'phone.each/phone.some'> = on(place, () => x.neg());
    const back: Value<'float32', [number, 3], 'phone.each'> = y.collect().values;
    const more: Value<'float32', [number, 3], 'phone.each'> = collect({ z }).z;
    on(phones.each, () => back.add(more).add(x));
  });
  entry('joint', phones.each, () => {
    const x = input('own', float32, [3, 2], { at: phones.each });
    const rows: Value<'float32', [number, 2], 'phone.each'> = x.exchange({ rows: true }).values;
    const whole: Value<'float32', [number, 3, 2], 'phone.each'> = x.exchange({ atLeast: 1 }).values;
    next('joint').when(rows.reduceSum({ keepdims: false }).greater(whole.reduceSum({ keepdims: false })));
  });
});
