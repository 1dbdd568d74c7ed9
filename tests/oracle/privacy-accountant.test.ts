// The accountant against others: dp-accounting, Opacus, the defining integral in 30 digits, published figures.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { anyMoment, wholeMoment } from '../../stdlib/privacy/accountant.ts';
import {
  epsilonOf,
  type Mechanism,
  noiseFor,
  ORDERS,
  renyiDivergence,
  stepsFor,
} from '../../stdlib/privacy/index.ts';
import { projectRoot } from '../support/root.ts';

interface Known extends Required<Mechanism> {
  readonly delta: number;
  readonly dpAccounting: number;
  readonly opacus: number | null;
  readonly exact?: number;
}
interface Fixture {
  readonly grid: readonly Known[];
  readonly divergences: readonly (Omit<Required<Mechanism>, 'steps'> & { order: number; value: number })[];
  readonly noise: readonly (Required<Mechanism> & { epsilon: number; delta: number })[];
  readonly composed: { delta: number; epsilon: number; mechanisms: readonly Mechanism[] };
}
const fixture = JSON.parse(
  readFileSync(path.join(projectRoot, 'tests/fixtures/privacy/accountant.json'), 'utf8'),
) as Fixture;

const apart = (a: number, b: number): number => Math.abs(a - b) / Math.max(Math.abs(b), 1e-9);
const named = ({ samplingRate: q, noiseMultiplier, steps, delta }: Known): string =>
  `q ${q}, σ ${noiseMultiplier}, ${steps} steps, δ ${delta}`;

describe('the divergence', () => {
  test('is the integral that defines it, to 9 digits', () => {
    expect(fixture.divergences.length).toBe(96);
    const wrong = fixture.divergences.filter(
      ({ order, value, ...one }) => Math.abs(renyiDivergence(one, order) - value) > 1e-9 * value + 1e-13,
    );
    expect(wrong).toEqual([]);
  });

  test('of a whole order is the same by the binomial sum and by the integral', () => {
    for (const order of [2, 3, 5, 10, 33, 64])
      for (const rate of [0.003, 0.3])
        for (const noise of [0.5, 1, 4]) {
          const exact = wholeMoment(rate, noise, order);
          expect(Math.abs(anyMoment(rate, noise, order) - exact)).toBeLessThan(1e-9 * exact + 1e-14);
        }
  });

  test('without sampling is α / 2σ², and adds up over steps', () => {
    expect(renyiDivergence({ noiseMultiplier: 2 }, 3.5)).toBe(3.5 / 8);
    expect(renyiDivergence([{ noiseMultiplier: 2, steps: 3 }, { noiseMultiplier: 1 }], 4)).toBe(1.5 + 2);
    expect(renyiDivergence({ noiseMultiplier: 1, steps: 0 }, 2)).toBe(0);
    expect(renyiDivergence({ noiseMultiplier: 0 }, 2)).toBe(Number.POSITIVE_INFINITY);
  });

  test('is bounded by that of no sampling, also where there is too little noise to integrate', () => {
    for (const noiseMultiplier of [0.02, 0.09, 0.11, 0.3])
      for (const order of ORDERS) {
        const sampled = renyiDivergence({ noiseMultiplier, samplingRate: 0.2 }, order);
        expect(sampled).toBeLessThanOrEqual(renyiDivergence({ noiseMultiplier }, order));
        expect(sampled).toBeGreaterThan(0);
      }
  });
});

