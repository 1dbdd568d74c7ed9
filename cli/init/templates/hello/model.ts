// A tiny classifier on one peer: softmax(x·w + b).
import { constant, float32, input, module, on, output, peer } from 'bytesandbrains';

const server = peer('server');

export default module('hello', () => {
  const x = input('x', float32, ['N', 4]);
  const weight = constant(new Float32Array([1, 0, 0, 1, 1, 0, 0, 1]), float32, [4, 2]);
  const y = on(server, () => x.matmul(weight).add(0.5).softmax());
  output('y', y);
});
