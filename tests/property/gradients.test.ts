// Gradients of random graphs against central differences, in float64 on the CPU backend. A failure prints the graph and
// how to run it alone; `RUNS=300 npx vitest run tests/property/gradients.test.ts` looks further.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expandedOperators, rules } from '../../compiler/differentiate/rules.ts';
import { checkSeed, generators } from '../support/gradient-graphs/check.ts';
import '../support/seed.ts';

const asked = process.env.GRADIENT_OF?.split(',');
const seed = process.env.GRADIENT_SEED;
const types = Object.keys(generators).filter((type) => asked?.includes(type) ?? true);

test('has graphs for every operator that has a rule', () => {
  const known = [...Object.keys(rules), ...expandedOperators].sort();
  expect(known.filter((type) => !Object.hasOwn(generators, type))).toEqual([]);
  expect(Object.keys(generators).filter((type) => !known.includes(type))).toEqual([]);
});

test('gradients are what central differences give', () => {
  const skipped: string[] = [];
  let compared = 0;
  for (const type of types) {
    const one = fc.property(fc.noShrink(fc.nat()), (drawn) => {
      const outcome = checkSeed(type, seed === undefined ? drawn : Number(seed));
      if (outcome.problem !== '') throw new Error(outcome.problem);
      if (outcome.skipped === undefined) compared++;
      else skipped.push(`${type}: ${outcome.skipped}`);
    });
    fc.assert(one, { numRuns: seed === undefined ? Number(process.env.RUNS ?? 1) : 1 });
  }
  // Most of them are compared.
  if (asked === undefined) expect(compared, skipped.join('\n')).toBeGreaterThan(9 * skipped.length);
}, 600_000);

// A batch of size 1 beside one of unknown size is repeated, perhaps: RoiAlign's gradient is a product of such.
test.each([['RoiAlign', 356356]] as const)('graph %s %i, which was wrong once', (type, known) => {
  const { problem, skipped } = checkSeed(type, known);
  expect([problem, skipped]).toEqual(['', undefined]);
});
