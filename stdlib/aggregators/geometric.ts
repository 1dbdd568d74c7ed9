// The point whose distances to all answers have the least sum.

import { constant } from '../../dsl/constant.ts';
import { loop } from '../../dsl/control.ts';
import { max } from '../../dsl/ops/generated/ops.ts';
import { type Combine, check, checkCount, dimsOf, dtypeOf, majority, rowWise } from './combine.ts';
import { coordinateMedian } from './coordinates.ts';
import { call, countedOf, finiteRows, functionOf, type Real, type Whole } from './function.ts';

export interface GeometricOptions {
  /** Default: 8. */
  readonly steps?: number;
  /** The least distance that is divided by: ν. Default: 1e-6. */
  readonly smoothing?: number;
  /** Whether an answer counts as much as it says, instead of all the same: an attacker then says a lot. Default: false. */
  readonly weighted?: boolean;
}

/**
 * The geometric median, by `steps` of the smoothed algorithm of Weiszfeld: a mean in which each answer counts w / max(ν, its
 * distance from the mean before). The first distances are from the median of each number, so that an answer far away costs no
 * steps. An answer that is not finite does not count. Declined unless more than half of the answers are finite.
 * Pillutla et al., Robust Aggregation for Federated Learning, 2019, arXiv:1912.13445, algorithm 2.
 * Throws DiagnosticError BB330 where `steps` is not a whole number from 1, or `smoothing` not a number above 0.
 */
export function geometricMedian({
  steps = 8,
  smoothing = 1e-6,
  weighted = false,
}: GeometricOptions = {}): Combine {
  checkCount('geometricMedian', 'steps', steps, 1);
  check('geometricMedian', smoothing > 0, `smoothing is ${smoothing}, not a number above 0`);
  const combine = (rows: Real, shares: Real): Real => {
    const width = dimsOf(rows)?.slice(1);
    const inputs = [
      rows,
      shares,
      coordinateMedian(rows),
      constant(BigInt(steps)),
      constant(smoothing, 'float64'),
    ];
    return call(weiszfeld, inputs, dtypeOf(rows), width);
  };
  return rowWise('geometricMedian', majority, combine, weighted);
}

const weiszfeld = functionOf(
  'GeometricMedian',
  ['rows', 'shares', 'start', 'steps', 'smoothing'],
  (given, shares, start, steps, smoothing) => {
    const { rows, finite } = finiteRows(given);
    const counted = countedOf(shares, finite);
    const first = start.cast({ to: 'float64' }) as Real;
    const { point } = loop({ point: first }, { count: steps as unknown as Whole }, ({ point }) => {
      const off = rows.sub(point) as Real;
      const distances = off
        .mul(off)
        .reduceSum({ axes: [1], keepdims: false })
        .sqrt() as Real;
      const weights = counted.div(
        max([distances, smoothing.cast({ to: 'float64' })] as never) as Real,
      ) as Real;
      return { point: weights.matmul(rows).div(weights.reduceSum({ keepdims: true }) as Real) as Real };
    });
    return (point as Real).castLike(given);
  },
);
