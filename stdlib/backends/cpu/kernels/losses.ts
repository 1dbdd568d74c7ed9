// Losses of classes, summed in float64.

import { Invalid, kernels, type OpContext } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import { product } from '../loops/shape.ts';
import type { NdArray } from '../value.ts';

/** Natural logarithms of softmax over axis 1. */
function logSoftmax(x: NdArray): Float64Array {
  const data = floatsOf(x);
  const [channels, inner] = [x.dims[1]!, product(x.dims, 2)];
  const out = new Float64Array(data.length);
  for (let row = 0; row < x.dims[0]! * inner; row++) {
    const first = Math.floor(row / inner) * channels * inner + (row % inner);
    let top = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < channels; c++) top = Math.max(top, data[first + c * inner]!);
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += Math.exp(data[first + c * inner]! - top);
    const log = Math.log(sum);
    for (let c = 0; c < channels; c++) out[first + c * inner] = data[first + c * inner]! - top - log;
  }
  return out;
}

/** Minus the logarithm at each target, weighted by its class; a target to be ignored counts for nothing. */
function negativeLogLikelihood(
  op: OpContext,
  x: NdArray,
  logs: ArrayLike<number>,
  target: NdArray,
  weight?: NdArray,
): NdArray {
  if (x.dims.length < 2) throw new Invalid(`scores of rank ${x.dims.length} have no classes`);
  const [channels, inner] = [x.dims[1]!, product(x.dims, 2)];
  const ignored = op.int('ignore_index');
  const losses = new Float64Array(target.data.length);
  let [sum, weights] = [0, 0];
  for (let at = 0; at < losses.length; at++) {
    const label = Number(target.data[at]);
    if (label === ignored) continue;
    if (!(label >= 0 && label < channels)) throw new Invalid(`target ${label} of ${channels} classes`);
    const own = weight === undefined ? 1 : (weight.data[label] as number);
    losses[at] = -own * logs[(Math.floor(at / inner) * channels + label) * inner + (at % inner)]!;
    sum += losses[at]!;
    weights += own;
  }
  const reduction = op.string('reduction', 'mean');
  if (reduction === 'none') return rounded(x.dtype, target.dims, losses);
  return rounded(x.dtype, [], [reduction === 'sum' ? sum : sum / weights]);
}

export const losses = kernels('', {
  NegativeLogLikelihoodLoss: (op: OpContext, x: NdArray, target: NdArray, weight?: NdArray) =>
    negativeLogLikelihood(op, x, floatsOf(x), target, weight),
  SoftmaxCrossEntropyLoss(op: OpContext, x: NdArray, target: NdArray, weight?: NdArray) {
    const logs = logSoftmax(x);
    return [negativeLogLikelihood(op, x, logs, target, weight), rounded(x.dtype, x.dims, logs)];
  },
});
