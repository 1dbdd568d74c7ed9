// A small image classifier that says nothing about peers: the compiler cuts it between those of topology.json.
// A trained model comes in the same way: `const net = onnx('./model.onnx')`, then `net({ input: image })`.
import { constant, conv, float32, input, module, output } from 'bytesandbrains';

/** Weights that are the same in every run; training or a file would bring better ones. */
const weights = (count: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => scale * Math.sin(index + 1));

export default module('classifier', () => {
  const image = input('image', float32, [1, 3, 32, 32]);
  const edges = constant(weights(8 * 3 * 3 * 3, 0.2), float32, [8, 3, 3, 3]);
  const shapes = constant(weights(16 * 8 * 3 * 3, 0.1), float32, [16, 8, 3, 3]);
  const classes = constant(weights(16 * 10, 0.3), float32, [16, 10]);

  const low = conv(image, edges, { pads: [1, 1, 1, 1], strides: [2, 2] }).relu();
  const high = conv(low, shapes, { pads: [1, 1, 1, 1], strides: [2, 2] }).relu();
  const pooled = high.reduceMean({ axes: [2, 3], keepdims: 0 });
  const scores = pooled.matmul(classes).softmax();
  output('scores', scores);
});
