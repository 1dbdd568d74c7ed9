// What losses share: how elements become one number.

import type { Broadcast, Found } from '../rules.ts';
import type { AnyShape, ShapeOf, Tensor } from '../types.ts';

/** Of elements: their mean, their sum, or all of them. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Of whatever dtype, so that any operator takes it: what enters was checked where the author gave it. */
export type Some = Tensor<never>;

/** A scalar; with reduction none, the shape of all elements. */
export type Left<S extends AnyShape, R extends Reduction> = R extends 'none' ? S : [];

/** The elements of two values that are compared. */
export type Both<A extends Tensor, B extends Tensor> = Found<Broadcast<ShapeOf<A>, ShapeOf<B>>>;

export function reduced(elements: Some, reduction: Reduction = 'mean'): Some {
  if (reduction === 'none') return elements;
  return (
    reduction === 'mean' ? elements.reduceMean({ keepdims: false }) : elements.reduceSum({ keepdims: false })
  ) as Some;
}
