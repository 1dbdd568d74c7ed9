// A reduction of `npm run verify -- runtime.3`: fifty seeds of the chaos faults over the examples.

import { expect, test } from 'vitest';
import { chaos, chaosExamples } from '../support/chaos.ts';

const SEEDS = 5;

test.each(chaosExamples.map((name, index) => [name, index] as const))(
  'all checkers hold over %s',
  async (name, index) => {
    const seeds = Array.from({ length: SEEDS }, (_, seed) => 1 + index * SEEDS + seed);
    const { runs, violations, flows } = await chaos(name, seeds, 3);
    expect([runs, violations]).toEqual([SEEDS, []]);
    expect(Object.values(flows).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
  },
);
