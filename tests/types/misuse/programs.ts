// What programs are written with, where it does not fit.
import { cohort, collect, constant, entry, int64, module, on, peer, state } from 'bytesandbrains';
import { update } from 'bytesandbrains/optim';

const server = peer('server');
const phones = cohort('phone');

export default module('misuse', () => {
  const held = {
    m: state('m', constant([0, 0]), { at: phones }),
    age: state('age', constant(1), { at: phones }),
  };
  const w = state('w', constant([[0], [0]]), { at: server });
  const count = state('count', constant(0, int64), { at: server });

  entry('round', server, () => {
    // error: dtypes differ: int64 and float32
    count.update((before) => before.add(constant(1)));
    // error: assign: dtypes differ: float32 and int64
    w.assign(count.read());
    // error: assign: the value does not have the rank of the state
    w.assign(constant([0, 0]));
    // error: matmul: inner dimensions differ: 1 and 2
    w.read().matmul([[1], [2]]);
    const own = on(phones.each, () => ({ m: held.m.read(), age: held.age.read() }));
    // error: a value of phone.each is used on server: collect it first
    on(server, () => own.m.add(1));
    // error: assign: a value of phone.each is used on server: collect it first
    w.assign(own.age.reshape([1, 1]));
    // error: collect: a value of server is not a cohort's
    collect({ own: own.m, w: w.read() });
    const all = collect(own, { at: server });
    // error: gather: axis 2 is not one of 2 dimensions
    all.m.gather(0n, { axis: 2 });
    on(phones.some(all.senders), () =>
      // error: the value does not have the rank of the state
      update(held, ({ m, age }) => ({ m: m.reduceSum({ keepdims: false }), age })),
    );
  });
});
