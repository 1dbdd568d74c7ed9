// Buffered asynchronous aggregation (FedBuff; Nguyen et al. 2022, arXiv:2106.06639, algorithm 1): clients come and go on their
// own. Each takes the parameters as they are, trains, and gives the server what changed, which counts less the more often the
// server has moved meanwhile. When the buffer holds enough of them, the server moves by their mean.

import {
  after,
  constant,
  type Duration,
  emit,
  entry,
  int64,
  type Module,
  module,
  next,
  on,
  protocol,
  state,
} from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { pause } from '../protocols/pause.ts';
import { type Federation, heldAt, recordsOf, sent, zerosAt } from './federation.ts';
import { descend } from './local.ts';
import { mapped, plus, type Task, times } from './task.ts';

export interface Buffered extends Omit<Federation, 'pick' | 'combine' | 'answers'> {
  /** Answers that the server moves by at once. */
  readonly buffer: number;
  /** Of the server. Default: 1. */
  readonly lr?: number;
  /** How long a client waits for the server. */
  readonly within?: Duration;
  /** How long one that heard nothing rests before it tries again, in ms. Default: 1000. */
  readonly restMs?: number;
}

export const fedBuff = (
  task: Task,
  { buffer: size, lr = 1, within, restMs = 1000, sends = (own) => own, ...federation }: Buffered,
): Module =>
  module('fedbuff', () => {
    const { server, clients, local, rounds } = federation;
    const held = heldAt(task, server);
    const buffer = zerosAt('buffer', read(held), server);
    const [filled, version] = ['filled', 'version'].map((name) =>
      state(name, constant(0n, int64), { at: server }),
    );
    const records = recordsOf(task, clients);
    const resting = protocol('rest', pause, { at: clients.me, use: { kind: 'pause' } });
    const options = { initial: { round: 0n }, ...(within !== undefined && { within }) };
    entry('work', clients, after('1ms'), options, ({ round }) => {
      const { start, since } = on(server, () => ({ start: read(held), since: version!.read() }));
      const ended = descend(task, local, records, round, sent(start, clients.me, federation));
      const { loss } = ended;
      const moved = sends(ended.moved, round);
      const now = on(server, () => {
        const all = { held, buffer, filled: filled!, version: version! };
        return update(all, (latest) => {
          // 1 / √(1 + staleness), as the paper's experiments have it.
          const stale = latest.version.sub(since).add(1n).cast({ to: 'float32' }).sqrt();
          const sum = plus(
            latest.buffer,
            mapped(moved, (one) => one.div(stale)),
          );
          const count = latest.filled.add(1n);
          const isFull = count.equal(BigInt(size));
          const share = isFull.cast({ to: 'float32' });
          return {
            held: plus(latest.held, times(sum, share.mul(lr / size))),
            buffer: times(sum, share.neg().add(1)),
            filled: count.mod(BigInt(size)),
            version: latest.version.add(isFull.cast({ to: 'int64' })),
          };
        });
      });
      on(server, () => {
        emit('version', now.version);
        emit('loss', loss);
      });
      // Who hears nothing tries again, but not at once: the server may be known to be gone.
      const silent = constant(BigInt(restMs), int64).when(now.version.present().not());
      const rested = resting.rest(silent, { within: `${restMs + 10_000}ms` }).greaterOrEqual(0n);
      next('work', { round: round.add(1n) }).when(now.version.less(BigInt(rounds)).orElse(rested));
    });
  });
