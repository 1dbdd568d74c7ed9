// Gossip learning (Ormándi et al. 2013, arXiv:1109.1396; the merge weighted by age: Hegedűs et al. 2021): every so often each
// member trains a little, and sends what it has to another one, which moves to the mean of both, each counted by how many steps
// have made it. Nobody waits for anybody.

import {
  type Cohort,
  constant,
  type Duration,
  emit,
  entry,
  int64,
  interval,
  type Module,
  max,
  module,
  on,
  type Picker,
  state,
  where,
} from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { heldAt, recordsOf } from './federation.ts';
import { descend, type Local } from './local.ts';
import { tellsMost } from './partial.ts';
import { mapped, plus, type Task, type Weight, type Weights } from './task.ts';

export interface Gossip {
  readonly peers: Cohort;
  readonly every: Duration;
  readonly local: Local & { readonly steps: number };
  /** Whom a member tells, among the others. */
  readonly tells: Picker;
  /**
   * So large a share of each parameter is told, what has changed most since it was told last, and the other merges that alone
   * (partial models; Hegedűs et al. 2021). For links in the codec `top-k` of this share. Default: all of it.
   */
  readonly share?: number;
  /** What else is told, at the member that was told. */
  readonly report?: (report: { readonly weights: Weights }) => void;
}

export const gossip = (task: Task, { peers, every, local, tells, share, report }: Gossip): Module =>
  module('gossip', () => {
    const held = heldAt(task, peers.each);
    const age = state('age', constant(0), { at: peers.each });
    const ticks = state('ticks', constant(0n, int64), { at: peers.each });
    const records = recordsOf(task, peers);
    const partOf = share === undefined ? undefined : tellsMost(task, share, peers.each);
    entry('tick', peers, interval(every), () => {
      const tick = ticks.update((count) => count.add(1n));
      const { moved, loss } = descend(task, local, records, tick, read(held));
      // What was merged while it trained stays.
      const mine = update({ weights: held, age }, (latest) => ({
        weights: plus(latest.weights, moved),
        age: latest.age.add(local.steps),
      }));
      emit('loss', loss);
      const told = partOf?.(mine.weights)(mine.weights) ?? mine.weights;
      on(peers.neighbour(tells), () => {
        const now = update({ weights: held, age }, (latest) => {
          const both = latest.age.add(mine.age);
          const [own, other] = [latest.age.div(both), mine.age.div(both)];
          const weights: Weights = mapped(latest.weights, (one, name) => {
            const merged = one.mul(own).add(told[name]!.mul(other));
            return partOf === undefined ? merged : (where(told[name]!.equal(0), one, merged) as Weight);
          });
          // As old as the older one: two that learnt the same have not learnt twice.
          return { weights, age: max([latest.age, mine.age]) };
        });
        report?.({ weights: now.weights });
      });
    });
  });
