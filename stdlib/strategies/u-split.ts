// Split learning in the shape of a U (Vepakomma et al. 2018, arXiv:1812.00564, section 3): clients have the first layers and the
// last, the server only those between, so neither records nor labels leave whoever has them. A step's batch may go in several
// parts, one behind the other: while the server has one, clients have the next. After every round the clients' layers are averaged.

import {
  collect,
  concat,
  constant,
  entry,
  gradient,
  int64,
  type Module,
  module,
  on,
  output,
  sum,
  when,
} from '../../dsl/index.ts';
import { read, train } from '../../dsl/optim/index.ts';
import { type Cut, layersOf, merged, nextStep, type UTask } from './cut.ts';
import { heldAt, recordsOf } from './federation.ts';
import { type Count, mapped, type Scalar, type Weight } from './task.ts';

export interface USplit extends Cut {
  /** Parts that a step's batch is divided into, of as many records each. Default: 1. */
  readonly parts?: number;
}

export const uSplit = (task: UTask, strategy: USplit): Module =>
  module('u-split', () => {
    const { server, clients, batch, parts = 1, optimizer, answers } = strategy;
    const ends = layersOf({ ...task.first, ...task.last }, task.seed, strategy);
    const middle = heldAt({ ...task, parameters: task.middle }, server);
    const records = recordsOf(task, clients);
    entry('step', server, { initial: { step: 0n } }, ({ step }) => {
      const [own, body] = [read(ends.held), read(middle)];
      const losses = Array.from({ length: parts }, (_, part) => {
        const at = step.mul(BigInt(parts)).add(BigInt(part));
        const taken = on(clients.each, () => records.batch(at, batch / parts));
        const features = on(clients.each, () => task.features(own, taken));
        const { values, senders } = collect(features, answers);
        const upper = apart(task.upper(body, merged(values as Weight)), senders.size());
        const back = upper.scatter(clients.each, { ...answers, members: senders }) as Weight;
        return on(clients.each, () => task.loss(own, back, taken).div(parts));
      });
      const told = on(clients.each, () => sum(losses) as Scalar);
      const { values, senders } = collect(told, answers);
      const loss = values.reduceMean({ keepdims: false });
      output('loss', loss);
      // Of the sum of the clients' losses: each learns as from its own alone, and the server from their mean.
      const slopes = gradient(told, { own, body });
      const mean = mapped(slopes.body, (one) => one.div(senders.size().cast({ to: 'float32' })));
      train(optimizer, middle, when(mean, loss.present()), { counter: 'step.middle' });
      const given = on(clients.each, () => when(slopes.own, Object.values(slopes.own)[0]!.present()));
      nextStep(strategy, step, ends, train(optimizer, ends.held, given), records);
    });
  });

/** What was made of batches of k clients as one, [k, batch, …]. */
const apart = (rows: Weight, clients: Count): Weight =>
  rows.reshape(
    concat([clients.reshape([1]), constant([-1n], int64), rows.shape({ start: 1 })], { axis: 0 }),
  ) as Weight;
