// A reduction of `npm run verify -- runtime.3`: fifty seeds of the chaos faults over the examples.

import { expect, test } from 'vitest';
import { chaos, chaosExamples, completeShare } from '../support/chaos.ts';

const SEEDS = 5;
const flows: Record<string, number> = {};

test.each(chaosExamples.map((name, index) => [name, index] as const))(
  'all checkers hold over %s',
  async (name, index) => {
    const seeds = Array.from({ length: SEEDS }, (_, seed) => 1 + index * SEEDS + seed);
    const found = await chaos(name, seeds, 3);
    expect([found.runs, found.violations]).toEqual([SEEDS, []]);
    expect(Object.values(found.flows).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
    for (const [status, count] of Object.entries(found.flows)) flows[status] = (flows[status] ?? 0) + count;
  },
);

test('with frames sent again more flows come out complete', () => {
  expect(completeShare(flows, 'adaptive')).toBeGreaterThan(completeShare(flows, 'plain') + 0.1);
});
