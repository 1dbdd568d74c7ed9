// Program 5 of the semantics: DiLoCo without a server, among those whom a membership component knows. Who joins on the way takes what
// the others have in its first round, of which its own steps are no part.

import { cohort, emit, entry, float32, protocol } from '../../../dsl/index.ts';
import { mse } from '../../../dsl/loss/index.ts';
import { sgd } from '../../../dsl/optim/index.ts';
import { fixedKey, normal } from '../../../dsl/random/index.ts';
import { membership } from '../../../stdlib/protocols/index.ts';
import { diLoCoAllReduce, taskOf } from '../../../stdlib/strategies/index.ts';

const workers = cohort('worker');
export const WORKERS = 4;
export const topology = {
  version: 1,
  classes: { worker: { count: WORKERS } },
  links: [{ between: ['worker', 'worker'], latency: '10ms' }],
};
export const ROUNDS = 6;
export const RECORDS = 32;

export const line = taskOf({
  parameters: () => ({ w: normal(fixedKey(1), [3, 1]), b: normal(fixedKey(2), [1]) }),
  fields: { x: [float32, ['N', 3]], y: [float32, ['N', 1]] },
  loss: ({ w, b }, { x, y }) => mse(x.matmul(w!).add(b!).as(float32, [null, 1]), y),
});

/** Of all members of the class, or of those who have announced themselves. */
export const allReduced = (rounds: number, announced: boolean) =>
  diLoCoAllReduce(line, {
    peers: workers,
    rounds,
    local: { optimizer: sgd({ lr: 0.1 }), steps: 4, batch: 8 },
    within: { chunks: '2s', means: '4s', digests: '5s', parameters: '7s' },
    ...(announced && { present }),
    report({ weights }) {
      emit('w', weights.w!);
    },
  });

function present() {
  const use = { kind: 'membership', ttlMs: 3_600_000, everyMs: 1_200_000 } as const;
  const members = protocol('members', membership, { at: workers.each, use });
  const announcing = protocol('announcing', membership, { at: workers.me, component: 'members' });
  entry('announce', workers, () => announcing.join(workers.view()));
  return () => members.view({ class: 'worker' }).members;
}

export default allReduced(ROUNDS, true);
