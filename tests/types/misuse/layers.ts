import { float32, float64, input, int64, module, peer } from 'bytesandbrains';
import { crossEntropy, mse } from 'bytesandbrains/loss';
import { conv2d, embedding, initial, linear, relu, sequential, states } from 'bytesandbrains/nn';
import { key, uniform } from 'bytesandbrains/random';

export default module('layers', () => {
  const x = input('x', float32, ['N', 100]);
  const fc = linear({ in: 784, out: 10 });
  const given = initial(fc.parameters, 1);
  // error: linear: the last dimension is 100, not 784
  fc(given)(x);
  // error: linear: it takes float32, not float64
  fc(given)(input('wide', float64, ['N', 784]));
  // error: Property 'bias' is missing
  fc({ weight: given.weight });
  // error: is not assignable to
  fc({ weight: given.bias, bias: given.bias });
  // error: is not assignable to type 'Place
  states(fc.parameters, { at: 'server' });

  const image = input('image', float32, ['N', 3, 28, 28]);
  const conv = conv2d({ in: 1, out: 4, kernel: 3 });
  // error: conv2d: it has 3 channels, not 1
  conv(initial(conv.parameters, 1))(image);
  // error: conv2d: 0 dimensions follow the channels, not 2
  conv(initial(conv.parameters, 1))(x);

  const net = sequential(['hidden', linear({ in: 100, out: 20 })], relu(), linear({ in: 30, out: 10 }));
  // error: sequential: linear: the last dimension is 20, not 30
  net(initial(net.parameters, 1))(x);
  // error: Property '1.weight' does not exist
  net.parameters['1.weight'];
  const rows = embedding({ count: 10, size: 4 });
  // error: embedding: it takes int32, not float32
  rows(initial(rows.parameters, 1))(x);

  // error: labels are int32 or int64, not float32
  crossEntropy(x, input('soft', float32, ['N']));
  // error: labels have the shape of the scores without their second dimension
  crossEntropy(x, input('pairs', int64, ['N', 100]));
  // error: mse: shapes do not broadcast: 100 and 99
  mse(x, input('other', float32, ['N', 99]));
  // error: is not assignable to
  uniform(7, [2]);
  // error: is not assignable to parameter of type
  key(1).fold(x);
  return peer('server');
});
