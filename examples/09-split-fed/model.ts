// Split learning and federated averaging together (Thapa et al. 2022, SplitFed): each of five phones has its own digits and
// its own first layers; one server has the others. In a step every phone sends what it makes of a batch, the server learns
// from all of them at once, and each phone gets its rows of the gradient back. After every ten steps the server averages
// the phones' layers, weighted by how many digits each has, and all go on from the mean.

import {
  cohort,
  collect,
  constant,
  dataSource,
  entry,
  float32,
  gradient,
  int64,
  module,
  next,
  on,
  orElse,
  output,
  peer,
  state,
  uint8,
  type Value,
  weightedMean,
  when,
} from 'bytesandbrains';
import { accuracy, crossEntropy } from 'bytesandbrains/loss';
import {
  conv2d,
  flatten,
  linear,
  maxPool2d,
  read,
  relu,
  sequential,
  states,
  update,
} from 'bytesandbrains/nn';
import { adam, train } from 'bytesandbrains/optim';

export const STEPS = 400;
/** How many steps a round has; after each the server reads the next so many of the test digits. */
export const ROUND = 10;
const TEST = 1000;
const BATCH = 32;
const optimizer = adam({ lr: 1e-3 });

const server = peer('server');
const phones = cohort('phone');

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
const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;

export default module('split-fed', () => {
  const digits = dataSource('train', { at: phones.each, fields });
  const unseen = dataSource('test', { at: server, fields });
  const held = {
    first: states(first.parameters, { at: phones.each, seed: 7 }),
    rest: states(rest.parameters, { at: server, seed: 7 }),
  };
  const found = state('accuracy', constant(0), { at: server });

  entry('step', server, { initial: { step: 0n } }, ({ step }) => {
    const parameters = { first: read(held.first), rest: read(held.rest) };
    const sent = on(phones.each, () => {
      const { image, label } = digits.batch(step, BATCH);
      return { features: first(parameters.first)(pixels(image)), label };
    });
    const all = collect(sent, { atLeast: 4, within: '30s' });
    const features = all.features.reshape([-1, 800]);
    const label = all.label.reshape([-1]);
    const logits = rest(parameters.rest)(features);
    const loss = crossEntropy(logits, label);
    // With too few phones there is no loss; a phone that was too late gets no gradient. Neither learns in this step.
    const { first: ofFirst, rest: ofRest } = gradient(loss, parameters);
    const given = on(phones.each, () => when(ofFirst, ofFirst['conv1.bias'].present()));
    const trained = {
      first: train(optimizer, held.first, given),
      rest: train(optimizer, held.rest, when(ofRest, loss.present()), { counter: 'step.rest' }),
    };
    output('loss', loss);
    output('right', accuracy(logits, label));

    // What is not due is declined: it crosses as an empty message, and the phones keep what they have.
    const done = step.add(1n);
    const due = done.mod(ROUND).equal(0n);
    const own = on(phones.each, () => when({ ...trained.first, n: digits.size() }, due));
    const { n, senders, missing, ...layers } = collect(own, { atLeast: 4, within: '90s' });
    const mean = weightedMean(layers, n);
    update(held.first, (latest) => orElse(mean, latest));

    const test = unseen.batch(done.div(ROUND).when(due), TEST);
    const scores = rest(trained.rest)(first(mean)(pixels(test.image)));
    const share = accuracy(scores, test.label).orElse(found.read());
    found.assign(share);
    output('accuracy', share);
    next('step', { step: done }).when(done.less(BigInt(STEPS)));
  });
});
