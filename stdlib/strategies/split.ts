// Split learning (Gupta and Raskar 2018, arXiv:1810.06060, algorithm 2; Vepakomma et al. 2018, arXiv:1812.00564): one client after
// the other learns with the server, each from its own records. Features and labels go there, gradients come back. Who begins takes
// the first layers over from who learnt before, so that all learn as one would that has everybody's records.

import {
  constant,
  entry,
  gradient,
  int64,
  type Module,
  module,
  next,
  on,
  orElse,
  output,
  type Picker,
  type Place,
  state,
  string,
  type Tensor,
  when,
} from '../../dsl/index.ts';
import { read, train, update } from '../../dsl/optim/index.ts';
import type { Cut, CutTask } from './cut.ts';
import { heldAt, recordsOf, startOf } from './federation.ts';
import { minus, only, plus } from './task.ts';

export interface Split extends Omit<Cut, 'answers'> {
  /** Whose turn it is in a round, of all clients. Default: one after the other, in their order. */
  readonly pick?: Picker;
}

export const split = (task: CutTask, strategy: Split): Module =>
  module('split', () => {
    const { server, keeper = server, clients, pick, steps, rounds, batch, optimizer, sends } = strategy;
    const start = startOf({ ...task, parameters: task.first });
    const layers = { ...task, parameters: () => start };
    const first = heldAt(layers, clients.each as Place<string>);
    const kept = heldAt(layers, keeper, undefined, 'kept.');
    const began = sends && heldAt(layers, clients.each as Place<string>, undefined, 'began.');
    const rest = heldAt({ ...task, parameters: task.rest }, server);
    const records = recordsOf(task, clients);
    const batches = state('batches', constant(0n, int64), { at: clients.each });
    const turn = state('turn', constant([''], string), { at: server });
    entry('step', server, { initial: { step: 0n } }, ({ step }) => {
      const [round, at] = [step.div(BigInt(steps)), step.mod(BigInt(steps))];
      const inOrder: Picker = { pick: (all) => all.gather(round.mod(all.size()).reshape([1])) };
      const fresh = (pick ?? inOrder).pick(clients.view().when(at.equal(0n)));
      const learner = clients.one(turn.update((before) => fresh.first().as(string, [1]).orElse(before)));
      const handed = on(keeper, () => when(read(kept), at.equal(0n)));

      const own = on(learner, () => update(first, (before) => orElse(handed, before)));
      const taken = on(learner, () => records.batch(batches.update((count) => count.add(1n)).sub(1n), batch));
      const features = on(learner, () => task.features(own, taken));
      const body = read(rest);
      const loss = on(server, () => {
        const told = only<Tensor>(taken, (name) => task.told.includes(name));
        return task.loss(body, features, told as never);
      });
      const slopes = gradient(loss, { own, body });
      const trained = on(learner, () =>
        when(train(optimizer, first, slopes.own), at.equal(BigInt(steps - 1))),
      );
      // Whose learner is gone has no step; the next round goes on from what was kept.
      train(optimizer, rest, when(slopes.body, loss.present()), { counter: 'step.rest' });
      if (began === undefined) on(keeper, () => update(kept, (before) => orElse(trained, before)));
      else {
        const moved = on(learner, () => {
          const from = update(began, (before) => orElse(handed, before));
          return sends!(minus(trained, from));
        });
        on(keeper, () => update(kept, (before) => orElse(plus(before, moved), before)));
      }
      output('loss', loss);
      next('step', { step: step.add(1n) }).when(step.less(BigInt(steps * rounds - 1)));
    });
  });
