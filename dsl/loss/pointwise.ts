// Losses of element against element.

import { composed } from '../composed.ts';
import { where } from '../ops/generated/ops.ts';
import type { BroadcastErrors } from '../rules.ts';
import type { Checked, ElementOf, Join, PairErrors, PlaceOf, Tensor, Value } from '../types.ts';
import { type Both, type Left, type Reduction, reduced, type Some } from './reduce.ts';

type Float = 'float16' | 'bfloat16' | 'float32' | 'float64';

export interface PointOptions<R extends Reduction> {
  /** Default: mean, over all elements. */
  readonly reduction?: R;
}

/** A loss of predictions and targets of one dtype, whose shapes broadcast. */
type Pointwise<Name extends string, More = unknown> = <
  X extends Tensor<Float>,
  Y extends Tensor,
  const R extends Reduction = 'mean',
>(
  prediction: X,
  target: Checked<Y, PairErrors<Name, X, Y> | BroadcastErrors<Name, X, Y>>,
  options?: PointOptions<R> & More,
) => Value<ElementOf<X>, Left<Both<X, Y>, R>, Join<PlaceOf<X>, 'any'>>;

function pointwise<Name extends string, More = unknown>(
  name: Name,
  elements: (x: Some, y: Some, options: More) => unknown,
): Pointwise<Name, More> {
  const loss = (x: Some, y: Some, options: PointOptions<Reduction> = {}): Some =>
    composed(name, loss, () => reduced(elements(x, y, options as More) as Some, options.reduction));
  return loss as never;
}

const less = (x: Some, y: Some | number): Some => x.sub(y) as Some;

/** (x − y)². */
export const mse = pointwise('mse', (x, y) => {
  const error = less(x, y);
  return error.mul(error);
});

/** |x − y|. */
export const mae = pointwise('mae', (x, y) => less(x, y).abs());

/** ½ e² for errors up to `delta`, delta · (|e| − ½ delta) beyond (Huber 1964). */
export const huber = pointwise<'huber', { /** Default: 1. */ readonly delta?: number }>(
  'huber',
  (x, y, { delta = 1 }) => {
    const far = less(x, y).abs() as Some;
    // near = min(|e|, delta): then it is near · (|e| − near / 2) on both sides.
    const near = far.clip({ max: delta }) as Some;
    return near.mul(less(far, near.mul(0.5) as Some));
  },
);

/** `huber` divided by `beta`, its delta: the loss of Girshick 2015. */
export const smoothL1 = pointwise<'smoothL1', { /** Default: 1. */ readonly beta?: number }>(
  'smoothL1',
  (x, y, { beta = 1 }) => {
    const far = less(x, y).abs() as Some;
    if (beta === 0) return far;
    const near = far.clip({ max: beta }) as Some;
    return (near.mul(less(far, near.mul(0.5) as Some)) as Some).mul(1 / beta);
  },
);

/** −y log x − (1 − y) log(1 − x), for probabilities x; logarithms end at −100, so that a sure mistake is finite. */
export const binaryCrossEntropy = pointwise('binaryCrossEntropy', (x, y) => {
  const logOf = (p: Some): Some => (p.log() as Some).clip({ min: -100 }) as Some;
  const [yes, no] = [logOf(x), logOf(less(x.neg() as Some, -1))];
  return (less(y, 1).mul(no) as Some).sub(y.mul(yes));
});

/** `binaryCrossEntropy` of sigmoid(x): max(x, 0) − x y + log(1 + e^−|x|), which no x makes infinite. */
export const binaryCrossEntropyWithLogits = pointwise('binaryCrossEntropyWithLogits', (x, y) => {
  const small = ((x.abs() as Some).neg() as Some).softplus() as Some;
  return less(x.relu() as Some, x.mul(y) as Some).add(small);
});

/** max(0, 1 − y x), for y of −1 and 1. */
export const hinge = pointwise('hinge', (x, y) =>
  less(y.mul(x) as Some, 1)
    .neg()
    .relu(),
);

/**
 * y (log y − x), for log probabilities x and probabilities y: what coding y by x costs more, in nats. Nothing where y is 0.
 * 'mean' is over all elements; divide a 'sum' by the number of items for the mean over items.
 */
export const klDivergence = pointwise('klDivergence', (x, y) => {
  const known = y.greater(0) as Tensor as Some;
  // Where y is 0, log 1 in place of log 0, whose gradient would be NaN.
  const logs = where(known, y, y.sub(y).add(1)) as Some;
  return y.mul(less(logs.log() as Some, x));
});
