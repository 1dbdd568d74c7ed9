// What holds of the accountant whatever it is given.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { epsilonOf, noiseFor, renyiDivergence, stepsFor } from '../../stdlib/privacy/index.ts';

const noise = fc.double({ min: 0.3, max: 20, noNaN: true });
const rate = fc.double({ min: 1e-5, max: 1, noNaN: true });
const steps = fc.integer({ min: 1, max: 100_000 });
const delta = fc.constantFrom(1e-3, 1e-5, 1e-9);
const more = fc.double({ min: 1, max: 4, noNaN: true });
const mechanism = fc.record({ noiseMultiplier: noise, samplingRate: rate, steps });
/** Rounding: two orders may be the best one in turn. */
const most = (bound: number): number => bound * (1 + 1e-9) + 1e-9;

test('more noise spends no more', () => {
  fc.assert(
    fc.property(mechanism, more, delta, (one, factor, delta) => {
      const noisier = { ...one, noiseMultiplier: one.noiseMultiplier * factor };
      expect(epsilonOf(noisier, delta).epsilon).toBeLessThanOrEqual(most(epsilonOf(one, delta).epsilon));
    }),
    { numRuns: 60 },
  );
});

test('a higher sampling rate spends no less', () => {
  fc.assert(
    fc.property(mechanism, more, delta, (one, factor, delta) => {
      const oftener = { ...one, samplingRate: Math.min(1, one.samplingRate * factor) };
      expect(epsilonOf(one, delta).epsilon).toBeLessThanOrEqual(most(epsilonOf(oftener, delta).epsilon));
    }),
    { numRuns: 60 },
  );
});

test('more steps, and a smaller δ, spend no less', () => {
  fc.assert(
    fc.property(mechanism, fc.integer({ min: 1, max: 1000 }), (one, further) => {
      const longer = { ...one, steps: one.steps + further };
      expect(epsilonOf(one, 1e-5).epsilon).toBeLessThanOrEqual(most(epsilonOf(longer, 1e-5).epsilon));
      expect(epsilonOf(one, 1e-5).epsilon).toBeLessThanOrEqual(most(epsilonOf(one, 1e-6).epsilon));
    }),
    { numRuns: 60 },
  );
});

test('the divergence grows with its order', () => {
  const orders = fc.tuple(
    fc.double({ min: 1.1, max: 60, noNaN: true }),
    fc.double({ min: 1.1, max: 60, noNaN: true }),
  );
  fc.assert(
    fc.property(mechanism, orders, (one, two) => {
      const [low, high] = [Math.min(...two), Math.max(...two)];
      expect(renyiDivergence(one, low)).toBeLessThanOrEqual(most(renyiDivergence(one, high)));
    }),
    { numRuns: 60 },
  );
});

test('steps taken apart spend what they spend together', () => {
  fc.assert(
    fc.property(mechanism, fc.integer({ min: 1, max: 1000 }), delta, (one, further, delta) => {
      const together = epsilonOf({ ...one, steps: one.steps + further }, delta).epsilon;
      const apart = epsilonOf([one, { ...one, steps: further }], delta).epsilon;
      expect(Math.abs(apart - together)).toBeLessThanOrEqual(1e-9 * together + 1e-9);
    }),
    { numRuns: 60 },
  );
});

test('noise that is searched for keeps to the budget, and one part in a thousand less does not', () => {
  const budgets = fc.record({ epsilon: fc.double({ min: 0.3, max: 10, noNaN: true }), delta });
  fc.assert(
    fc.property(
      budgets,
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 2000 }),
      (allowed, samplingRate, steps) => {
        const noiseMultiplier = noiseFor(allowed, { samplingRate, steps });
        const spent = (noiseMultiplier: number) =>
          epsilonOf({ noiseMultiplier, samplingRate, steps }, allowed.delta).epsilon;
        expect(spent(noiseMultiplier)).toBeLessThanOrEqual(allowed.epsilon);
        expect(spent(noiseMultiplier * 0.999)).toBeGreaterThan(allowed.epsilon);
        expect(stepsFor(allowed, { noiseMultiplier, samplingRate })).toBeGreaterThanOrEqual(steps);
      },
    ),
    { numRuns: 20 },
  );
});
