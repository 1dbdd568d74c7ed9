// Split learning: the images stay on the client with the first layers, the labels at the server with the others. Nobody
// wrote a message: what the first layers make of a batch goes to the server, and because the graph is differentiated
// before it is cut, the gradient of that comes back, and each side updates its own layers.

import {
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  module,
  next,
  on,
  output,
  peer,
  state,
  uint8,
  type Value,
} from 'bytesandbrains';
import { accuracy, crossEntropy } from 'bytesandbrains/loss';
import { conv2d, flatten, linear, maxPool2d, read, relu, sequential, states } from 'bytesandbrains/nn';
import { adam, train } from 'bytesandbrains/optim';

export const BATCH = 64;
export const EPOCHS = 1;
/** After so many steps the next so many of the test digits are read. */
const EVERY = 50;
const TEST = 1000;

const client = peer('client');
const server = peer('server');

const first = sequential(
  ['conv1', conv2d({ in: 1, out: 16, kernel: 3 })],
  relu(),
  maxPool2d(2),
  ['conv2', conv2d({ in: 16, out: 32, kernel: 3 })],
  relu(),
  maxPool2d(2),
  flatten(),
);
const rest = sequential(['hidden', linear({ in: 800, out: 128 })], relu(), [
  'out',
  linear({ in: 128, out: 10 }),
]);

const pixels = <N extends number>(image: Value<'uint8', [N, 1, 28, 28], string>) =>
  image.cast({ to: float32 }).div(255).sub(0.13).div(0.31);
const ofImages = { image: [uint8, ['N', 1, 28, 28]] } as const;
const ofLabels = { label: [int64, ['N']] } as const;

export default module('split-learning', () => {
  // Both sides have the same digits in the same order: the client how they look, the server what they are.
  const images = dataSource('train', { at: client, fields: ofImages });
  const labels = dataSource('train-labels', { at: server, fields: ofLabels });
  const unseen = dataSource('test', { at: client, fields: ofImages });
  const truth = dataSource('test-labels', { at: server, fields: ofLabels });
  const held = {
    first: states(first.parameters, { at: client, seed: 7 }),
    rest: states(rest.parameters, { at: server, seed: 7 }),
  };
  const found = state('accuracy', constant(0), { at: server });

  entry('step', client, { initial: { step: 0n } }, ({ step }) => {
    const parameters = { first: read(held.first), rest: read(held.rest) };
    const features = first(parameters.first)(pixels(images.batch(step, BATCH).image));
    const { loss, right } = on(server, () => {
      const { label } = labels.batch(step, BATCH);
      const logits = rest(parameters.rest)(features);
      return { loss: crossEntropy(logits, label), right: accuracy(logits, label) };
    });
    const trained = train(adam({ lr: 1e-3 }), held, gradient(loss, parameters));
    output('loss', loss);
    output('right', right);

    // What is not due is declined, and the share that was found last stands.
    const done = step.add(1n);
    const block = done.div(EVERY).when(done.mod(EVERY).equal(0n));
    const made = first(trained.first)(pixels(unseen.batch(block, TEST).image));
    on(server, () => {
      const { label } = truth.batch(block, TEST);
      const share = accuracy(rest(trained.rest)(made), label).orElse(found.read());
      found.assign(share);
      output('accuracy', share);
    });
    next('step', { step: done }).when(done.less(images.size().div(BATCH).mul(EPOCHS)));
  });
});
