// Losses over classes.

import type { ValueId } from '../../../ir/index.ts';
import { type Builder, int, string } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';
import { product } from './kernel-gradient.ts';

/** From so many classes on, what is one element of a row is written by itself. */
export const MANY_CLASSES = 128;

/** The labels of a loss and what each of them counts for. `scores` are [N, C, …], labels [N, …], weights [C]. */
class Labelled {
  readonly #step: Step;
  readonly #scores: ValueId;
  /** Class numbers as int64; of an ignored label 0, whatever it is. */
  readonly #classes: ValueId;
  /** Of each label whether it counts, and its weight; undefined if all count the same. */
  readonly #kept: ValueId | undefined;
  readonly #weight: ValueId | undefined;

  constructor(step: Step) {
    const { b, op, x } = step;
    const [scores, labels, weights] = x as [ValueId, ValueId, ValueId | undefined];
    this.#step = step;
    this.#scores = scores;
    const wide = b.dtype(labels) === 'int64' ? labels : b.cast(labels, 'int64');
    const ignored = op.attributes.some(({ name }) => name === 'ignore_index')
      ? b.op('Equal', [wide, b.scalarOf(b.int(op, 'ignore_index', 0), 'int64')])
      : undefined;
    this.#classes = ignored === undefined ? wide : b.where(ignored, b.scalarOf(0, 'int64'), wide);
    const kept = (): ValueId =>
      ignored === undefined
        ? b.op('Expand', [b.scalar(1, scores), b.shapeOf(labels)])
        : b.where(ignored, b.scalar(0, scores), b.scalar(1, scores));
    if (weights || ignored !== undefined) {
      this.#kept = kept();
      this.#weight = weights ? b.mul(b.op('Gather', [weights, this.#classes]), this.#kept) : this.#kept;
    }
  }

  /** The gradient of each label's own loss, with an axis for the classes or as a scalar. */
  #share(hot?: ValueId): ValueId {
    const { b } = this.#step;
    const whole = this.#whole(hot);
    if (this.#weight !== undefined) return withClasses(b, b.mul(whole, this.#weight));
    return this.#reduction === 'none' ? withClasses(b, whole) : whole;
  }

  /** The same where it is one number, known by now. */
  #constantShare(): number | undefined {
    const { b, dy, x } = this.#step;
    const given = dy[0] === undefined ? undefined : b.number(dy[0]);
    if (given === undefined || this.#weight !== undefined || this.#reduction === 'none') return undefined;
    if (this.#reduction === 'sum') return given;
    const sizes = b.sizes(x[1]!);
    return sizes && given / product(sizes);
  }

  get #reduction(): string {
    return this.#step.b.string(this.#step.op, 'reduction', 'mean');
  }

