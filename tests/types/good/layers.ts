import { float32, gradient, input, int64, module, peer, type Value } from 'bytesandbrains';
import { crossEntropy, mse } from 'bytesandbrains/loss';
import {
  batchNorm,
  conv2d,
  dropout,
  embedding,
  flatten,
  globalAveragePool,
  initial,
  linear,
  lstm,
  maxPool2d,
  model,
  multiHeadAttention,
  parameter,
  read,
  relu,
  sequential,
  states,
} from 'bytesandbrains/nn';
import { key, uniform } from 'bytesandbrains/random';

const server = peer('server');

export default module('layers', () => {
  const x = input('x', float32, ['N', 784]);
  const fc = linear({ in: 784, out: 128 });
  const start = initial(fc.parameters, 7);
  // shows: Value<"float32", [128, 784], "any">
  const weight = start.weight;
  // shows: Value<"float32", ["N", 128], "any">
  const h = fc(start)(x);

  const cnn = sequential(
    ['conv', conv2d({ in: 1, out: 16, kernel: 3 })],
    relu(),
    maxPool2d(2),
    dropout(0.5),
    flatten(),
    ['out', linear({ in: 2704, out: 10 })],
  );
  const image = input('image', float32, ['N', 1, 28, 28]);
  const held = states(cnn.parameters, { at: server, seed: 1 });
  const values = read(held);
  // shows: Value<"float32", [10, 2704], "server">
  const out = values['out.weight'];
  // shows: Value<"float32", ["N", 10], "any">
  const logits = cnn(values)(image);
  const loss = crossEntropy(logits, input('labels', int64, ['N']));
  const slopes = gradient(loss, values);
  // shows: Value<"float32", [16, number, 3, 3], "server">
  const slope = slopes['conv.weight'];

  const ids = input('ids', int64, ['N', 12]);
  const words = sequential(embedding({ count: 1000, size: 32 }), linear({ in: 32, out: 8, bias: false }));
  // shows: Value<"float32", ["N", 12, 8], "any">
  const rows = words(initial(words.parameters, 1))(ids);

  const block = model({ fc, norm: batchNorm(128), gain: parameter([128]) }, ({ fc, norm, gain }) => {
    return (given: Value<'float32', ['N', 784], string>) => norm(fc(given)).mul(gain);
  });
  const kept = states(block.buffers, { at: server });
  // shows: Value<"float32", [128], "server">
  const mean = kept['norm.mean'].read();
  // shows: Value<"float32", ["N", 128], "any">
  const normal = block({ ...initial(block.parameters, 3), ...kept }, { training: true })(x);
  // shows: Value<"float32", [], "any">
  const error = mse(normal, h);

  const pool = globalAveragePool();
  // shows: Value<"float32", ["N", 1, 1, 1], "any">
  const means = pool({})(image);
  const attention = multiHeadAttention({ embed: 8, heads: 2 });
  // shows: Value<"float32", ["N", 12, 8], "any">
  const seen = attention(initial(attention.parameters, 1))(rows, { causal: true });
  const memory = lstm({ in: 8, hidden: 4 });
  const { y } = memory(initial(memory.parameters, 1))(input('sequence', float32, [12, 'N', 8]));
  // shows: Value<"float32", [2, 3], "any">
  const noise = uniform(key(1), [2, 3]);
  return [weight, out, slope, mean, error, means, seen, y, noise];
});
