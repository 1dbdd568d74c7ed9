// A reduction of `npm run verify -- strategies.8`: some seeds of the chaos faults over one strategy of each kind.

import { expect, test } from 'vitest';
import { pipelineChaos, strategyChaos, type Trial } from '../support/strategy-chaos.ts';

const SEEDS = 3;
const some: readonly Trial[] = [
  { strategy: 'diLoCo', codec: 'int8' },
  { strategy: 'hierarchical' },
  { strategy: 'splitFed in turn' },
  { strategy: 'fedBuff' },
  { strategy: 'dPsgd' },
  { strategy: 'pushSum of parts' },
];

test.each(some.map((trial, index) => [trial.strategy, trial, index] as const))(
  'all checkers hold over %s, and every round ends',
  async (_, trial, index) => {
    const seeds = Array.from({ length: SEEDS }, (_, seed) => 1 + index * SEEDS + seed);
    const { runs, violations, flows } = await strategyChaos(trial, seeds);
    expect([runs, violations]).toEqual([SEEDS, []]);
    expect(Object.values(flows).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
  },
);

test('all checkers hold over a pipeline, and every request is answered rightly or said not to be', async () => {
  const { runs, violations, flows } = await pipelineChaos([19, 20, 21], 'honest');
  expect([runs, violations]).toEqual([SEEDS, []]);
  expect(flows.complete).toBeGreaterThan(0);
});
