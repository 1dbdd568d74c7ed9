// A budget is held when the module is recorded, and told round by round when it runs.

import { describe, expect, test } from 'vitest';
import { constant, entry, module, next, output, peer } from '../../dsl/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { type Budget, type BudgetOptions, budget, epsilonOf, stepsFor } from '../../stdlib/privacy/index.ts';
import { refusalOf } from '../support/recorded.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

const server = peer('server');
const allowed = { epsilon: 3, delta: 1e-5, samplingRate: 0.1, steps: 100 };
/** Why a budget is refused, or `none`; and what is made of it otherwise. */
function declared(options: BudgetOptions): { readonly why: string; readonly made: Budget | undefined } {
  let made: Budget | undefined;
  const why = refusalOf(() => {
    made = budget(options);
    output('epsilon', constant(made.epsilon));
  });
  return { why, made };
}
const refused = (options: BudgetOptions): string => declared(options).why;

/** What runs of one module say of ε, as often as they go on. */
async function told(options: BudgetOptions): Promise<readonly number[]> {
  const source = module('m', () => {
    const spending = budget(options);
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const done = round.add(1n);
      output('epsilon', spending.spent(done));
      next('round', { round: done }).when(spending.allows(done.add(1n)));
    });
  });
  const { deployment } = await simulatedWorld(source, topologyIn({ classes: { server: {} } }));
  const found: number[] = [];
  await deployment.invoke(
    {},
    {
      entry: 'round',
      onFlow: ({ outputs }) => {
        const { dtype, bytes } = outputs.epsilon as Tensor;
        expect(dtype).toBe('float64');
        found.push(new Float64Array(bytes.slice().buffer)[0]!);
      },
    },
  );
  return found;
}

describe('a run', () => {
  test('says after each round what was spent, as the accountant has it, and ends with the declared one', async () => {
    const options = { ...allowed, steps: 6, noiseMultiplier: 1.3 };
    const found = await told(options);
    expect(found.length).toBe(6);
    for (const [at, one] of found.entries())
      expect(one).toBeCloseTo(epsilonOf({ ...options, steps: at + 1 }, 1e-5).epsilon, 12);
  });

  test('says 0 where δ alone covers what can be told apart', async () => {
    const options = { epsilon: 1, delta: 0.01, samplingRate: 1e-4, steps: 2, noiseMultiplier: 8 };
    expect(await told(options)).toEqual([0, 0]);
  });
});

describe('a build', () => {
  test('without noise of its own has the least that keeps to the budget', () => {
    const made = declared(allowed).made!;
    expect(made.noiseMultiplier).toBeCloseTo(1.7961, 3);
    expect(made.epsilon).toBeLessThanOrEqual(3);
    expect(made.epsilon).toBeGreaterThan(2.999);
    expect(refused({ ...allowed, noiseMultiplier: made.noiseMultiplier * 0.999 })).toMatch('BB706');
  });

  test('fails over the budget, and says what would fit', () => {
    expect(refused({ ...allowed, noiseMultiplier: 1.1 })).toBe(
      'BB706: 100 steps with noise multiplier 1.1 spend ε = 6.614 at δ = 0.00001, over the budget of ε = 3',
    );
    const fitting = stepsFor(allowed, { noiseMultiplier: 1.1, samplingRate: 0.1 });
    expect(fitting).toBeGreaterThan(5);
    expect(refused({ ...allowed, noiseMultiplier: 1.1, steps: fitting })).toBe('none');
    expect(refused({ ...allowed, noiseMultiplier: 1.1, steps: fitting + 1 })).toMatch('BB706');
  });

  test('fails for what cannot be', () => {
    expect(refused({ ...allowed, epsilon: 0 })).toBe('BB330: budget: ε is 0; it is above 0');
    expect(refused({ ...allowed, delta: 1 })).toBe('BB330: budget: δ is 1; it is between 0 and 1');
    expect(refused({ ...allowed, steps: 0.5 })).toBe('BB330: budget: 0.5 is no number of steps');
    expect(refused({ ...allowed, samplingRate: 2 })).toBe('BB330: budget: 2 is no sampling rate');
    expect(refused({ ...allowed, noiseMultiplier: 0 })).toBe('BB330: budget: 0 is no noise multiplier');
    expect(refused({ ...allowed, samplingRate: 1, epsilon: 1e-6, delta: 1e-12 })).toBe(
      'BB330: budget: no noise keeps to ε = 0.000001 at δ = 1e-12',
    );
  });
});
