// Means of answers that are first made shorter, or left out, where they are unlike others.

import { constant } from '../../dsl/constant.ts';
import { when } from '../../dsl/missing.ts';
import { where } from '../../dsl/ops/generated/ops.ts';
import { type Combine, check, dimsOf, dtypeOf, majority, rowWise } from './combine.ts';
import { coordinateMedian, halfWay } from './coordinates.ts';
import { call, countedOf, finiteRows, functionOf, type Real, type Truth, type Whole } from './function.ts';

export interface ClippedOptions {
  /** How long an answer may be; `'median'`: as long as the median of those that are finite. */
  readonly norm: number | 'median';
  /**
   * From where length is measured: 0, for answers that are changes, or the median of each number, for any. Default: `'zero'`.
   */
  readonly around?: 'zero' | 'median';
  /** Whether an answer counts as much as it says, instead of all the same: an attacker then says a lot. Default: false. */
  readonly weighted?: boolean;
}

/**
 * The mean of the answers, each that is longer than `norm` shortened to it: Δ · min(1, norm / ‖Δ‖). Bounds what an attacker
 * can do and keeps none out. An answer that is not finite is left out. Declined unless more than half of the answers are finite.
 * Sun et al., Can You Really Backdoor Federated Learning?, 2019, arXiv:1911.07963, section 3; around a centre, Karimireddy et al.,
 * Learning from History for Byzantine Robust Optimization, 2021, arXiv:2012.10333, section 4.
 * Throws DiagnosticError BB330 where `norm` is neither `'median'` nor a number above 0.
 */
export function clippedMean({ norm, around = 'zero', weighted = false }: ClippedOptions): Combine {
  check(
    'clippedMean',
    norm === 'median' || norm > 0,
    `norm is ${norm}, neither 'median' nor a number above 0`,
  );
  const combine = (rows: Real, shares: Real): Real => {
    const [own, dims] = [dtypeOf(rows), dimsOf(rows)?.slice(1)];
    const centre = around === 'zero' ? (constant(0, 'float64') as unknown as Real) : coordinateMedian(rows);
    const most =
      norm === 'median'
        ? call(medianLength, [rows, centre], 'float64', [])
        : (constant(norm, 'float64') as unknown as Real);
    return call(meanOfClipped, [rows, shares, centre, most], own, dims);
  };
  return rowWise('clippedMean', majority, combine, weighted);
}

export interface ScreenedOptions {
  /** The least cosine. */
  readonly least: number;
  /** Whether an answer counts as much as it says, instead of all the same: an attacker then says a lot. Default: false. */
  readonly weighted?: boolean;
}

/**
 * The mean of the answers that point where most do: whose cosine with the median of each number is at least `least`; with an
 * answer or a median of 0 it is 0. For answers that are changes. How long they are is not looked at. An answer that is not
 * finite is left out. Declined unless more than half of the answers are finite, and where all would be left out.
 * Cosines as a screen: Cao et al., FLTrust, 2021, arXiv:2012.13995, section IV, with the median in the place of a server's own.
 * Throws DiagnosticError BB330 where `least` is not a number from -1 to 1.
 */
export function cosineScreened({ least, weighted = false }: ScreenedOptions): Combine {
  check('cosineScreened', least >= -1 && least <= 1, `least is ${least}, not a number from -1 to 1`);
  const combine = (rows: Real, shares: Real): Real => {
    const inputs = [rows, shares, coordinateMedian(rows), constant(least, 'float64')];
    const kept = call(screen, inputs, 'float64', dimsOf(shares));
    const some = kept.reduceSum({ keepdims: false }).greater(0);
    const taken = when({ rows, kept }, some as never) as { readonly rows: Real; readonly kept: Real };
    return call(meanOfFinite, [taken.rows, taken.kept], dtypeOf(rows), dimsOf(rows)?.slice(1));
  };
  return rowWise('cosineScreened', majority, combine, weighted);
}

const lengthOf = (rows: Real): Real =>
  rows
    .mul(rows)
    .reduceSum({ axes: [-1], keepdims: true })
    .sqrt() as Real;
const mean = (rows: Real, shares: Real): Real =>
  shares.matmul(rows).div(shares.reduceSum({ keepdims: true }) as Real) as Real;

/** How far rows are from a centre, those that are finite; 0 for others. */
function offCentre(given: Real, centre: Real) {
  const { rows, finite } = finiteRows(given);
  const off = where(finite, rows.sub(centre.cast({ to: 'float64' }) as Real) as Real, 0) as Real;
  return { off, lengths: lengthOf(off), finite };
}

const medianLength = functionOf('MedianLength', ['rows', 'centre'], (given, centre) => {
  const { lengths, finite } = offCentre(given, centre);
  const known = where(finite, lengths, Number.POSITIVE_INFINITY) as Real;
  const ordered = known.topK(known.shape({ end: 1 }), { axis: 0, largest: false }).values as Real;
  const count = finite.cast({ to: 'int64' }).reduceSum({ axes: [0, 1], keepdims: false }) as Whole;
  return halfWay(ordered, count.unsqueeze([0n]) as Whole).squeeze();
});

const meanOfClipped = functionOf(
  'MeanOfClipped',
  ['rows', 'shares', 'centre', 'most'],
  (given, shares, centre, bound) => {
    const { off, lengths, finite } = offCentre(given, centre);
    const most = bound.cast({ to: 'float64' }) as Real;
    const factors = where(lengths.greater(most) as Truth, most.div(lengths) as Real, 1) as Real;
    const shortened = mean(off.mul(factors) as Real, countedOf(shares, finite));
    return shortened.add(centre.cast({ to: 'float64' }) as Real).castLike(given);
  },
);

/** How much each row counts, given where the median points; nothing for those that are screened out. */
const screen = functionOf(
  'CosineScreen',
  ['rows', 'shares', 'median', 'least'],
  (given, shares, median, least) => {
    const { rows, finite } = finiteRows(given);
    const middle = median.cast({ to: 'float64' }) as Real;
    const products = rows.matmul(middle) as Real;
    const scale = lengthOf(rows)
      .squeeze({ axes: [1] })
      .mul(lengthOf(middle)) as Real;
    const apart = scale.greater(0) as Truth;
    const cosines = where(apart, products.div(where(apart, scale, 1) as Real) as Real, 0) as Real;
    return where(
      cosines.greaterOrEqual(least.cast({ to: 'float64' }) as Real) as Truth,
      countedOf(shares, finite),
      0,
    );
  },
);

const meanOfFinite = functionOf('MeanOfFinite', ['rows', 'shares'], (given, shares) => {
  const { rows, finite } = finiteRows(given);
  return mean(rows, countedOf(shares, finite)).castLike(given);
});
