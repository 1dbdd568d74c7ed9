// Where places, sets and entries are wrong, in the editor.
import {
  cohort,
  entry,
  event,
  float32,
  input,
  int64,
  interval,
  module,
  next,
  on,
  peer,
} from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');
const edges = cohort('edge');

export default module('misuse', () => {
  const ids = input('ids', 'string', ['K'], { at: server });
  const own = input('own', 'string', ['K'], { at: phones.each });
  const x = input('x', float32, [4], { at: phones.each });
  // error: a set is of peer ids, strings, not of float32
  phones.some(input('n', float32, ['K'], { at: server }));
  const theirs = on(edges.some(own), () => x.relu());
  // error: a value of phone.each/edge.some is used on server: collect it first
  on(server, () => theirs);
  // error: a value of phone.each/edge.some is used on edge.each: collect it first
  on(edges.each, () => theirs);
  const some = on(phones.some(ids), () => x.relu());
  // error: a value of phone.some is used on server: collect it first
  on(server, () => some);
  // error: a value of phone.some is used on phone.each: collect it first
  on(phones.each, () => some);
  // error: a value of phone.each is used on edge.some: collect it first
  on(edges.some(ids), () => x);
  // error: add: one value is at phone.some, the other at edge.each; collect one of them
  some.add(input('e', float32, [4], { at: edges.each }));
  // error: an entry is at a class, at a cohort, or, joint, at each member of one
  entry('a', phones.some(ids), () => {});
  // error: Type '"fail"' is not assignable to type 'LimitPolicy'
  entry('b', phones, interval('1s'), { limit: [2, 'fail'] }, () => {});
  entry('c', phones, event('raft.elected', { term: [int64, []] }), ({ term }) => {
    // error: dtypes differ: int64 and float32
    term.add(input('f', float32, [], { at: phones.me }));
  });
  // error: next: a condition of phone.some decides nothing elsewhere: collect it
  next('a').when(some.reduceSum({ keepdims: false }).greater(0));
});
