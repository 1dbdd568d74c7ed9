// Split learning over many clients (SplitFed; Thapa et al. 2022, arXiv:2004.12088): each has its own records and its own first
// layers; the server has the others. What the first layers make of a batch goes to the server, and the gradient of that comes
// back. After every round the server averages the clients' layers, weighted by how many records each has.
//
// In parallel (version 1) the server takes one step of all clients' batches together; in sequence (version 2) one of each
// client's, one after the other.

import { collect, entry, type Module, module, on, output, type Tensor, when } from '../../dsl/index.ts';
import { read, train } from '../../dsl/optim/index.ts';
import { type Cut, type CutTask, layersOf, nextStep } from './cut.ts';
import { heldAt, recordsOf } from './federation.ts';
import { atOnce, inTurn } from './served.ts';
import { only, type Weights } from './task.ts';

export interface SplitFed extends Cut {
  /** Whether the server learns from all clients at once, or from one after the other. */
  readonly learns: 'at once' | 'in turn';
}

export const splitFed = (task: CutTask, strategy: SplitFed): Module =>
  module('split-fed', () => {
    const { server, clients, batch, optimizer, learns, answers } = strategy;
    const layers = layersOf(task.first, task.seed, strategy);
    const rest = heldAt({ ...task, parameters: task.rest }, server);
    const records = recordsOf(task, clients);
    entry('step', server, { initial: { step: 0n } }, ({ step }) => {
      const own = read(layers.held);
      const taken = on(clients.each, () => records.batch(step, batch));
      const featuresOf = (first: Weights) => on(clients.each, () => task.features(first, taken));
      const told = only<Tensor>(taken, (name) => task.told.includes(name));
      const all = collect({ ...told, features: featuresOf(own) }, answers);
      const learn = learns === 'at once' ? atOnce : inTurn;
      const { loss, slopes } = learn(task, strategy, own, rest, all, featuresOf);
      output('loss', loss);
      // A client that was too late gets no gradient, and does not learn in this step.
      const given = on(clients.each, () => when(slopes, Object.values(slopes)[0]!.present()));
      nextStep(strategy, step, layers, train(optimizer, layers.held, given), records);
    });
  });
