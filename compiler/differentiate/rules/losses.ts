// Losses over classes.

import type { ValueId } from '../../../ir/index.ts';
import { type Builder, int } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';

interface Labelled {
  /** For each element of the scores whether it is that of its label, as numbers; none where the label is ignored. */
  readonly hot: ValueId;
  /** The gradient of each label's own loss, with an axis for the classes. */
  readonly each: ValueId;
  /** The gradient of the weights, from minus the logarithm of the probabilities. */
  ofWeights(surprise: ValueId): ValueId;
}

/** `scores` are [N, C, …], labels [N, …], weights [C]. */
function labelled(step: Step, scores: ValueId, labels: ValueId, weights: ValueId | undefined): Labelled {
  const { b, op, dy } = step;
  const ignored = op.attributes.some(({ name }) => name === 'ignore_index');
  const ignore = b.int(op, 'ignore_index', 0);
  const classes = b.op('Gather', [b.shapeOf(scores), b.scalarOf(1, 'int64')]);
  const dtype = b.dtype(scores);
  const wide = b.cast(labels, 'int64');
  const isIgnored = (): ValueId => b.op('Equal', [wide, b.scalarOf(ignore, 'int64')]);
  // Of an ignored label nothing is kept, whatever it is.
  const safe = ignored ? b.where(isIgnored(), b.scalarOf(0, 'int64'), wide) : wide;
  const column = b.op('Unsqueeze', [safe, b.list([1])]);
  const rank = b.rank(scores);
  const numbers = b.op('Range', [b.scalarOf(0, 'int64'), classes, b.scalarOf(1, 'int64')]);
  const row = b.op('Reshape', [numbers, b.list([1, -1, ...new Array<number>(rank - 2).fill(1)])]);
  const hot = b.cast(b.op('Equal', [column, row]), dtype);
  const kept = ignored
    ? b.where(isIgnored(), b.scalar(0, scores), b.scalar(1, scores))
    : b.op('Expand', [b.scalar(1, scores), b.shapeOf(labels)]);
  const weight = weights === undefined ? kept : b.mul(b.op('Gather', [weights, safe]), kept);
  const reduction = b.string(op, 'reduction', 'mean');
  const given = dy[0] ?? b.refuse('its loss has no gradient');
  const whole = reduction === 'mean' ? b.div(given, b.op('ReduceSum', [weight], int('keepdims', 0))) : given;
  const withClasses = (value: ValueId): ValueId => b.op('Unsqueeze', [value, b.list([1])]);
  const ofWeights = (surprise: ValueId): ValueId => {
    const others = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
    const chosen = b.mul(hot, surprise);
    // A mean is also divided by the weights.
    const mean = (): ValueId => {
      const total = b.op('ReduceSum', [b.mul(withClasses(weight), chosen)], int('keepdims', 0));
      return b.sub(chosen, b.div(total, b.op('ReduceSum', [weight], int('keepdims', 0))));
    };
    const share = b.mul(withClasses(b.mul(whole, kept)), hot);
    return b.sum(b.mul(share, reduction === 'mean' ? mean() : chosen), others);
  };
  return { hot, each: withClasses(b.mul(whole, weight)), ofWeights };
}

const negativeLogLikelihood: Rule = (step) => {
  const { b, x } = step;
  const { hot, each, ofWeights } = labelled(step, x[0]!, x[1]!, x[2] || undefined);
  return [
    step.wants(0) ? b.neg(b.mul(each, hot)) : undefined,
    undefined,
    step.wants(2) ? ofWeights(b.neg(x[0]!)) : undefined,
  ];
};

const softmaxCrossEntropy: Rule = (step) => {
  const { b, x, y, dy } = step;
  const probabilities = (builder: Builder): ValueId =>
    y[1] ? builder.op('Exp', [y[1]]) : builder.op('Softmax', [x[0]!], int('axis', 1));
  const soft = probabilities(b);
  let gradient: ValueId | undefined;
  let weights: ValueId | undefined;
  if (dy[0] !== undefined) {
    const { hot, each, ofWeights } = labelled(step, x[0]!, x[1]!, x[2] || undefined);
    gradient = b.mul(each, b.sub(soft, hot));
    if (step.wants(2)) weights = ofWeights(b.neg(b.op('LogSoftmax', [x[0]!], int('axis', 1))));
  }
  if (dy[1] === undefined) return [gradient, undefined, weights];
  const ofLog = b.sub(dy[1], b.mul(soft, b.sum(dy[1], [1], true)));
  return [gradient === undefined ? ofLog : b.add(gradient, ofLog), undefined, weights];
};

export const losses: Rules = {
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
