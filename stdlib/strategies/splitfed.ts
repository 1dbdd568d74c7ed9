// Split learning over many clients (SplitFed; Thapa et al. 2022, arXiv:2004.12088): each has its own records and its own first
// layers; the server has the others. What the first layers make of a batch goes to the server, and the gradient of that comes
// back. After every round the server averages the clients' layers, weighted by how many records each has.
//
// In parallel (version 1) the server takes one step of all clients' batches together; in sequence (version 2) one of each
// client's, one after the other.

import {
  type Cohort,
  type CollectOptions,
  collect,
  concat,
  constant,
  entry,
  gradient,
  int64,
  type Module,
  module,
  next,
  on,
  orElse,
  output,
  type Place,
  state,
  type Tensor,
  weightedMean,
  when,
} from '../../dsl/index.ts';
import { states } from '../../dsl/nn/index.ts';
import { type Optimizer, read, train, update } from '../../dsl/optim/index.ts';
import type { CutTask } from './cut.ts';
import { recordsOf, zerosAt } from './federation.ts';
import { slotsOf, stepOver } from './local.ts';
import { mapped, only, type Scalar, type Variables, type Weight, type Weights } from './task.ts';

export interface SplitFed {
  readonly server: Place<string>;
  readonly clients: Cohort;
  /** Steps in a round, after which the clients' layers are averaged, and rounds. */
  readonly steps: number;
  readonly rounds: number;
  /** Records of a client's step. */
  readonly batch: number;
  readonly optimizer: Optimizer;
  /** Whether the server learns from all clients at once, or from one after the other. */
  readonly learns: 'at once' | 'in turn';
  readonly answers?: Pick<CollectOptions<string>, 'within' | 'atLeast' | 'codec'>;
}

const RECORDS = 'split-fed.records';

export const splitFed = (task: CutTask, strategy: SplitFed): Module =>
  module('split-fed', () => {
    const { server, clients, steps, rounds, batch, optimizer, learns, answers } = strategy;
    const { seed } = task;
    const first = states(task.first, { at: clients.each as Place<string>, seed }) as Variables;
    const rest = states(task.rest, { at: server, seed }) as Variables;
    const records = recordsOf(task, clients);
    entry('step', server, { initial: { step: 0n } }, ({ step }) => {
      const own = read(first);
      const taken = on(clients.each, () => records.batch(step, batch));
      const featuresOf = (first: Weights) => task.features(first, taken);
      const sent = on(clients.each, (): Readonly<Record<string, Tensor>> => {
        const told = only<Tensor>(taken, (name) => task.told.includes(name));
        return { ...told, features: featuresOf(own) };
      });
      const { senders, missing, features, ...told } = collect(sent, answers);
      const learn = learns === 'at once' ? atOnce : inTurn;
      const all = { features: features!, told, senders } as never;
      const { loss, slopes } = learn(task, strategy, own, rest, all, featuresOf);
      // A client that was too late gets no gradient, and does not learn in this step.
      const given = on(clients.each, () => when(slopes, Object.values(slopes)[0]!.present()));
      const trained = train(optimizer, first, given);
      output('loss', loss);

      const done = step.add(1n);
      const due = done.mod(BigInt(steps)).equal(0n);
      const layers = on(clients.each, () =>
        when<Readonly<Record<string, Tensor>>, typeof due>({ ...trained, [RECORDS]: records.size() }, due),
      );
      const { senders: _, missing: __, [RECORDS]: counts, ...rows } = collect(layers, answers);
      const mean = weightedMean(rows as Weights, counts!);
      update(first, (latest) => orElse(mean, latest));
      next('step', { step: done }).when(done.less(BigInt(steps * rounds)));
    });
  });

/** The features of all who answered, [k, batch, …], and what they told. */
interface Answers {
  readonly features: Weight;
  readonly told: Weights;
  readonly senders: Tensor<'string'>;
}

interface Learnt {
  readonly loss: Scalar;
  /** Of each client's own layers, where it is. */
  readonly slopes: Weights;
}

/** A step of the server's layers over all batches as one; the way back to the clients is the gradient's own. */
function atOnce(
  task: CutTask,
  { optimizer }: SplitFed,
  first: Weights,
  rest: Variables,
  { features, told }: Answers,
): Learnt {
  const now = read(rest);
  const loss = task.loss(now, merged(features), mapped(told, merged) as never);
  const slopes = gradient(loss, { first, rest: now });
  train(optimizer, rest, when(slopes.rest, loss.present()), { counter: 'step.rest' });
  return { loss, slopes: slopes.first };
}

/** Batches of all clients as one. */
const merged = (rows: Weight): Weight =>
  rows.reshape(concat([constant([-1n], int64), rows.shape({ start: 2 })], { axis: 0 })) as Weight;

/** A step for each client's batch; what comes of its features goes back to it. */
function inTurn(
  task: CutTask,
  { optimizer, clients, server, answers }: SplitFed,
  first: Weights,
  rest: Variables,
  { features, told, senders }: Answers,
  featuresOf: (first: Weights) => Weight,
): Learnt {
  const kept = mapped(slotsOf(optimizer, read(rest)), (like, slot) => zerosAt(`rest.${slot}`, like, server));
  const updates = state('step.rest', constant(0n, int64), { at: server });
  const all = { weights: rest, kept, updates };
  const now = read(all);
  const { loss, back, ...ended } = stepOver(
    now,
    { ...told, features },
    optimizer,
    (at, { features, ...told }) => {
      const loss = task.loss(at, features as Weight, told as never);
      return { loss, ...gradient(loss, { slopes: at, back: features as Weight }) };
    },
  );
  update(all, (latest) => orElse(ended, latest));
  const given = back!.scatter(clients.each, { members: senders, ...answers });
  const slopes = on(clients.each, () => {
    // What came back depends on the first layers too, which is another gradient than is meant.
    const apart = mapped(first, (one) => one.identity());
    return gradient(featuresOf(apart).mul(given).reduceSum({ keepdims: false }), apart);
  });
  return { loss, slopes };
}
