// Federated averaging of a small network over many phones: in a round each trains for an epoch on its digits, and the server
// adds the mean of what that changed. Who does not answer in time is left out.

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
import { flatten, linear, read, relu, sequential, states } from 'bytesandbrains/nn';

const BATCH = 20;
const RATE = 0.1;
const [server, phones] = [peer('server'), cohort('phone')];
type Weight = Value<'float32', AnyShape, string>;

const net = sequential(flatten(), ['hidden', linear({ in: 784, out: 32 })], relu(), [
  'out',
  linear({ in: 32, out: 10 }),
]);
const fields = { image: [uint8, ['N', 1, 28, 28]], label: [int64, ['N']] } as const;
const pixels = (image: unknown) =>
  (image as Value<'uint8', [number, 1, 28, 28], string>).cast({ to: float32 }).div(255);

export default module('sim-digits', () => {
  const digits = dataSource('train', { at: phones.each, fields });
  const unseen = dataSource('test', { at: server, fields });
  const held = states(net.parameters, { at: server, seed: 7 });
  const rounds = state('rounds', constant(0n), { at: server });
  entry('round', server, {}, () => {
    const now = read(held);
    const answers = on(phones.each, () => {
      const n = digits.size();
      const { image, label } = digits.batch(0n, n);
      const used = n.div(BATCH).mul(BATCH).unsqueeze([0]);
      const images = image.slice([0n], used).reshape([-1, BATCH, 1, 28, 28]);
      const labels = label.slice([0n], used).reshape([-1, BATCH]);
      const end = scan(now as Record<string, Weight>, { images, labels }, (w, part) => {
        const loss = crossEntropy(net(w as never)(pixels(part.images) as never), part.labels as never);
        const g = gradient(loss as never, w as never) as Record<string, Weight>;
        return Object.fromEntries(
          Object.entries(w).map(([name, one]) => [name, (one as Weight).sub(g[name]!.mul(RATE))]),
        );
      }) as Record<string, Weight>;
      const moved = Object.entries(end).map(([name, one]) => [
        name,
        one.sub((now as Record<string, Weight>)[name]!),
      ]);
      return { ...Object.fromEntries(moved), n };
    });
    const {
      n,
      senders: _,
      missing: __,
      ...changes
    } = collect(answers as never, { atLeast: 10, within: '2s' }) as never as Record<string, Weight>;
    const mean = weightedMean(changes as never, n as never) as Record<string, Weight>;
    const after = Object.fromEntries(
      Object.entries(held).map(([name, one]) => [
        name,
        one.update((latest: Weight) => latest.add(mean[name]!.orElse(0) as never) as never),
      ]),
    );
    const test = unseen.batch(0n, 10_000);
    output(
      'accuracy',
      accuracy(net(after as never)(pixels(test.image) as never), test.label as never) as never,
    );
    output('answers', (n as Weight).shape().reduceSum({ keepdims: false }).orElse(0n) as never);
    const done = rounds.update((before) => before.add(1n));
    next('round', {}).when(done.less(1000n));
  });
});
