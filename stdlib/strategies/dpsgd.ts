// Decentralised parallel stochastic gradient descent (Lian et al. 2017, arXiv:1705.09056, algorithm 1): in each round every
// member mixes its parameters with those of its neighbours, and takes the steps that it made meanwhile from its own.

import { entry, type Module, module, next, output } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { heldAt, recordsOf } from './federation.ts';
import { descend } from './local.ts';
import { mixed, neighboursIn, type Peers } from './mixing.ts';
import { plus, type Task } from './task.ts';

export const dPsgd = (task: Task, strategy: Peers): Module =>
  module('d-psgd', () => {
    const { peers, rounds, local, report } = strategy;
    const held = heldAt(task, peers.each);
    const records = local && recordsOf(task, peers);
    entry('round', peers.each, { initial: { round: 0n } }, ({ round }) => {
      const before = read(held);
      const near = mixed(before, neighboursIn(strategy, round), strategy);
      const steps = local && descend(task, local, records!, round, before);
      const weights = update(held, () => (steps === undefined ? near : plus(near, steps.moved)));
      if (steps !== undefined) output('loss', steps.loss);
      report?.({ round, weights });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });
