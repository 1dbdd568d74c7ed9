import { float32, gradient, input, int64, module } from 'bytesandbrains';

export default module('m', () => {
  const x = input('x', float32, [4]);
  const k = input('k', int64, []);
  const loss = x.reduceMean({ keepdims: 0 });
  // error: gradient: the loss is no scalar
  gradient(x, x);
  // error: gradient: int64 has no gradient
  gradient(k, x);
  // error: gradient: int64 has no gradient
  gradient(loss, k);
  // error: gradient: int64 has no gradient
  gradient(loss, { x, k });
  const { x: dx } = gradient(loss, { x });
  // error: shapes do not broadcast
  dx.add(input('y', float32, [3]));
});
