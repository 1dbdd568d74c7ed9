// Runs the built command line: `npm test` builds first.

import { expect, test } from 'vitest';
import { compileEverywhere } from '../support/twice.ts';

test('compiling again, from elsewhere, and in a copy of the project gives the same bytes', () => {
  const ways = compileEverywhere(
    'examples/02-text-recogniser/model.ts',
    'examples/02-text-recogniser/topology.json',
  );
  const [first, ...others] = Object.values(ways);
  expect(Object.keys(first!)).toContain('plan.json');
  expect(Object.keys(first!).length).toBeGreaterThanOrEqual(10);
  for (const other of others) expect(other).toEqual(first);
});
