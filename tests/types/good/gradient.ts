// The parameters of a gradient may be a value, an array, a record, or both in each other.

import { float32, gradient, input, module, peer } from 'bytesandbrains';

export default module('gradients', () => {
  const x = input('x', float32, [3, 4], { at: peer('phone') });
  const w = input('w', float32, [4, 2]);
  const v = input('v', float32, [2, 1]);
  const loss = x.matmul(w).matmul(v).reduceMean({ keepdims: false });
  const one = gradient(loss, w);
  const { w: two } = gradient(loss, { w, v });
  const [three, four] = gradient(loss, [w, v]);
  const { layers } = gradient(loss, { layers: [w, { v }] });
  one.add(two).add(three).add(layers[0]);
  four.add(layers[1].v);
});
