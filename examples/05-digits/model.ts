// Trains a small convolutional network on handwritten digits, on one peer. Each flow is one step of Adam, and `next`
// starts the following one: what goes on from step to step is state. After each epoch the network reads the test digits.

import {
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  module,
  next,
  output,
  peer,
  scan,
  state,
  uint8,
  type Value,
} from 'bytesandbrains';
import { accuracy, crossEntropy } from 'bytesandbrains/loss';
import {
  conv2d,
  dropout,
  fixedKey,
  flatten,
  type Given,
  linear,
  maxPool2d,
  read,
  relu,
  sequential,
  states,
} from 'bytesandbrains/nn';
import { adam, cosineDecay, train } from 'bytesandbrains/optim';

export const BATCH = 128;
export const EPOCHS = 3;
/** How many digits there are to learn from. */
const TRAINING = 60_000;
/** How many test digits there are, and how many are read at once. */
const TEST = 10_000;
const AT_ONCE = 1000;
const SEED = 7;

/** Large steps at first, small ones at the end. */
const rate = cosineDecay({ rate: 2e-3, steps: EPOCHS * Math.floor(TRAINING / BATCH) });

const desk = peer('desk');

const net = sequential(
  ['conv1', conv2d({ in: 1, out: 16, kernel: 3 })],
  relu(),
  maxPool2d(2),
  ['conv2', conv2d({ in: 16, out: 32, kernel: 3 })],
  relu(),
  maxPool2d(2),
  flatten(),
  ['hidden', linear({ in: 800, out: 128 })],
  relu(),
  dropout(0.25),
  ['out', linear({ in: 128, out: 10 })],
);

const pixels = <N extends number>(image: Value<'uint8', [N, 1, 28, 28], string>) =>
  image.cast({ to: float32 }).div(255).sub(0.13).div(0.31);

const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;

export default module('digits', () => {
  const digits = dataSource('train', { at: desk, fields });
  const unseen = dataSource('test', { at: desk, fields });
  const held = states(net.parameters, { at: desk, seed: SEED });
  const found = state('accuracy', constant(0), { at: desk });

  entry('step', desk, { initial: { step: 0n } }, ({ step }) => {
    const { image, label } = digits.batch(step, BATCH);
    const parameters = read(held);
    // By the step alone, so that a training that goes on later drops what it would have dropped.
    const mode = { training: true, key: fixedKey(SEED).fold('dropout').fold(step) };
    const logits = net(parameters, mode)(pixels(image));
    const loss = crossEntropy(logits, label);
    const trained = train(adam({ lr: rate }), held, gradient(loss, parameters));
    output('loss', loss);
    output('right', accuracy(logits, label));

    const done = step.add(1n);
    const perEpoch = digits.size().div(BATCH);
    const due = done.mod(perEpoch).equal(0n);
    // What is not due is declined, and the share that was found last stands.
    const share = evaluate(trained, unseen.batch(constant(0n).when(due), TEST)).orElse(found.read());
    found.assign(share);
    output('accuracy', share);
    next('step', { step: done }).when(done.less(perEpoch.mul(EPOCHS)));
  });
});

/** The share of digits that the network reads rightly, as many at once as memory is meant for. */
function evaluate(
  parameters: Given<typeof net.parameters>,
  {
    image,
    label,
  }: { image: Value<'uint8', [number, 1, 28, 28], string>; label: Value<'int64', [number], string> },
) {
  const [images, labels] = [image.reshape([-1, AT_ONCE, 1, 28, 28]), label.reshape([-1, AT_ONCE])];
  const { right } = scan({}, { images, labels }, (_, part) => ({
    right: accuracy(net(parameters)(pixels(part.images)), part.labels),
  }));
  return right.reduceMean({ keepdims: false });
}