describe('ε', () => {
  test('is that of dp-accounting and Opacus within 1 %, over a grid', () => {
    expect(fixture.grid.length).toBe(120);
    const wrong = fixture.grid.flatMap((one) => {
      const { epsilon } = epsilonOf(one, one.delta);
      const references = one.exact === undefined ? [one.dpAccounting, one.opacus] : [one.exact];
      return references
        .filter((reference) => reference !== null && apart(epsilon, reference) > 0.01)
        .map((reference) => `${named(one)}: ${epsilon}, not ${reference}`);
    });
    expect(wrong).toEqual([]);
  });

  test('is that of dp-accounting to 6 digits where the best order is a whole one', () => {
    const whole = fixture.grid.filter((one) => Number.isInteger(epsilonOf(one, one.delta).order));
    expect(whole.length).toBeGreaterThan(40);
    const wrong = whole.filter((one) => apart(epsilonOf(one, one.delta).epsilon, one.dpAccounting) > 1e-6);
    expect(wrong.map(named)).toEqual([]);
  });

  test('of mechanisms in sequence is that of their sum', () => {
    const { mechanisms, delta, epsilon } = fixture.composed;
    expect(epsilonOf(mechanisms, delta).epsilon).toBeCloseTo(epsilon, 6);
  });

  // The table of TensorFlow Privacy's tutorial: 60,000 digits, batches of 256, δ = 1e-5; figures of 2 decimals.
  test.each([
    [1.12, 60, 2.92],
    [0.6, 30, 9.74],
    [1.2, 10, 1.2],
  ])(
    'with noise %d over %d epochs of MNIST is at most the published %d, by the older conversion',
    (noiseMultiplier, epochs, published) => {
      const mechanism = {
        noiseMultiplier,
        samplingRate: 256 / 60_000,
        steps: Math.floor((epochs * 60_000) / 256),
      };
      // What they published used ε = RDP(α) + log(1/δ) / (α − 1) (Mironov 2017, proposition 3).
      const older = Math.min(
        ...ORDERS.map((order) => renyiDivergence(mechanism, order) + Math.log(1e5) / (order - 1)),
      );
      expect(apart(older, published)).toBeLessThan(0.01);
      expect(epsilonOf(mechanism, 1e-5).epsilon).toBeLessThan(published);
    },
  );
});

describe('the noise that is needed', () => {
  test('is that which dp-accounting finds', () => {
    for (const { epsilon, delta, samplingRate, steps, noiseMultiplier } of fixture.noise) {
      const found = noiseFor({ epsilon, delta }, { samplingRate, steps });
      expect(apart(found, noiseMultiplier)).toBeLessThan(2e-4);
      expect(epsilonOf({ noiseMultiplier: found, samplingRate, steps }, delta).epsilon).toBeLessThanOrEqual(
        epsilon,
      );
    }
  });

  test('leaves room for just so many steps', () => {
    for (const { epsilon, delta, samplingRate, noiseMultiplier } of fixture.noise) {
      const most = stepsFor({ epsilon, delta }, { samplingRate, noiseMultiplier });
      const spent = (steps: number) => epsilonOf({ noiseMultiplier, samplingRate, steps }, delta).epsilon;
      expect(spent(most)).toBeLessThanOrEqual(epsilon);
      expect(spent(most + 1)).toBeGreaterThan(epsilon);
    }
  });

  test('is none where nothing is released, and cannot be where no order reaches ε', () => {
    expect(noiseFor({ epsilon: 1, delta: 1e-5 }, { steps: 0 })).toBe(0);
    expect(stepsFor({ epsilon: 1, delta: 1e-5 }, { noiseMultiplier: 1, samplingRate: 0 })).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(() => noiseFor({ epsilon: 1e-6, delta: 1e-12 }, { steps: 10 })).toThrow(
      'no noise gives ε = 0.000001',
    );
  });
});

test.each([
  ['a noise multiplier', () => epsilonOf({ noiseMultiplier: -1 }, 1e-5)],
  ['a noise multiplier', () => epsilonOf({ noiseMultiplier: Number.NaN }, 1e-5)],
  ['a rate', () => epsilonOf({ noiseMultiplier: 1, samplingRate: 1.1 }, 1e-5)],
  ['steps', () => epsilonOf({ noiseMultiplier: 1, steps: 0.5 }, 1e-5)],
  ['δ', () => epsilonOf({ noiseMultiplier: 1 }, 0)],
  ['δ', () => stepsFor({ epsilon: 1, delta: 1 }, { noiseMultiplier: 1 })],
  ['ε', () => noiseFor({ epsilon: 0, delta: 1e-5 }, {})],
  ['an order', () => renyiDivergence({ noiseMultiplier: 1 }, 1)],
])('what cannot be %s is a RangeError', (_, call) => {
  expect(call).toThrow(RangeError);
});
