// Clusters of clients whose data differ, with parameters of their own (IFCA; Ghosh et al. 2020, arXiv:2006.04088, algorithm 1,
// model averaging): each client trains those that fit its records best, which its state `cluster` tells, and they move to the mean
// of who chose them.

import {
  concat,
  constant,
  entry,
  int64,
  type Module,
  module,
  orElse,
  output,
  type Place,
  state,
  type Tensor,
  weightedMean,
  when,
} from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { check } from '../aggregators/combine.ts';
import { type Federation, gathered, heldAt, nextRound, recordsOf, sent, taking } from './federation.ts';
import { descend } from './local.ts';
import {
  type Count,
  group,
  lossOf,
  mapped,
  plus,
  type Scalar,
  type Task,
  type Weight,
  type Weights,
} from './task.ts';

/** Fails (BB330) for a task whose parameters are given as values: clusters that begin alike stay alike. */
export interface Clustered extends Federation {
  readonly clusters: number;
}

export const clustered = (task: Task, { clusters, ...federation }: Clustered): Module =>
  module('clustered', () => {
    const { server, clients, local, combine = weightedMean } = federation;
    check(
      'clustered',
      typeof task.parameters !== 'function',
      'all clusters would begin with the same values and stay alike; declare layers, which each draws for itself',
    );
    const each = Array.from({ length: clusters }, (_, at) => at);
    // Each begins elsewhere.
    const held = each.map((at) =>
      heldAt({ ...task, seed: task.seed + at }, server, undefined, `cluster${at}.`),
    );
    const chosen = state('cluster', constant(0n, int64), { at: clients.each as Place<string> });
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const some = taking(federation);
      const starts = held.map((one, at) => sent(read(one), some, federation, `model${at}`));
      const { rows, counts, notes, loss } = gathered(federation, round, some, () => {
        const batch = records.batch(round, local.batch);
        const losses = starts.map((start) => lossOf(task.loss(start, batch)).loss.reshape([1]));
        const choice = concat(losses, { axis: 0 }).argMin({ axis: 0, keepdims: false });
        chosen.assign(choice as Count);
        const start = mapped(starts[0]!, (_, name) => startOf(starts, name, choice));
        const { moved, loss } = descend(task, local, records, round, start);
        const note = choice.cast({ to: 'float32' }) as Scalar;
        return { groups: { moved }, loss, count: records.size(), note };
      });
      const weights = held.map((one, at) => {
        const mine = notes!.equal(at);
        const [own, by] = [
          mapped(rows, (all) => all.compress(mine, { axis: 0 })),
          counts.compress(mine, { axis: 0 }).as(int64, [null]),
        ];
        const some = by.size().greater(0n);
        output(`cluster${at}`, by.size());
        const moved = group(combine(when(own, some), by.when(some)), 'moved');
        // With too few answers, and none who chose it, it stays as it is.
        return update(one, (latest) => orElse(plus(latest, moved), latest));
      });
      nextRound(task, federation, { round, weights: weights[0]!, loss });
    });
  });

/** Of the values of one name, that of the cluster that was chosen. */
const startOf = (starts: readonly Weights[], name: string, choice: Tensor<'int64'>): Weight =>
  concat(
    starts.map((one) => one[name]!.unsqueeze([0])),
    { axis: 0 },
  ).gather(choice) as Weight;
