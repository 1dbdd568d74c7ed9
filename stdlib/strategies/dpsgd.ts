// Decentralised parallel stochastic gradient descent (Lian et al. 2017, arXiv:1705.09056, algorithm 1): in each round every
// member mixes its parameters with those of its neighbours, and takes the steps that it made meanwhile from its own. With many
// steps in a round members are far apart after these; then it is better to mix what they came to (Koloskova et al. 2020,
// arXiv:2003.10422, algorithm 1), for which nobody computes while messages are on their way.

import { entry, type Module, module, next, output } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { heldAt, recordsOf } from './federation.ts';
import { descend } from './local.ts';
import { mixed, neighboursIn, type Peers } from './mixing.ts';
import { plus, type Task, type Weights } from './task.ts';

export interface Decentralised extends Peers {
  /** What members mix: what they had when the round began, or what their own steps came to. Default: what they had. */
  readonly mixes?: 'before' | 'after';
}

export const dPsgd = (task: Task, strategy: Decentralised): Module =>
  module('d-psgd', () => {
    const { peers, rounds, local, mixes = 'before', report } = strategy;
    const held = heldAt(task, peers.each);
    const records = local && recordsOf(task, peers);
    entry('round', peers.each, { initial: { round: 0n } }, ({ round }) => {
      const before = read(held);
      const steps = local && descend(task, local, records!, round, before);
      const moved = (from: Weights): Weights => (steps === undefined ? from : plus(from, steps.moved));
      const near = (own: Weights): Weights => mixed(own, neighboursIn(strategy, round), strategy);
      const weights = update(held, () => (mixes === 'before' ? moved(near(before)) : near(moved(before))));
      if (steps !== undefined) output('loss', steps.loss);
      report?.({ round, weights });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });
