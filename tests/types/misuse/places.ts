import { cohort, constant, float32, input, module, on, output, peer, state } from 'bytesandbrains';

const server = peer('server');
const phones = cohort('phone');
const sensors = cohort('sensor');

export default module('misuse', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const s = input('s', float32, [4], { at: sensors.each });
  // error: PlaceError<"a value of phone.each is used on server: collect it first">
  on(server, () => x.mul(2));
  // error: 'PlaceError<"add: one value is at phone.each, the other at sensor.each; collect one of them">'
  output('a', x.add(s));
  const w = state('w', constant([0, 0, 0, 0]), { at: server });
  // error: 'PlaceError<"assign: a value of phone.each is used on server: collect it first">'
  w.assign(x.add(w.read()));
  // error: 'PlaceError<"a value of phone.each is used on server: collect it first">'
  x.relu().at(server);
  // error: PlaceError<"collect: a value of server is not a cohort's">
  on(server, () => w.read()).collect();
  w.assign(x.collect({ at: server }).values.reduceMean({ axes: [0], keepdims: false }));
});
