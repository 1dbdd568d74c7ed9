// What programs are written with keeps its dtype, shape and place.
import {
  cohort,
  collect,
  constant,
  emit,
  entry,
  int64,
  module,
  on,
  peer,
  state,
  type Value,
} from 'bytesandbrains';
import { read, update } from 'bytesandbrains/optim';

const server = peer('server');
const phones = cohort('phone');

type Scalar = Value<'int64', [], 'server'>;

export default module('programs', () => {
  const held = {
    m: state('m', constant([0, 0]), { at: phones }),
    age: state('age', constant(1), { at: phones }),
  };
  const w = state('w', constant([[0], [0]]), { at: server });
  const count = state('count', constant(0, int64), { at: server });

  entry('round', server, () => {
    const n: Scalar = count.update((before) => before.add(1n));
    const picked = phones.some(phones.view());
    const own = on(picked, () => ({ wk: w.read().matmul([[1, 2, 3]]), n: constant(8, int64) }));
    // shows: Value<"float32", [2, 3], "phone.some">
    const wk = own.wk;
    const c = collect(own, { atLeast: 1, within: '2s', at: server });
    // shows: Value<"float32", [number, 2, 3], "server">
    const all = c.wk;
    // shows: Value<"float32", [2, 3], "any">
    const first = c.wk.gather(0n);
    // shows: Value<"float32", [number, 2, 1], "any">
    const column = c.wk.gather([1n], { axis: 2 });
    // shows: Value<"string", [1], "any">
    const name = c.senders.gather([0n]);
    const now = on(phones.some(name), () =>
      update(held, ({ m, age }) => ({ m: m.mul(age.div(2)).add(m.mul(age.div(age))), age: age.add(1) })),
    );
    // shows: Value<"float32", [2], "phone.some">
    const m = now.m;
    // shows: Value<"float32", [2], "any">
    const before = read(held).m;
    w.assign(w.read().when(n.greater(3n)));
    for (const one of [wk, all, first, column, m, before, name]) emit('one', one);
  });
});
