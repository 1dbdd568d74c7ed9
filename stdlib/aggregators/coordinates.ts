// Aggregators that take each number by itself, in the order of size (Yin et al., Byzantine-Robust Distributed Learning:
// Towards Optimal Statistical Rates, 2018, arXiv:1803.01498, definitions 1 and 2).

import { constant } from '../../dsl/constant.ts';
import { where } from '../../dsl/ops/generated/ops.ts';
import { allBut, type Combine, checkCount, coordinateWise, dimsOf, dtypeOf, majority } from './combine.ts';
import { call, functionOf, type Real, type Truth, type Whole } from './function.ts';

/**
 * Of each number the median of what the members answered; of an even number of answers, half way between the two in the
 * middle. Every member counts the same. What is not a number counts as infinite: half of the answers less one can move the result nowhere
 * beyond what others answered. Declined unless more than half of the answers are finite.
 */
export const median = (): Combine => coordinateWise('median', majority, coordinateMedian);

/**
 * Of each number the mean of what members answered, without the `f` smallest and the `f` largest. Every member counts the
 * same. What is not a number counts as infinite. Declined of fewer than 2f + 1 answers, and where more than `f` are not finite.
 * Throws DiagnosticError BB330 where `f` is not a whole number from 0.
 */
export function trimmedMean({ f }: { readonly f: number }): Combine {
  checkCount('trimmedMean', 'f', f);
  return coordinateWise('trimmedMean', allBut(f, 2 * f + 1), (values) =>
    call(trimmed, [values, constant([BigInt(f)])], dtypeOf(values), dimsOf(values)?.slice(1)),
  );
}

/** Of each number the median: [k, …] → […]. */
export const coordinateMedian = (values: Real): Real =>
  call(middle, [values], dtypeOf(values), dimsOf(values)?.slice(1));

/** The smallest `count` of each number, in order. */
function smallest(values: Real, count: Whole): Real {
  const infinity = constant(Number.POSITIVE_INFINITY).castLike(values) as Real;
  const numbers = where(values.isNaN() as Truth, infinity, values) as Real;
  return numbers.topK(count, { axis: 0, largest: false }).values as Real;
}

const answersIn = (values: Real): Whole => values.shape({ start: 0, end: 1 }) as Whole;

/** Of rows in order, `count` of them: half way between the two in the middle, which may be one. */
export function halfWay(ordered: Real, count: Whole): Real {
  const half = constant(0.5).castLike(ordered) as Real;
  const at = (index: Whole): Real =>
    ordered.gather(index.squeeze({ axes: [0] }), { axis: 0 }).mul(half) as Real;
  return at(count.sub(1n).div(2n) as Whole).add(at(count.div(2n) as Whole)) as Real;
}

const middle = functionOf('CoordinateMedian', ['values'], (values) => {
  const answers = answersIn(values);
  return halfWay(smallest(values, answers.div(2n).add(1n) as Whole), answers);
});

const trimmed = functionOf('TrimmedMean', ['values', 'f'], (values, f) => {
  const ends = f as unknown as Whole;
  const ordered = smallest(values, answersIn(values).sub(ends) as Whole);
  const kept = ordered.slice(ends, answersIn(ordered), { axes: [0n] }).cast({ to: 'float64' });
  return kept.reduceMean({ axes: [0], keepdims: false }).castLike(values);
});