  /** The gradient of the sum of the losses, or of each. */
  #whole(hot?: ValueId): ValueId {
    const { b, dy } = this.#step;
    const given = dy[0] ?? b.refuse('its loss has no gradient');
    return this.#reduction === 'mean' ? b.div(given, this.#divisor(hot)) : given;
  }

  /** What a mean is divided by. `hot`: has a one for each label. */
  #divisor(hot?: ValueId): ValueId {
    const { b, x } = this.#step;
    if (this.#weight !== undefined) return this.#total(this.#weight);
    const isCounted =
      hot !== undefined && b.sizes(x[1]!) === undefined && b.dtype(this.#scores) === 'float32';
    return isCounted ? this.#total(hot) : b.sizeOf(x[1]!, this.#scores);
  }

  #total(value: ValueId): ValueId {
    return this.#step.b.op('ReduceSum', [value], int('keepdims', 0));
  }

  /** The scores' shape with `on` at each label's class, 0 elsewhere. */
  #hot(on: number): ValueId {
    const { b } = this.#step;
    const scores = this.#scores;
    const classes = b.dims(scores)[1];
    if (b.dtype(scores) === 'float32') {
      const bytes = new Uint8Array(Float32Array.of(0, on).buffer);
      const depth =
        typeof classes === 'number'
          ? b.scalarOf(classes, 'int64')
          : b.op('Shape', [scores], int('start', 1), int('end', 2));
      const values = b.constant({ dtype: 'float32', dims: [2], bytes });
      return b.op('OneHot', [this.#classes, depth, values], int('axis', 1));
    }
    const count = b.op('Gather', [b.shapeOf(scores), b.scalarOf(1, 'int64')]);
    const numbers = b.op('Range', [b.scalarOf(0, 'int64'), count, b.scalarOf(1, 'int64')]);
    const row = b.op('Reshape', [numbers, b.list([1, -1, ...new Array<number>(b.rank(scores) - 2).fill(1)])]);
    const hot = b.cast(b.op('Equal', [this.#column, row]), b.dtype(scores));
    return on === 1 ? hot : b.mul(hot, b.scalar(on, scores));
  }

  get #column(): ValueId {
    return withClasses(this.#step.b, this.#classes);
  }

  /** Each label's share, times the difference of what is given, if anything, and 1 at its class. */
  difference(given: ValueId | undefined): ValueId {
    const { b } = this.#step;
    const classes = b.dims(this.#scores)[1];
    if (typeof classes === 'number' && classes >= MANY_CLASSES) return this.#sparse(given);
    const share = this.#constantShare();
    if (given === undefined)
      return share === undefined ? b.mul(this.#hot(-1), this.#share()) : this.#hot(-share);
    const hot = this.#hot(1);
    const difference = b.sub(given, hot);
    if (share !== undefined) return b.times(difference, share, this.#scores);
    const isMean = this.#reduction === 'mean' && this.#weight === undefined;
    if (isMean && b.number(this.#step.dy[0]!) === 1) return b.div(difference, this.#divisor(hot));
    return b.mul(difference, this.#share(hot));
  }

  #sparse(given: ValueId | undefined): ValueId {
    const { b } = this.#step;
    const share = this.#share();
    const base = given === undefined ? b.zerosLike(this.#scores) : b.mul(given, share);
    const column = this.#column;
    const scalar = this.#weight === undefined && this.#reduction !== 'none';
    const less = b.neg(share);
    const updates = scalar ? b.op('Expand', [less, b.shape(column)]) : less;
    return b.op('ScatterElements', [base, column, updates], int('axis', 1), string('reduction', 'add'));
  }

  /** The gradient of the weights, from minus the logarithm of the probabilities. */
  ofWeights(surprise: ValueId): ValueId {
    const { b } = this.#step;
    const others = Array.from({ length: b.rank(this.#scores) }, (_, axis) => axis).filter(
      (axis) => axis !== 1,
    );
    const hot = this.#hot(1);
    const chosen = b.mul(hot, surprise);
    const weight = this.#weight!;
    // A mean is also divided by the weights.
    const mean = (): ValueId => {
      const total = this.#total(b.mul(withClasses(b, weight), chosen));
      return b.sub(chosen, b.div(total, this.#total(weight)));
    };
    const whole = this.#whole();
    const share = b.mul(withClasses(b, b.mul(whole, this.#kept!)), hot);
    return b.sum(b.mul(share, this.#reduction === 'mean' ? mean() : chosen), others);
  }
}

const withClasses = (b: Builder, value: ValueId): ValueId => b.op('Unsqueeze', [value, b.list([1])]);

const negativeLogLikelihood: Rule = (step) => {
  const labelled = new Labelled(step);
  return [
    step.wants(0) ? labelled.difference(undefined) : undefined,
    undefined,
    step.wants(2) ? labelled.ofWeights(step.b.neg(step.x[0]!)) : undefined,
  ];
};

const softmaxCrossEntropy: Rule = (step) => {
  const { b, x, y, dy } = step;
  const soft = y[1] ? b.op('Exp', [y[1]]) : b.op('Softmax', [x[0]!], int('axis', 1));
  let gradient: ValueId | undefined;
  let weights: ValueId | undefined;
  if (dy[0] !== undefined) {
    const labelled = new Labelled(step);
    gradient = labelled.difference(soft);
    if (step.wants(2)) weights = labelled.ofWeights(b.neg(b.op('LogSoftmax', [x[0]!], int('axis', 1))));
  }
  if (dy[1] === undefined) return [gradient, undefined, weights];
  const ofLog = b.sub(dy[1], b.mul(soft, b.sum(dy[1], [1], true)));
  return [gradient === undefined ? ofLog : b.add(gradient, ofLog), undefined, weights];
};

export const losses: Rules = {
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
