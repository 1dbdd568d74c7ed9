// Federated averaging (McMahan et al. 2017, arXiv:1602.05629, algorithm 1): clients train on what they have, and the server
// moves to the mean of where they came to, weighted by how many records each has.
//
// FedProx (Li et al. 2020, arXiv:1812.06127) holds each of them back by how far it has come.

import { entry, type Module, module, orElse } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { combined, type Federation, heldAt, nextRound, recordsOf, sent, taking } from './federation.ts';
import { type Descent, descend } from './local.ts';
import { minus, plus, type Task, times, type Weights } from './task.ts';

export const fedAvg = (task: Task, federation: Federation): Module =>
  averaging('fedavg', task, federation, () => ({}));

/** `mu`: how much of the distance is added to the gradient. */
export const fedProx = (task: Task, { mu, ...federation }: Federation & { readonly mu: number }): Module =>
  averaging('fedprox', task, federation, (start) => ({
    direction: (gradient, at) => plus(gradient, times(minus(at, start), mu)),
  }));

const averaging = (
  name: string,
  task: Task,
  federation: Federation,
  descent: (start: Weights) => Descent,
): Module =>
  module(name, () => {
    const { server, clients, local } = federation;
    const held = heldAt(task, server);
    const records = recordsOf(task, clients);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const some = taking(federation);
      const start = sent(read(held), some, federation);
      const { moved, loss } = combined(federation, round, some, () => {
        const { moved, loss } = descend(task, local, records, round, start, descent(start));
        return { groups: { moved }, loss, count: records.size() };
      });
      // With too few answers a round changes nothing.
      const weights = update(held, (latest) => orElse(plus(latest, moved), latest));
      nextRound(task, federation, { round, weights, loss });
    });
  });
