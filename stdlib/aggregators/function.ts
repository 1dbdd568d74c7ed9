// Model-local functions written with values: plain ONNX, which any backend runs, whatever dtype and sizes it is given.

import { where } from '../../dsl/ops/generated/ops.ts';
import { callFunction, type FunctionRecipe } from '../../dsl/random/function.ts';
import { recorder } from '../../dsl/recorder.ts';
import type { AnyShape, Tensor, Value } from '../../dsl/types.ts';
import { factOf, toValue } from '../../dsl/value.ts';
import { type Dim, type DType, tensorType } from '../../ir/index.ts';

/** Numbers as rows and columns; inside of functions only their dtype is known, and that once they are cast. */
export type Real = Value<'float64', AnyShape, string>;
export type Whole = Value<'int64', AnyShape, string>;
export type Truth = Value<'bool', AnyShape, string>;

/** A function of the recording's model: `body` may read what it is given and nothing around it. */
export const functionOf = (
  name: string,
  inputs: readonly string[],
  body: (...values: Real[]) => Tensor,
): FunctionRecipe => ({
  domain: 'bytesandbrains.aggregators',
  name,
  inputs,
  body: (_, owner, ...ids) =>
    factOf(body(...ids.map((id) => toValue<Real>(owner.facts.get(id)!, owner))), name).id,
});

/** What a function gives; `dims` are known by whoever calls it. */
export function call(
  recipe: FunctionRecipe,
  inputs: readonly Tensor[],
  dtype: DType | undefined,
  dims: readonly Dim[] | undefined,
): Real {
  const owner = recorder(recipe.name);
  const facts = inputs.map((one) => factOf(one, recipe.name));
  return toValue(callFunction(owner, recipe, facts, tensorType(dtype, dims)), owner);
}

/** Of rows [k, D], in double precision: */
export interface FiniteRows {
  /** Zeros where they are not finite. */
  readonly rows: Real;
  /** Squared, [k, 1]; 0 where they are not finite. */
  readonly lengths: Real;
  /** [k, 1] */
  readonly finite: Truth;
}

/** Within a function. A row whose squared length is no finite number counts as one that is not finite. */
export function finiteRows(given: Real): FiniteRows {
  const wide = given.cast({ to: 'float64' }) as Real;
  const lengths = wide.mul(wide).reduceSum({ axes: [1], keepdims: true }) as Real;
  const finite = lengths.less(Number.POSITIVE_INFINITY) as Truth;
  return { rows: where(finite, wide, 0) as Real, lengths: where(finite, lengths, 0) as Real, finite };
}

/** How much each row counts, [k]: nothing, where it is not finite. */
export const countedOf = (shares: Real, finite: Truth): Real =>
  where(finite.squeeze({ axes: [1] }) as Truth, shares.cast({ to: 'float64' }) as Real, 0) as Real;
