// Aggregators that look for answers which many others are near to. Distances are Euclidean, squared, over whole answers, and
// come from products of rows in double precision: ‖a - b‖² = ‖a‖² + ‖b‖² - 2a·b, k × k numbers instead of k × k × D.

import { constant } from '../../dsl/constant.ts';
import { loop } from '../../dsl/control.ts';
import { max, min, range, where } from '../../dsl/ops/generated/ops.ts';
import { allBut, type Combine, checkCount, dimsOf, dtypeOf, rowWise } from './combine.ts';
import { coordinateMedian } from './coordinates.ts';
import { call, finiteRows, functionOf, type Real, type Truth, type Whole } from './function.ts';

/**
 * The answer that is nearest to its n - f - 2 nearest others: the least sum of squared distances. Every member counts the same.
 * An answer that is not finite is infinitely far from all. Of equal sums, the first in set order. Declined of fewer than
 * 2f + 3 answers, and where more than `f` are not finite.
 * Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, 2017, arXiv:1703.02757, section 4.
 * Throws DiagnosticError BB330 where `f` is not a whole number from 0.
 */
export const krum = ({ f }: { readonly f: number }): Combine => nearest('krum', f, 1);

/**
 * The mean of the `m` answers whose sums of squared distances to their n - f - 2 nearest others are least; see {@link krum}.
 * Declined also of fewer than m + f + 2 answers: among more, there would be those of attackers.
 * Blanchard et al. 2017, section 6; for `m`, Damaskinos et al., AggregaThor, 2019, section 2.
 * Throws DiagnosticError BB330 where `f` is not a whole number from 0, or `m` not one from 1.
 */
export const multiKrum = ({ f, m }: { readonly f: number; readonly m: number }): Combine =>
  nearest('multiKrum', f, m);

function nearest(name: string, f: number, m: number): Combine {
  checkCount(name, 'f', f);
  checkCount(name, 'm', m, 1);
  const least = Math.max(2 * f + 3, m + f + 2);
  return rowWise(name, allBut(f, least), (rows) =>
    call(chosen, [rows, constant([BigInt(f)]), constant([BigInt(m)])], dtypeOf(rows), dimsOf(rows)?.slice(1)),
  );
}

/**
 * First n - 2f answers are chosen, one after the other, each by {@link krum} among those that are left; then of each number the
 * mean of the n - 4f that are nearest to the median of those chosen. Where fewer than f + 4 are left, a sum of distances is that to
 * the nearest one, and of two that are nearest to each other the first in set order is chosen. Every member counts the same. Declined of fewer than 4f + 3 answers, and where more than `f` are not finite.
 * El Mhamdi et al., The Hidden Vulnerability of Distributed Learning in Byzantium, 2018, arXiv:1802.07927, section 4.
 * Throws DiagnosticError BB330 where `f` is not a whole number from 0.
 */
export function bulyan({ f }: { readonly f: number }): Combine {
  checkCount('bulyan', 'f', f);
  return rowWise('bulyan', allBut(f, 4 * f + 3), (rows) =>
    call(chosenInTurn, [rows, constant([BigInt(f)])], dtypeOf(rows), dimsOf(rows)?.slice(1)),
  );
}

const numbersTo = (count: Whole): Whole =>
  range(constant(0n), count.squeeze({ axes: [0] }) as Whole, constant(1n)) as Whole;
const answersIn = (rows: Real): Whole => rows.shape({ start: 0, end: 1 }) as Whole;

/** [k, D] → [k, k]: squared distances, infinite where a row is not finite, and 0 on the diagonal. */
const squaredDistances = functionOf('SquaredDistances', ['rows'], (given) => {
  const { rows, lengths, finite } = finiteRows(given);
  const products = rows.matmul(rows.transpose()).mul(2) as Real;
  const apart = max([
    lengths.add(lengths.transpose() as Real).sub(products),
    constant(0, 'float64'),
  ] as never) as Real;
  const both = finite.and(finite.transpose() as Truth) as Truth;
  const numbers = numbersTo(answersIn(given));
  const same = numbers.unsqueeze([0n]).equal(numbers.unsqueeze([1n]) as Whole) as Truth;
  const infinity = constant(Number.POSITIVE_INFINITY, 'float64');
  return where(same, constant(0, 'float64'), where(both, apart, infinity) as Real);
});
const distancesOf = (rows: Real): Real => call(squaredDistances, [rows], 'float64', [null, null]);

/** For each row of distances the sum of the least `count`, its own 0 among them. */
const sumOfLeast = (distances: Real, count: Whole): Real =>
  distances.topK(count, { axis: 1, largest: false }).values.reduceSum({ axes: [1], keepdims: false }) as Real;

const chosen = functionOf('MultiKrum', ['rows', 'f', 'm'], (rows, given, m) => {
  const f = given as unknown as Whole;
  const sums = sumOfLeast(distancesOf(rows), answersIn(rows).sub(f).sub(1n) as Whole);
  const best = sums.topK(m as unknown as Whole, { axis: 0, largest: false }).indices;
  const mean = rows.gather(best as Whole, { axis: 0 }).cast({ to: 'float64' });
  return mean.reduceMean({ axes: [0], keepdims: false }).castLike(rows);
});

const chosenInTurn = functionOf('Bulyan', ['rows', 'f'], (rows, given) => {
  const f = given as unknown as Whole;
  const [distances, answers] = [distancesOf(rows), answersIn(rows)];
  const numbers = numbersTo(answers);
  const infinity = constant(Number.POSITIVE_INFINITY, 'float64');
  const count = answers.sub(f.mul(2n) as Whole) as Whole;
  const { left } = loop(
    { left: numbers.greaterOrEqual(0n) as Truth },
    { count: count.squeeze({ axes: [0] }) as Whole },
    ({ left }) => {
      const remaining = left.cast({ to: 'int64' }).reduceSum({ keepdims: true }) as Whole;
      const wanted = max([remaining.sub(f).sub(1n), constant([2n])] as never) as Whole;
      const near = min([remaining, wanted] as never) as Whole;
      const sums = sumOfLeast(where(left.unsqueeze([0n]) as Truth, distances, infinity) as Real, near);
      const next = (where(left, sums, infinity) as Real).argMin({ axis: 0, keepdims: true }) as Whole;
      return { left: left.and(numbers.equal(next).not() as Truth) as Truth };
    },
  );
  // Of equal numbers the first come first: those that are not left, in set order.
  const taken = (left as Truth).not().cast({ to: 'int64' }).topK(count, { axis: 0 }).indices as Whole;
  const found = rows.gather(taken, { axis: 0 }) as Real;
  return call(aroundMedian, [found, coordinateMedian(found), f.mul(2n)], undefined, undefined);
});

/** Of each number the mean of those that are nearest to its median, `fewer` less than there are. */
const aroundMedian = functionOf('MeanAroundMedian', ['rows', 'median', 'fewer'], (rows, median, fewer) => {
  const wide = rows.cast({ to: 'float64' }) as Real;
  const off = wide.sub(median.cast({ to: 'float64' }) as Real).abs() as Real;
  const count = answersIn(rows).sub(fewer as unknown as Whole) as Whole;
  const nearest = off.topK(count, { axis: 0, largest: false }).indices;
  const mean = wide.gatherElements(nearest as Whole, { axis: 0 }).reduceMean({ axes: [0], keepdims: false });
  return mean.castLike(rows);
});
