// What a server makes of batches of several clients: a step of its own layers, and the gradient of each client's.

import { constant, gradient, int64, on, orElse, state, type Tensor, when } from '../../dsl/index.ts';
import { read, train, update } from '../../dsl/optim/index.ts';
import { type Cut, type CutTask, merged } from './cut.ts';
import { zerosAt } from './federation.ts';
import { slotsOf, stepOver } from './local.ts';
import { mapped, type Scalar, type Variables, type Weight, type Weights } from './task.ts';

/** Of all who answered, in the order of `senders`: `features`, [k, batch, …], and what else they told. */
type Answers = Readonly<Record<string, Tensor>> & {
  readonly senders: Tensor<'string'>;
  readonly missing: Tensor<'string'>;
};

interface Learnt {
  /** In the mean over the clients. */
  readonly loss: Scalar;
  /** Of each client's loss, by its own layers, where it is. */
  readonly slopes: Weights;
}

/** A step of the server's layers over all batches as one; the way back to the clients is the gradient's own. */
export function atOnce(
  task: CutTask,
  { optimizer }: Cut,
  first: Weights,
  rest: Variables,
  { senders, missing, features, ...told }: Answers,
): Learnt {
  const now = read(rest);
  const loss = task.loss(
    now,
    merged(features as Weight),
    mapped(told, (one) => merged(one as Weight)) as never,
  );
  // Of the sum of the clients' losses: each learns as from its own alone, and the server from their mean.
  const clients = senders.size().cast({ to: 'float32' }) as Scalar;
  const slopes = gradient(loss.mul(clients), { first, rest: now });
  const mean = mapped(slopes.rest, (one) => one.div(clients));
  train(optimizer, rest, when(mean, loss.present()), { counter: 'step.rest' });
  return { loss, slopes: slopes.first };
}

/** A step for each client's batch; what comes of its features goes back to it. */
export function inTurn(
  task: CutTask,
  { optimizer, clients, server, answers }: Cut,
  first: Weights,
  rest: Variables,
  { senders, missing, ...rows }: Answers,
  featuresOf: (first: Weights) => Weight,
): Learnt {
  const kept = mapped(slotsOf(optimizer, read(rest)), (like, slot) => zerosAt(`rest.${slot}`, like, server));
  const updates = state('step.rest', constant(0n, int64), { at: server });
  const all = { weights: rest, kept, updates };
  const { loss, back, ...ended } = stepOver(read(all), rows, optimizer, (at, { features, ...told }) => {
    const loss = task.loss(at, features as Weight, told as never);
    return { loss, ...gradient(loss, { slopes: at, back: features as Weight }) };
  });
  update(all, (latest) => orElse(ended, latest));
  const given = back!.scatter(clients.each, { members: senders, ...answers });
  const slopes = on(clients.each, () => {
    // What came back depends on the first layers too, which is another gradient than is meant.
    const apart = mapped(first, (one) => one.identity());
    return gradient(featuresOf(apart).mul(given).reduceSum({ keepdims: false }), apart);
  });
  return { loss, slopes };
}
