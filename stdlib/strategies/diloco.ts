// DiLoCo (Douillard et al. 2023, arXiv:2311.08105, algorithm 1): workers take many steps with an optimiser that each keeps, and
// how far their mean has come, the other way round, is the gradient of an outer optimiser, which looks ahead.

import { constant, entry, int64, type Module, module, orElse, state } from '../../dsl/index.ts';
import { nesterov, type Optimizer, read, train, update } from '../../dsl/optim/index.ts';
import {
  combined,
  type Federation,
  heldAt,
  nextRound,
  recordsOf,
  sent,
  taking,
  zerosAt,
} from './federation.ts';
import { descend, slotsOf } from './local.ts';
import { mapped, type Task, times } from './task.ts';

export interface LowCommunication extends Federation {
  /** Default: Nesterov's momentum of 0.9 with a rate of 0.7. */
  readonly outer?: Optimizer;
}

export const diLoCo = (
  task: Task,
  { outer = nesterov({ lr: 0.7, momentum: 0.9 }), ...federation }: LowCommunication,
): Module =>
  module('diloco', () => {
    const { server, clients, local } = federation;
    const held = heldAt(task, server);
    const kept = mapped(slotsOf(local.optimizer, read(held)), (like, slot) =>
      zerosAt(slot, like, clients.each),
    );
    const updates = state('updates', constant(0n, int64), { at: clients.each });
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const [some, latest] = [taking(federation), read(held)];
      const start = sent(latest, some, federation);
      const { moved, loss } = combined(federation, round, some, () => {
        const before = { kept: mapped(kept, (one) => read(one)), updates: updates.read() };
        const ended = descend(task, local, records, round, start, before);
        for (const [slot, own] of Object.entries(kept)) update(own, () => ended.kept[slot]!);
        updates.assign(ended.updates);
        return { groups: { moved: ended.moved }, loss: ended.loss };
      });
      const weights = orElse(train(outer, held, times(moved, -1)), latest);
      nextRound(task, federation, { round, weights, loss });
    });
  });
