// DiLoCo with overlapped communication (Douillard et al. 2025, arXiv:2501.18512, section 2.3; Kale et al. 2025,
// arXiv:2502.12996): nobody waits for messages, since the next round begins while they are on their way.
//
//   worker   round 0 ────┐ round 1 ────┐ round 2 ────        The outer update of a round is in what the workers begin the
//   server               └─► update 0 ─┼─►           │      round after the next with. Until then each counts on what it
//                                      └─► update 1 ─┘      has come by itself, as if all had come the same way.

import { constant, entry, int64, type Module, module, next, orElse, state } from '../../dsl/index.ts';
import { nesterov, read, train, update } from '../../dsl/optim/index.ts';
import type { LowCommunication } from './diloco.ts';
import { combined, heldAt, recordsOf, sent, taking, tellRound, zerosAt } from './federation.ts';
import { descend, slotsOf } from './local.ts';
import { mapped, plus, type Task, times } from './task.ts';

/** A round begins before it is known how good the one before was, so that no `target` ends the run. */
export type Overlapped = Omit<LowCommunication, 'target'>;

/**
 * Two rounds at a time: where one takes c to compute and m for its messages there and back, it takes max(c, (c + m) / 2) rather
 * than c + m. States of the clients, besides what their optimiser keeps: `ahead.PARAMETER`, how far they came in their last
 * round, and `last`, which one that was.
 */
export const overlapped = (
  task: Task,
  { outer = nesterov({ lr: 0.7, momentum: 0.9 }), ...federation }: Overlapped,
): Module =>
  module('overlapped', () => {
    const { server, clients, local, rounds } = federation;
    const held = heldAt(task, server);
    const [like, each] = [read(held), { at: clients.each }];
    const kept = mapped(slotsOf(local.optimizer, like), (one, slot) => zerosAt(slot, one, clients.each));
    const updates = state('updates', constant(0n, int64), each);
    const [ahead, last] = [zerosAt('ahead', like, clients.each), state('last', constant(-2n, int64), each)];
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n }, limit: 2 }, ({ round }) => {
      const [some, latest] = [taking(federation), read(held)];
      const given = sent(latest, some, federation);
      const { moved, loss } = combined(federation, round, some, () => {
        // What it moved in an earlier round is in what the server gives.
        const counts = last.read().add(1n).equal(round).cast({ to: 'float32' });
        const start = plus(given, times(read(ahead), counts));
        const before = { kept: mapped(kept, (one) => read(one)), updates: updates.read() };
        const ended = descend(task, local, records, round, start, before);
        for (const [slot, own] of Object.entries(kept)) update(own, () => ended.kept[slot]!);
        update({ ahead, updates, last }, () => ({ ahead: ended.moved, updates: ended.updates, last: round }));
        return { groups: { moved: ended.moved }, loss: ended.loss };
      });
      const weights = orElse(train(outer, held, times(moved, -1)), latest);
      tellRound(task, federation, { round, weights, loss });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });
