// What aggregators have in common: one value or a record of them, which answers count, and when there is no result.

import type { Combined, weightedMean } from '../../dsl/aggregate.ts';
import { composed } from '../../dsl/composed.ts';
import { constant } from '../../dsl/constant.ts';
import { dimsIn, dtypeIn } from '../../dsl/core-op.ts';
import { when } from '../../dsl/missing.ts';
import { concat, split, sum, where } from '../../dsl/ops/generated/ops.ts';
import type { Recorder } from '../../dsl/recorder.ts';
import type { Tensor } from '../../dsl/types.ts';
import { factOf, isValue } from '../../dsl/value.ts';
import { DiagnosticError, type DType, diagnostic } from '../../ir/index.ts';
import { call, functionOf, type Real, type Truth, type Whole } from './function.ts';

/**
 * Rows of all who answered, [k, …], one value or a record of values, and how much each counts, [k], as one: without the axis of
 * the members. k is known when it runs.
 */
export type Combine = typeof weightedMean;
export type { Combined };

/** Whether so many answers, and so many of them of finite numbers only, are what an aggregator is stated for. */
export type Enough = (answers: Whole, finite: Whole) => Truth;

/** More than half of the answers are finite. */
export const majority: Enough = (answers, finite) => finite.mul(2n).greater(answers) as Truth;

/** At least `least` answers, of which at most `f` are not finite. */
export const allBut =
  (f: number, least: number): Enough =>
  (answers, finite) =>
    answers
      .greaterOrEqual(BigInt(least))
      .and(finite.add(BigInt(f)).greaterOrEqual(answers) as Truth) as Truth;

/** An aggregator that combines each number apart from the others. */
export const coordinateWise = (name: string, enough: Enough, combine: (values: Real) => Real): Combine =>
  aggregator(name, enough, false, (fields) => fields.map((one) => combine(one)));

/**
 * An aggregator that compares whole answers: `rows` [k, D] have all fields, flat, one after the other; `shares` [k] are how much
 * each counts, the same for all unless `weighted`, and none where that is no finite number above 0.
 */
export const rowWise = (
  name: string,
  enough: Enough,
  combine: (rows: Real, shares: Real) => Real,
  weighted = false,
): Combine =>
  aggregator(name, enough, weighted, (fields, shares) => {
    const rows = fields.map((one) => one.flatten({ axis: 1 }) as Real);
    const same = new Set(fields.map(dtypeOf)).size === 1;
    const wide = same ? rows : rows.map((one) => one.cast({ to: 'float64' }) as Real);
    const flat = wide.length === 1 ? wide[0]! : (concat(wide, { axis: 1 }) as Real);
    return apart(combine(flat, shares), fields);
  });

/** Two columns of answers have one share each, so those that an answer states about itself do not count unless asked for. */
function aggregator(
  name: string,
  enough: Enough,
  weighted: boolean,
  combine: (fields: readonly Real[], shares: Real) => readonly Real[],
): Combine {
  const own = (values: Tensor | Readonly<Record<string, Tensor>>, counts: Tensor): unknown =>
    composed(name, own, (owner) => {
      const single = isValue(values);
      const entries = Object.entries(single ? { values } : values) as [string, Real][];
      for (const [, one] of entries) checkRows(owner, name, one);
      factOf(counts, name);
      const fields = entries.map(([, one]) => one);
      const shares = sharesOf(counts as Real, weighted);
      const taken = when({ fields, shares }, enoughOf(fields, shares, enough, weighted) as never) as {
        readonly fields: readonly Real[];
        readonly shares: Real;
      };
      const results = combine(taken.fields, taken.shares);
      if (single) return results[0]!;
      entries.forEach(([field], at) => {
        owner.rename(factOf(results[at], name).id, owner.qualified(field));
      });
      return Object.fromEntries(entries.map(([field], at) => [field, results[at]!]));
    });
  return own as never;
}

const reals = new Set<DType | undefined>(['float16', 'bfloat16', 'float32', 'float64', undefined]);

