// Differential privacy of members, with a server that is trusted to add the noise: McMahan et al., Learning
// Differentially Private Recurrent Language Models, 2018, algorithm 1 with flat clipping and the estimator of equal weights.

import type { Combined } from '../../dsl/aggregate.ts';
import { composed } from '../../dsl/composed.ts';
import { dimsIn } from '../../dsl/core-op.ts';
import { float32 } from '../../dsl/dtypes.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { Tensor } from '../../dsl/types.ts';
import { factOf, isValue } from '../../dsl/value.ts';
import { bounded, boundedRows, type Real } from './clip.ts';
import { checkRelease, type ReleaseOptions, released } from './release.ts';

/**
 * A member's update, shortened to the norm `most` over all its values together: Δ · min(1, S / ‖Δ‖). At the member, so that
 * the server need not see more. An update that is not finite counts as zero. It is not declassified: it says much of whoever
 * made it, and goes to a server that is trusted, or masked.
 * Fails (BB330) for a norm that cannot be.
 */
export function clipUpdate<const W extends object>(update: W, most: number): W {
  return composed('clipUpdate', clipUpdate, (owner) => {
    checkRelease(owner, 'clipUpdate', { clip: most, noiseMultiplier: 0, expected: 1, noise: {} as never });
    return bounded(update, most);
  });
}

/** What members answered: values stacked on a first axis. */
export type Rows = Readonly<Record<string, Tensor>>;

/**
 * The same for what the server has of each member, rows stacked on a first axis: an answer that a codec with loss, or a member
 * that lies, has made longer than `clipUpdate` left it. Fails as above.
 * rows: [k, …] of each value.
 */
export function clipRows<const R extends Rows>(rows: R, most: number): R {
  return composed('clipRows', clipRows, (owner) => {
    checkRelease(owner, 'clipRows', { clip: most, noiseMultiplier: 0, expected: 1, noise: {} as never });
    return boundedRows(rows, most);
  });
}

/**
 * An aggregator: the sum over the rows, plus normal noise of standard deviation σ·`clip` on each number, over `expected`.
 * `clip` is what each member's update was clipped to with `clipUpdate`. All members weigh alike: that one has more data is
 * itself private, so counts are not looked at. The sum is divided by how many are expected and not by how many came: who
 * is missing must not change what another adds. With noise of the host the result is declassified.
 * rows: [k, …] of each value, k may be 0 or more. Fails (BB330) for options that cannot be, (BB302) for a scalar, (BB308)
 * for what `hostNoise` fails for.
 *
 *     const mean = noisedMean({ clip: 1, noiseMultiplier: 1.1, expected: 100, noise: hostNoise({ at: server }) });
 *     const { senders, missing, ...rows } = collect(on(phones.each, () => clipUpdate(delta, 1)), { atLeast: 80 });
 *     const change = mean(rows);
 */
export function noisedMean(options: ReleaseOptions<Readonly<Record<string, Tensor>>>) {
  return function mean<const R extends Rows>(rows: R, _counts?: Tensor): Combined<R> {
    return composed('noisedMean', mean, (owner) => {
      checkRelease(owner, 'noisedMean', options);
      const { values, around } = leavesOf<Real>(rows, isValue);
      const sums = values.map((one) => {
        const dims = dimsIn(factOf(one, 'noisedMean').type);
        if (dims?.length === 0) owner.fail('BB302', { op: 'noisedMean', reason: 'a scalar has no rows' });
        const sum = one.reduceSum({ axes: [0], keepdims: false }) as Real;
        return dims === undefined ? sum : (sum.as(float32, dims.slice(1) as never) as unknown as Real);
      });
      const record = around(sums) as Readonly<Record<string, Tensor<'float32'>>>;
      return released(owner, record, options) as Combined<R>;
    });
  };
}
