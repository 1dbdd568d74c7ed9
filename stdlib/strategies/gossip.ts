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
} from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { heldAt, recordsOf } from './federation.ts';
import { descend, type Local } from './local.ts';
import { mapped, plus, type Task, type Weights } from './task.ts';

export interface Gossip {
  readonly peers: Cohort;
  readonly every: Duration;
  readonly local: Local & { readonly steps: number };
  /** Whom a member tells, among the others. */
  readonly tells: Picker;
  /** What else is told, at the member that was told. */
  readonly report?: (report: { readonly weights: Weights }) => void;
}

export const gossip = (task: Task, { peers, every, local, tells, report }: Gossip): Module =>
  module('gossip', () => {
    const held = heldAt(task, peers.each);
    const age = state('age', constant(0), { at: peers.each });
    const ticks = state('ticks', constant(0n, int64), { at: peers.each });
    const records = recordsOf(task, peers);
    entry('tick', peers, interval(every), () => {
      const tick = ticks.update((count) => count.add(1n));
      const { moved, loss } = descend(task, local, records, tick, read(held));
      // What was merged while it trained stays.
      const mine = update({ weights: held, age }, (latest) => ({
        weights: plus(latest.weights, moved),
        age: latest.age.add(local.steps),
      }));
      emit('loss', loss);
      on(peers.neighbour(tells), () => {
        const now = update({ weights: held, age }, (latest) => {
          const both = latest.age.add(mine.age);
          const [own, other] = [latest.age.div(both), mine.age.div(both)];
          const weights: Weights = mapped(latest.weights, (one, name) =>
            one.mul(own).add(mine.weights[name]!.mul(other)),
          );
          // As old as the older one: two that learnt the same have not learnt twice.
          return { weights, age: max([latest.age, mine.age]) };
        });
        report?.({ weights: now.weights });
      });
    });
  });