function checkRows(owner: Recorder, op: string, values: Tensor): void {
  const { type } = factOf(values, op);
  const dtype = dtypeIn(type);
  if (dimsIn(type)?.length === 0) owner.fail('BB302', { op, reason: 'a scalar has no rows' });
  if (!reals.has(dtype)) owner.fail('BB307', { op, reason: `the rows are ${dtype}, not floats` });
}

export const dtypeOf = (value: Tensor): DType | undefined => dtypeIn(factOf(value, 'aggregator').type);
export const dimsOf = (value: Tensor) => dimsIn(factOf(value, 'aggregator').type);

/** How much each answer counts. */
function sharesOf(counts: Real, weighted: boolean): Real {
  if (!weighted) return counts.shape().constantOfShape({ value: { data: [1], dtype: 'float64' } }) as Real;
  const given = counts.cast({ to: 'float64' }) as Real;
  const counted = given.greater(0).and(given.less(Number.POSITIVE_INFINITY) as Truth) as Truth;
  return where(counted, given, 0) as Real;
}

/** [k, …] → [k]: the squared length of each row, which is no finite number where one of its elements is none. */
const squaredLengths = functionOf('SquaredLengths', ['values'], (values) => {
  const rows = values.flatten({ axis: 1 }).cast({ to: 'float64' });
  return rows.mul(rows).reduceSum({ axes: [1], keepdims: false });
});

/** Whether there is a result: decided before anything is combined. */
function enoughOf(fields: readonly Real[], shares: Real, enough: Enough, weighted: boolean): Truth {
  const lengths = fields.map((one) => call(squaredLengths, [one], 'float64', [dimsOf(one)?.[0] ?? null]));
  const finite = sum(lengths).less(Number.POSITIVE_INFINITY) as Truth;
  const known = enough(finite.size(), finite.cast({ to: 'int64' }).reduceSum({ keepdims: false }) as Whole);
  if (!weighted) return known;
  const counted = where(finite, shares, 0).reduceSum({ keepdims: false }) as Real;
  return known.and(counted.greater(0) as Truth) as Truth;
}

/** One flat row as the fields that it was made of, without the axis of the members. */
function apart(row: Real, fields: readonly Real[]): readonly Real[] {
  const shapes = fields.map(tailOf);
  const parts = fields.length === 1 ? [row] : (split(row, { split: sizesOf(shapes) } as never) as Real[]);
  return parts.map((part, at) => {
    const shape = shapes[at]!;
    const whole = part.reshape(isValue(shape) ? shape : shape.map(BigInt)) as Real;
    const to = dtypeOf(fields[at]!);
    return to === undefined || to === dtypeOf(row) ? whole : (whole.cast({ to } as never) as Real);
  });
}

type Sizes = readonly number[] | Whole;

/** The sizes of a row: known, or of what is given when it runs. */
function tailOf(values: Real): Sizes {
  const dims = dimsOf(values)?.slice(1);
  if (dims?.every((dim) => typeof dim === 'number')) return dims as readonly number[];
  return values.shape({ start: 1 }) as Whole;
}

function sizesOf(shapes: readonly Sizes[]): readonly bigint[] | Whole {
  const product = (dims: readonly number[]): bigint => dims.reduce((all, dim) => all * BigInt(dim), 1n);
  if (shapes.every((shape): shape is readonly number[] => !isValue(shape))) return shapes.map(product);
  const sizes = shapes.map((shape) =>
    isValue(shape) ? (shape as Whole).reduceProd({ keepdims: true }) : constant([product(shape)]),
  );
  return concat(sizes as Whole[], { axis: 0 }) as Whole;
}

/** Throws DiagnosticError BB330 where an option is not what it must be. */
export function check(what: string, holds: boolean, reason: string): void {
  if (!holds) throw new DiagnosticError(diagnostic('BB330', { what, reason }));
}

export const checkCount = (what: string, name: string, count: number, least = 0): void =>
  check(
    what,
    Number.isSafeInteger(count) && count >= least,
    `${name} is ${count}, not a whole number from ${least}`,
  );
