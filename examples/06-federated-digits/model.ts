// Federated averaging over ten phones that have different digits each. In a round the server's parameters go to the
// phones, each trains for one epoch on what it has, and the server adds the mean of what that changed, weighted by how many
// digits a phone has (McMahan et al. 2017, algorithm 1). `next` starts the following round.

import {
  type AnyShape,
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
  output,
  peer,
  scan,
  state,
  uint8,
  type Value,
  weightedMean,
} from 'bytesandbrains';
import { accuracy, crossEntropy } from 'bytesandbrains/loss';
import {
  conv2d,
  flatten,
  type Given,
  linear,
  maxPool2d,
  read,
  relu,
  sequential,
  states,
} from 'bytesandbrains/nn';

export const ROUNDS = 30;
/** Share of test digits read rightly after which no round follows. */
const TARGET = 0.97;
const BATCH = 32;
const RATE = 0.05;
/** How many test digits there are, and how many are read at once. */
const TEST = 10_000;
const AT_ONCE = 1000;

const server = peer('server');
const phones = cohort('phone');

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
  ['out', linear({ in: 128, out: 10 })],
);
const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;
type Images<N extends number> = Value<'uint8', [N, 1, 28, 28], string>;
type Digits = { readonly image: Images<number>; readonly label: Value<'int64', [number], string> };
const pixels = <N extends number>(image: Images<N>) =>
  image.cast({ to: float32 }).div(255).sub(0.13).div(0.31);

export default module('federated-digits', () => {
  const digits = dataSource('train', { at: phones.each, fields });
  const unseen = dataSource('test', { at: server, fields });
  const held = states(net.parameters, { at: server, seed: 7 });
  const before = state('loss', constant(0), { at: server });

  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const now = read(held);
    const answers = on(phones.each, () => {
      const n = digits.size();
      return { ...epoch(now, digits.batch(round, n)), n };
    });
    const { n, loss, senders, missing, ...changes } = collect(answers, { atLeast: 8, within: '10m' });
    const mean = weightedMean(changes, n) as Record<string, Weight>;
    // With too few answers this round changes nothing, and the run goes on.
    const trained = Object.entries(held).map(
      ([name, one]) => [name, one.update((latest: Weight) => latest.add(mean[name]!.orElse(0)))] as const,
    );

    const right = on(server, () => share(Object.fromEntries(trained) as typeof now, unseen.batch(0, TEST)));
    output('accuracy', right);
    // In a round without a mean, that of the round before.
    const lost = weightedMean(loss, n).orElse(before.read());
    before.assign(lost);
    output('loss', lost);
    const done = round.add(1n);
    next('round', { round: done }).when(done.less(BigInt(ROUNDS)).and(right.less(TARGET)));
  });
});

/**
 * How one epoch of stochastic gradient descent over all of a phone's digits changes the parameters, in one Scan, and the
 * mean of its losses.
 */
function epoch<W extends Given<typeof net.parameters> & Record<string, Weight>>(
  start: W,
  { image, label }: Digits,
) {
  // What does not fill a batch is left out; the next round has another order.
  const used = label.size().div(BATCH).mul(BATCH).unsqueeze([0]);
  const images = image.slice([0n], used).reshape([-1, BATCH, 1, 28, 28]);
  const labels = label.slice([0n], used).reshape([-1, BATCH]);
  const { loss, ...end } = scan(start, { images, labels }, (now, part) => {
    const loss = crossEntropy(net(now)(pixels(part.images)), part.labels);
    return { ...minus(now, gradient(loss, now as Record<string, Weight>), RATE), loss };
  });
  return { ...minus(end as unknown as W, start), loss: loss.reduceMean({ keepdims: false }) };
}

type Weight = Value<'float32', AnyShape, string>;
/** a - factor · b, parameter by parameter. */
const minus = <W extends Record<string, Weight>>(a: W, b: Record<string, Weight>, factor = 1): W =>
  Object.fromEntries(Object.entries(a).map(([name, one]) => [name, one.sub(b[name]!.mul(factor))])) as W;

/** The share of digits that the network reads rightly, as many at once as memory is meant for. */
function share(parameters: Given<typeof net.parameters>, { image, label }: Digits) {
  const [images, labels] = [image.reshape([-1, AT_ONCE, 1, 28, 28]), label.reshape([-1, AT_ONCE])];
  const { right } = scan({}, { images, labels }, (_, part) => ({
    right: accuracy(net(parameters)(pixels(part.images)), part.labels),
  }));
  return right.reduceMean({ keepdims: false });
}
