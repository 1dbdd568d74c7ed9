import {
  aggregator,
  cohort,
  float32,
  float64,
  index,
  input,
  module,
  output,
  peer,
  peerSelector,
} from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');

export default module('misuse', () => {
  const x = input('x', float32, [4, 10], { at: phones.each });
  const y = input('y', float64, [4, 10], { at: server });
  const near = index('near', { at: server });
  // error: a value of phone.each is used on server: collect it first
  near.add([1, 2, 3, 4], x);
  // error: search: dtypes differ: float32 and float64
  output('a', near.search(y, 3).ids);
  // error: Property 'class' is missing
  output('b', peerSelector('some', { at: server }).select(3, {}));
  // error: Expected 2-3 arguments, but got 1
  output('c', aggregator('mean', { at: server }).combine(y));
});
