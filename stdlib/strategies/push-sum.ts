// Push-sum (Kempe et al. 2003) with gradients (stochastic gradient push; Assran et al. 2019, arXiv:1811.10792, algorithm 1): every
// member gives shares of what it has, and of a weight, to others; shares given add up to 1, those got need not. Divided by its
// weight, what each has goes to the mean. Shares of a member that is gone for good are lost, and weigh nothing.

import { constant, entry, exchange, type Module, module, next, output, state } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { heldAt, recordsOf } from './federation.ts';
import { descend } from './local.ts';
import { neighboursIn, type Peers, shared } from './mixing.ts';
import { mapped, plus, type Task, type Weight, type Weights } from './task.ts';

export const pushSum = (task: Task, strategy: Peers): Module =>
  module('push-sum', () => {
    const { peers, rounds, local, answers, report } = strategy;
    const held = heldAt(task, peers.each);
    const weight = state('push-sum.weight', constant(1), { at: peers.each });
    const records = local && recordsOf(task, peers);
    entry('round', peers.each, { initial: { round: 0n } }, ({ round }) => {
      const [sum, by] = [read(held), weight.read()];
      const steps = local && descend(task, local, records!, round, divided(sum, by));
      const x = { ...(steps === undefined ? sum : plus(sum, steps.moved)), [WEIGHT]: by };
      const { to, from, given, kept } = neighboursIn(strategy, round);
      const parts = mapped(x, (one) => shared(one, given));
      const { senders, missing, ...got } = exchange(parts, {
        ...answers,
        rows: true,
        atLeast: 0,
        among: { to, from },
      });
      const after: Weights = mapped(x, (one, name) => one.mul(kept).add(summed(got[name]!)));
      const { [WEIGHT]: weighs, ...all } = after;
      weight.assign(weighs!);
      const weights = update(held, () => all);
      if (steps !== undefined) output('loss', steps.loss);
      report?.({ round, weights: divided(weights, weighs!) });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });

const WEIGHT = 'push-sum.weight';
const summed = (rows: Weight): Weight => rows.reduceSum({ axes: [0], keepdims: false });
const divided = (sum: Weights, by: Weight): Weights => mapped(sum, (one) => one.div(by));
