// Push-sum (Kempe et al. 2003) with gradients (stochastic gradient push; Assran et al. 2019, arXiv:1811.10792, algorithm 1): every
// member gives shares of what it has, and of a weight, to others; shares given add up to 1, those got need not. Divided by its
// weight, what each has goes to the mean. Shares of a member that is gone for good are lost, and weigh nothing.

import {
  constant,
  entry,
  exchange,
  type Module,
  module,
  next,
  output,
  type Place,
  state,
} from '../../dsl/index.ts';
import { read, update, zerosLike } from '../../dsl/optim/index.ts';
import { heldAt, recordsOf } from './federation.ts';
import { descend } from './local.ts';
import { neighboursIn, type Peers, shared } from './mixing.ts';
import { tellsMost } from './partial.ts';
import { flat, group, mapped, plus, type Task, type Variables, type Weight, type Weights } from './task.ts';

export interface PushSum extends Peers {
  /**
   * So large a share of each parameter is told, what has changed most since it was told last; each number has a weight of its
   * own then, so sums and weights stay whole. For `answers.codec`, or links, in `top-k` of this share. Default: all of it.
   */
  readonly share?: number;
}

export const pushSum = (task: Task, { share, ...strategy }: PushSum): Module =>
  module('push-sum', () => {
    const { peers, rounds, local, answers, report } = strategy;
    const held = heldAt(task, peers.each);
    const weight = weightsOf(read(held), share, peers.each);
    const tells = share === undefined ? undefined : tellsMost(task, share, peers.each);
    const records = local && recordsOf(task, peers);
    entry('round', peers.each, { initial: { round: 0n } }, ({ round }) => {
      const [sum, by] = [read(held), read(weight)];
      const steps = local && descend(task, local, records!, round, divided(sum, by));
      // A number with a weight of its own that is told often weighs little, and so does a step of it.
      const moved = steps && mapped(steps.moved, (one, name) => (by[name] ? one.mul(by[name]) : one));
      const all = { sum: moved === undefined ? sum : plus(sum, moved), by };
      const { to, from, given, kept } = neighboursIn(strategy, round);
      const partOf = tells?.(divided(all.sum, by)) ?? ((one) => one);
      const [before, told] = [flat(all), flat(mapped(all, partOf))];
      const { senders, missing, ...got } = exchange(
        mapped(told, (one) => shared(one as Weight, given)),
        { ...answers, rows: true, atLeast: 0, among: { to, from } },
      );
      const after = mapped(before, (one, name) => {
        const mixed = told[name]!.mul(kept).add(summed((got as Weights)[name]!));
        return tells === undefined ? mixed : one.sub(told[name]!).add(mixed);
      });
      const weighs = update(weight, () => group(after, 'by'));
      const weights = update(held, () => group(after, 'sum'));
      if (steps !== undefined) output('loss', steps.loss);
      report?.({ round, weights: divided(weights, weighs) });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });

const WEIGHT = 'push-sum.weight';

/** One for all that a member has, or where parts are told, one for each number. */
const weightsOf = (like: Weights, share: number | undefined, at: Place<string>): Variables =>
  share === undefined
    ? { [WEIGHT]: state(WEIGHT, constant(1), { at }) }
    : mapped(like, (one, name) => state(`${WEIGHT}.${name}`, (zerosLike(one) as Weight).add(1), { at }));
const summed = (rows: Weight): Weight => rows.reduceSum({ axes: [0], keepdims: false });
const divided = (sum: Weights, by: Weights): Weights =>
  mapped(sum, (one, name) => one.div(by[name] ?? by[WEIGHT]!));
