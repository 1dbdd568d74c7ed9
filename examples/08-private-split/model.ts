// Split learning in the shape of a U: the client has the first layers and the last, so neither images nor labels leave it.
// Both are marked private. The compiler refuses to send them; `bbc lint` follows whatever is computed from them, and
// finds nothing, since the two things that do leave say here why they may: features, and the gradient that goes back for
// what the server made of them.

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
const middle = sequential(['hidden', linear({ in: 800, out: 128 })], relu());
const last = sequential(['out', linear({ in: 128, out: 10 })]);

const FEATURES = '32 maps of 5 × 5, of which the server never sees the layers that made them';
const GRADIENT =
  'what the client wants of 128 numbers a digit; the layer that ties them to labels stays with it';

const pixels = <N extends number>(image: Value<'uint8', [N, 1, 28, 28], string>) =>
  image.cast({ to: float32 }).div(255).sub(0.13).div(0.31);
const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;

export default module('private-split', () => {
  const digits = dataSource('train', { at: client, fields, private: true });
  const unseen = dataSource('test', { at: client, fields, private: true });
  const held = {
    first: states(first.parameters, { at: client, seed: 7 }),
    middle: states(middle.parameters, { at: server, seed: 7 }),
    last: states(last.parameters, { at: client, seed: 7 }),
  };
  const found = state('accuracy', constant(0), { at: client });

  entry('step', client, { initial: { step: 0n } }, ({ step }) => {
    const { image, label } = digits.batch(step, BATCH);
    const parameters = { first: read(held.first), middle: read(held.middle), last: read(held.last) };
    const features = first(parameters.first)(pixels(image)).declassify(FEATURES);
    const upper = on(server, () => middle(parameters.middle)(features)).declassifyGradient(GRADIENT);
    const logits = last(parameters.last)(upper);
    const loss = crossEntropy(logits, label);
    const trained = train(adam({ lr: 1e-3 }), held, gradient(loss, parameters));
    output('loss', loss);
    output('right', accuracy(logits, label));

    // What is not due is declined, and the share that was found last stands.
    const done = step.add(1n);
    const test = unseen.batch(done.div(EVERY).when(done.mod(EVERY).equal(0n)), TEST);
    const made = first(trained.first)(pixels(test.image)).declassify(FEATURES);
    const above = on(server, () => middle(trained.middle)(made));
    const share = accuracy(last(trained.last)(above), test.label).orElse(found.read());
    found.assign(share);
    output('accuracy', share);
    next('step', { step: done }).when(done.less(digits.size().div(BATCH).mul(EPOCHS)));
  });
});
