// Gossip of compressed differences (CHOCO-SGD; Koloskova et al. 2019, arXiv:1902.00340, algorithm 2): what neighbours know of each
// other lags behind what they have, and in each round every member tells in a codec, which may be as coarse as it likes, how far.
// With whom it knows it then mixes. `lag` is what others do not know of a member yet; `apart` how far the mean of what it
// knows of its neighbours is from what they know of it.

import { entry, type Module, module, next, output, type Use } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { asReceived } from '../codecs/feedback.ts';
import { heldAt, recordsOf, zerosAt } from './federation.ts';
import { descend } from './local.ts';
import { mixed, neighboursIn, type Peers } from './mixing.ts';
import { minus, plus, type Task, times } from './task.ts';

export interface Compressed extends Omit<Peers, 'local'> {
  readonly local: NonNullable<Peers['local']>;
  readonly codec: string | Use;
  /** How far each moves to the mean: the less the codec leaves, the less. γ of the paper. */
  readonly step: number;
}

/** A difference that does not arrive is missing from then on: for links that send again what was lost. */
export const chocoSgd = (task: Task, { codec, step, ...strategy }: Compressed): Module =>
  module('choco-sgd', () => {
    const { peers, rounds, local, answers, report } = strategy;
    const held = heldAt(task, peers.each);
    const [lag, apart] = ['lag', 'apart'].map((name) => zerosAt(name, read(held), peers.each));
    const records = recordsOf(task, peers);
    entry('round', peers.each, { initial: { round: 0n } }, ({ round }) => {
      const { moved, loss } = descend(task, local, records, round, read(held));
      const behind = plus(read(lag!), moved);
      const told = asReceived('told', behind, { at: peers, codec });
      const mean = mixed(behind, neighboursIn(strategy, round), { answers: { ...answers, codec } }, told);
      const pull = times(
        update(apart!, (before) => minus(plus(before, mean), told)),
        step,
      );
      update(lag!, () => plus(minus(behind, told), pull));
      const weights = update(held, (before) => plus(plus(before, moved), pull));
      output('loss', loss);
      report?.({ round, weights });
      next('round', { round: round.add(1n) }).when(round.less(BigInt(rounds - 1)));
    });
  });
