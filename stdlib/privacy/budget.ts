// A declared budget: what a whole run may spend is known, and held, when the module is recorded.

import { composed } from '../../dsl/composed.ts';
import { constant } from '../../dsl/constant.ts';
import { float64 } from '../../dsl/dtypes.ts';
import { max, where } from '../../dsl/ops/generated/ops.ts';
import type { AnyShape, PlaceOf, Tensor, Value } from '../../dsl/types.ts';
import {
  type Allowance,
  conversion,
  epsilonOf,
  hidden,
  noiseFor,
  ORDERS,
  renyiDivergence,
  stepsFor,
} from './accountant.ts';

export interface BudgetOptions extends Allowance {
  /** How many noised steps, or rounds, a run has at most. */
  readonly steps: number;
  /** The probability with which each record, or member, is in a step. Default: 1. */
  readonly samplingRate?: number;
  /** σ. Default: the least that keeps to the budget. */
  readonly noiseMultiplier?: number;
}

type Whole = 'int32' | 'int64' | 'uint32' | 'uint64';

export interface Budget {
  /** That all steps together spend, in nats; at most what was allowed. */
  readonly epsilon: number;
  readonly delta: number;
  readonly steps: number;
  readonly samplingRate: number;
  /** To be given to what adds the noise. */
  readonly noiseMultiplier: number;
  /** ε after so many steps, a float64 scalar, as the accountant has it: for an output of each round, and so in its report. */
  spent<V extends Tensor<Whole>>(steps: V): Value<'float64', [], PlaceOf<V>>;
  /** Whether so many steps are among those that were declared: a bool scalar, for `when`. */
  allows<V extends Tensor<Whole>>(steps: V): Value<'bool', [], PlaceOf<V>>;
}

/**
 * Declares what a run may spend. Computed while the module is recorded, so that a build fails (BB706) where so many steps of
 * this noise would spend more, and says how much noise, or how many steps, would fit. Fails (BB330) for what cannot be.
 *
 *     const spending = budget({ epsilon: 3, delta: 1e-5, steps: ROUNDS, samplingRate: 0.1 });
 *     output('epsilon', spending.spent(done));
 *     next('round', { round: done }).when(spending.allows(done.add(1n)));
 */
export function budget(options: BudgetOptions): Budget {
  return composed('budget', budget, (owner): Budget => {
    const { epsilon: allowed, delta, steps, samplingRate = 1 } = options;
    const cannot = (reason: string): never => owner.fail('BB330', { what: 'budget', reason });
    if (!(allowed > 0)) cannot(`ε is ${allowed}; it is above 0`);
    if (!(delta > 0 && delta < 1)) cannot(`δ is ${delta}; it is between 0 and 1`);
    if (!(Number.isSafeInteger(steps) && steps >= 1)) cannot(`${steps} is no number of steps`);
    if (!(samplingRate > 0 && samplingRate <= 1)) cannot(`${samplingRate} is no sampling rate`);
    const least = (): number | undefined => leastNoise({ epsilon: allowed, delta }, { samplingRate, steps });
    const noiseMultiplier =
      options.noiseMultiplier ?? least() ?? cannot(`no noise keeps to ε = ${allowed} at δ = ${delta}`);
    if (!(noiseMultiplier > 0)) cannot(`${noiseMultiplier} is no noise multiplier`);
    const mechanism = { noiseMultiplier, samplingRate, steps };
    const { epsilon } = epsilonOf(mechanism, delta);
    if (epsilon > allowed)
      owner.fail('BB706', {
        epsilon,
        ...{ allowed, delta, steps, noiseMultiplier },
        fittingNoise: least(),
        fittingSteps: stepsFor({ epsilon: allowed, delta }, mechanism),
      });
    return {
      ...{ epsilon, delta, steps, samplingRate, noiseMultiplier },
      spent: function spent(after) {
        return composed('spent', spent, () =>
          spentAfter(after, { noiseMultiplier, samplingRate }, delta),
        ) as never;
      },
      allows: function allows(after) {
        return composed('allows', allows, () =>
          (after as Tensor as Count).lessOrEqual(BigInt(steps)),
        ) as never;
      },
    };
  });
}

type Count = Value<'int64', [], string>;

/** The accountant's formula over constants: each order's divergence of one step, times the steps; the least of them counts. */
function spentAfter(
  steps: Tensor,
  mechanism: { readonly noiseMultiplier: number; readonly samplingRate: number },
  delta: number,
): Value<'float64', AnyShape, string> {
  const each = constant(
    ORDERS.map((order) => renyiDivergence(mechanism, order)),
    float64,
  );
  const more = constant(
    ORDERS.map((order) => conversion(order, delta)),
    float64,
  );
  const count = (steps as Count).cast({ to: float64 });
  const divergences = each.mul(count);
  const epsilons = where(divergences.lessOrEqual(hidden(delta)), constant(0, float64), divergences.add(more));
  const least = epsilons.reduceMin({ axes: [0], keepdims: false });
  return max([least, constant(0, float64)]) as never;
}

function leastNoise(
  allowed: Allowance,
  steps: { readonly samplingRate: number; readonly steps: number },
): number | undefined {
  try {
    return noiseFor(allowed, steps);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
