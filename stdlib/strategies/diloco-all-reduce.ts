// DiLoCo (Douillard et al. 2023, arXiv:2311.08105) without a server. How far each worker has come is cut into as many chunks as there
// are workers; worker j takes the mean of everybody's chunk j, and tells it to all. So each sends twice the parameters in a round,
// however many they are, and all take the same outer step by themselves.
//
// Who is silent leaves a hole, where a worker keeps its own chunk, and differs from then on. So all tell a digest of what they have
// come to, and who is not of the largest group takes what the first member of that has. Who comes later does so in its first round,
// of which its own steps are no part.

import { constant, entry, int64, type Module, module, next, output, self, state } from '../../dsl/index.ts';
import { nesterov, type Optimizer, read, update } from '../../dsl/optim/index.ts';
import { type Ids, largestGroup, meanOf, type Reducing } from './all-reduce.ts';
import { heldAt, recordsOf, zerosAt } from './federation.ts';
import { descend, type Kept, type Local, slotsOf } from './local.ts';
import type { Peers } from './mixing.ts';
import {
  type Count,
  flat,
  group,
  mapped,
  type Task,
  times,
  type Variables,
  type Weight,
  type Weights,
} from './task.ts';

export interface AllReduced extends Reducing, Pick<Peers, 'rounds' | 'report'> {
  readonly local: Local;
  /** Default: Nesterov's momentum of 0.9 with a rate of 0.7. */
  readonly outer?: Optimizer;
  /**
   * Where the module begins, declares what is to be asked; what it gives says who takes part, as a worker sees it when a round
   * begins. Default: every member of the class.
   */
  readonly present?: () => () => Ids;
}

export const diLoCoAllReduce = (task: Task, strategy: AllReduced): Module =>
  module('diloco-all-reduce', () => {
    const { peers, rounds, local, outer = nesterov({ lr: 0.7, momentum: 0.9 }), report } = strategy;
    const weights = heldAt(task, peers.each);
    const keptBy = (of: Optimizer, prefix: string): Readonly<Record<string, Variables>> =>
      mapped(slotsOf(of, read(weights)), (like, slot) => zerosAt(prefix + slot, like, peers.each));
    const [outerKept, kept] = [keptBy(outer, 'outer.'), keptBy(local.optimizer, '')];
    const updates = state('updates', constant(0n, int64), { at: peers.each });
    const lost = strategy.share === undefined ? {} : zerosAt('lost', read(weights), peers.each);
    const agrees = state('agrees', constant(true), { at: peers.each });
    const records = recordsOf(task, peers);
    const present = strategy.present?.() ?? peers.view;
    entry('round', peers.each, { initial: { round: 0n } }, ({ round }) => {
      const all = present();
      const isIn = self().positionsIn(all).reduceMax({ keepdims: false }).greaterOrEqual(0n);
      const among = all.when(isIn).orElse(all.without(all));
      const before = read(weights);
      const beside = { kept: mapped(kept, (one) => read(one)), updates: updates.read() };
      const ended = descend(task, local, records, round, before, beside);
      for (const [slot, own] of Object.entries(kept)) update(own, () => ended.kept[slot]!);
      updates.assign(ended.updates);

      const counts = agrees.read().and(isIn);
      const slopes = meanOf(times(ended.moved, -1), counts, all, among, strategy, lost);
      const slots = mapped(outerKept, (one) => read(one));
      const stepped = outerStep(outer, before, slots, slopes, round);
      const { taken, differs } = largestGroup(flat(stepped), all, isIn, strategy);
      const after = mapped(flat(stepped), (one, name) => taken[name]!.orElse(one) as Weight);
      for (const [name, own] of Object.entries({ weights, ...outerKept }))
        update(own, (latest) =>
          mapped(latest, (one, key) => after[`${name}/${key}`]!.when(isIn).orElse(one)),
        );
      agrees.assign(isIn.and(differs.not().or(Object.values(taken)[0]!.present())));
      output('loss', ended.loss);
      report?.({ round, weights: group(after, 'weights') });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });

function outerStep(
  optimizer: Optimizer,
  before: Weights,
  kept: Kept,
  slopes: Weights,
  round: Count,
): Readonly<Record<string, Weights>> {
  const made = mapped(slopes, (grad, name) => {
    const slots = mapped(kept, (slot) => slot[name]!);
    return optimizer.update({ param: before[name]!, grad, slots, step: round });
  });
  return {
    weights: mapped(made, ({ param }) => param),
    ...mapped(kept, (_, slot) => mapped(made, (one) => one.slots[slot]!)),
  };
}
