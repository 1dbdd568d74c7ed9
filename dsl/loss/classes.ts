// Losses of one class among several.

import { composed } from '../composed.ts';
import { dimsIn } from '../core-op.ts';
import type {
  Checked,
  DTypeError,
  ElementOf,
  Join,
  PlaceOf,
  ShapeError,
  ShapeOf,
  Tensor,
  Value,
} from '../types.ts';
import { factOf } from '../value.ts';
import type { Left, Reduction, Some } from './reduce.ts';

type Float = 'float16' | 'bfloat16' | 'float32' | 'float64';
type Index = 'int32' | 'int64';

export interface ClassOptions<R extends Reduction> {
  /** Default: mean, over all labels that are not ignored, by their weights. */
  readonly reduction?: R;
  /** This label counts for nothing. Default: none does. */
  readonly ignoreIndex?: number;
  /** A weight for each class: [C]. */
  readonly weights?: Tensor<Float>;
}

/** Labels have the shape of the scores without its second dimension. */
type LabelErrors<X extends Tensor, L extends Tensor> =
  | ([ElementOf<L>] extends [Index]
      ? never
      : DTypeError<`labels are int32 or int64, not ${ElementOf<L>}: the number of each class`>)
  | (number extends ShapeOf<X>['length']
      ? never
      : number extends ShapeOf<L>['length']
        ? never
        : ShapeOf<X> extends readonly [unknown, unknown, ...infer Rest]
          ? ShapeOf<L>['length'] extends [unknown, ...Rest]['length']
            ? never
            : ShapeError<'labels have the shape of the scores without their second dimension'>
          : ShapeError<'the scores have no dimension of classes'>);

/**
 * Softmax cross entropy in nats. Scores (logits) [N, C] or [N, C, ...], labels [N] or [N, ...]: the number of the right class.
 * `labelSmoothing` takes that share from the right class and gives it to all alike (Szegedy et al. 2016, section 7).
 */
export function crossEntropy<X extends Tensor<Float>, L extends Tensor, const R extends Reduction = 'mean'>(
  logits: X,
  labels: Checked<L, LabelErrors<X, L>>,
  options: ClassOptions<R> & { /** Default: 0. */ readonly labelSmoothing?: number } = {},
): Value<ElementOf<X>, Left<ShapeOf<L>, R>, Join<PlaceOf<X>, 'any'>> {
  return composed('crossEntropy', crossEntropy, (owner) => {
    const { labelSmoothing = 0 } = options;
    const [x, y] = [logits as Tensor as Some, labels as unknown as Some];
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      owner.fail('BB330', {
        what: 'crossEntropy',
        reason: `labelSmoothing is ${labelSmoothing}, not a number from 0 to 1`,
      });
    }
    const sharp = x.softmaxCrossEntropyLoss(y, attributes(options)) as Tensor as Some;
    if (labelSmoothing === 0) return shaped(sharp, options.reduction);
    const even = smooth(x, y, options);
    const whole = (sharp.mul(1 - labelSmoothing) as Some).add(even.mul(labelSmoothing)) as Some;
    return shaped(whole, options.reduction);
  }) as never;
}

/** Negative log likelihood: as `crossEntropy`, of log probabilities. */
export function nll<X extends Tensor<Float>, L extends Tensor, const R extends Reduction = 'mean'>(
  logProbabilities: X,
  labels: Checked<L, LabelErrors<X, L>>,
  options: ClassOptions<R> = {},
): Value<ElementOf<X>, Left<ShapeOf<L>, R>, Join<PlaceOf<X>, 'any'>> {
  return composed('nll', nll, () => {
    const x = logProbabilities as Tensor as Some;
    const loss = x.negativeLogLikelihoodLoss(labels as unknown as Some, attributes(options));
    return shaped(loss as Tensor as Some, options.reduction);
  }) as never;
}

const attributes = ({ reduction = 'mean', ignoreIndex, weights }: ClassOptions<Reduction>) => ({
  reduction,
  ...(ignoreIndex !== undefined && { ignoreIndex }),
  ...(weights !== undefined && { weights: weights as Tensor as Some }),
});

/** A scalar is known to be one: gradients want it so. */
const shaped = (loss: Some, reduction: Reduction = 'mean'): Some =>
  reduction === 'none' ? loss : (loss.reshape([]) as Some);

/** The mean over classes of −log p, weighted as the classes are, in the place of that of the right class. */
function smooth(
  x: Some,
  labels: Some,
  { reduction = 'mean', ignoreIndex, weights }: ClassOptions<Reduction>,
): Some {
  const rank = dimsIn(factOf(x, 'crossEntropy').type)?.length ?? 2;
  const logs = x.logSoftmax({ axis: 1 }) as Some;
  const spread = [0, -1, ...new Array<number>(rank - 2).fill(1)].slice(1);
  const weighted =
    weights === undefined ? logs : (logs.mul((weights as Tensor as Some).reshape(spread)) as Some);
  const each = (weighted.reduceMean({ axes: [1], keepdims: false }) as Some).neg() as Some;
  const counts = ignoreIndex === undefined ? undefined : countsOf(x, labels, ignoreIndex);
  const kept = counts === undefined ? each : (each.mul(counts) as Some);
  if (reduction === 'none') return kept;
  const sum = kept.reduceSum({ keepdims: false }) as Some;
  if (reduction === 'sum') return sum;
  if (weights === undefined && counts === undefined) return kept.reduceMean({ keepdims: false }) as Some;
  return sum.div(total(labels, counts, weights)) as Some;
}

/** 1 for each label that counts, 0 for those that are ignored, in the dtype of the scores. */
const countsOf = (x: Some, labels: Some, ignoreIndex: number): Some =>
  ((labels.equal(ignoreIndex) as Some).not() as Some).castLike(x) as Some;

/** What a mean is divided by: the weights of the labels that count. */
function total(labels: Some, counts: Some | undefined, weights: Tensor | undefined): Some {
  if (weights === undefined) return counts!.reduceSum({ keepdims: false }) as Some;
  const table = weights as Some;
  // An ignored label may be no class at all.
  const safe = counts === undefined ? labels : (labels.mul(counts.castLike(labels)) as Some);
  const own = table.gather(safe) as Some;
  const kept = counts === undefined ? own : (own.mul(counts) as Some);
  return kept.reduceSum({ keepdims: false }) as Some;
}
