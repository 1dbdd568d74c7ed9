// SCAFFOLD (Karimireddy et al. 2020, arXiv:1910.06378, algorithm 1, option II): control variates of the server and of each
// client say where all of them and where it alone would go; the difference is taken out of every step.

import { entry, type Module, module, orElse } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
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
import { descend } from './local.ts';
import { minus, plus, type Task, times, type Weights } from './task.ts';

export interface Controlled extends Federation {
  /** Of the clients' steps, and how many each makes in a round. */
  readonly lr: number;
  readonly steps: number;
  /** Of all clients, the share that takes part in a round. Default: 1. */
  readonly share?: number;
}

export const scaffold = (task: Task, { lr, steps, share = 1, ...federation }: Controlled): Module =>
  module('scaffold', () => {
    const { server, clients } = federation;
    const local = { ...federation.local, steps };
    const held = heldAt(task, server);
    const like = read(held);
    const [shared, own] = [zerosAt('control', like, server), zerosAt('own', like, clients.each)];
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const some = taking(federation);
      const start = sent(read(held), some, federation);
      const control = sent(read(shared), some, federation, 'control');
      const { moved, change, loss } = combined(federation, round, some, () => {
        const bend = minus(control, read(own));
        const descent = { direction: (gradient: Weights) => plus(gradient, bend) };
        const { moved, loss } = descend(task, local, records, round, start, descent);
        const change = minus(times(moved, -1 / (lr * steps)), control);
        update(own, (latest) => plus(latest, change));
        return { groups: { moved, change }, loss };
      });
      // With too few answers a round changes nothing.
      update(shared, (latest) => orElse(plus(latest, times(change, share)), latest));
      const weights = update(held, (latest) => orElse(plus(latest, moved), latest));
      nextRound(task, federation, { round, weights, loss });
    });
  });
