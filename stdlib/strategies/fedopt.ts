// Federated optimisation (Reddi et al. 2021, arXiv:2003.00295, algorithm 2): what the clients' mean has moved, the other way
// round, is a gradient, which an optimiser of the server follows.

import { entry, type Module, module, orElse } from '../../dsl/index.ts';
import { type Optimizer, read, train } from '../../dsl/optim/index.ts';
import { combined, type Federation, heldAt, nextRound, recordsOf, sent, taking } from './federation.ts';
import { descend } from './local.ts';
import { type Task, times, type Weight } from './task.ts';

export interface Served extends Federation {
  /** Of the server: `fedAdam`, `fedYogi`, `fedAdagrad`, or any other. */
  readonly optimizer: Optimizer;
}

export const fedOpt = (task: Task, { optimizer, ...federation }: Served): Module =>
  module('fedopt', () => {
    const { server, clients, local } = federation;
    const held = heldAt(task, server);
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const [some, latest] = [taking(federation), read(held)];
      const start = sent(latest, some, federation);
      const { moved, loss } = combined(federation, round, some, () => {
        const { moved, loss } = descend(task, local, records, round, start);
        return { groups: { moved }, loss, count: records.size() };
      });
      const weights = orElse(train(optimizer, held, times(moved, -1)), latest);
      nextRound(task, federation, { round, weights, loss });
    });
  });

export interface AdaptiveOptions {
  readonly lr: number;
  /** Of the mean of gradients, and of the mean of their squares. */
  readonly beta1?: number;
  readonly beta2?: number;
  /** How far from zero the divisor is; the variance starts as its square. */
  readonly tau?: number;
}

/** `variance`: of that before, and a squared gradient. */
const adaptive =
  (variance: (before: Weight, square: Weight, beta: number) => Weight) =>
  ({ lr, beta1 = 0.9, beta2 = 0.99, tau = 1e-3 }: AdaptiveOptions): Optimizer<'mean' | 'variance'> => ({
    slots(param) {
      const zeros = (param as unknown as Weight).mul(0);
      return { mean: zeros, variance: zeros.add(tau * tau) } as never;
    },
    update({ param, grad, slots }) {
      const [from, given] = [param, grad] as unknown as readonly [Weight, Weight];
      const before = slots as unknown as Readonly<Record<'mean' | 'variance', Weight>>;
      const mean = before.mean.mul(beta1).add(given.mul(1 - beta1));
      const spread = variance(before.variance, given.mul(given), beta2);
      const moved = mean.mul(lr).div(spread.sqrt().add(tau));
      return { param: from.sub(moved), slots: { mean, variance: spread } } as never;
    },
  });

export const fedAdam = adaptive((v, square, beta) => v.mul(beta).add(square.mul(1 - beta)));
export const fedYogi = adaptive((v, square, beta) => v.sub(square.mul(v.sub(square).sign()).mul(1 - beta)));
export const fedAdagrad = adaptive((v, square) => v.add(square));
