// Operators that compute each element from the element at its place.

import type { ValueId } from '../../../ir/index.ts';
import { type Builder, int } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';

/** The gradient of the first input is that of the output times the derivative. */
const times =
  (derivative: (step: Step & { readonly b: Builder }) => ValueId): Rule =>
  (step) => [step.b.mul(step.dy[0]!, derivative(step))];

/** The gradient passes where the condition holds. */
const where =
  (condition: (step: Step) => ValueId): Rule =>
  (step) => [step.b.where(condition(step), step.dy[0]!, step.b.scalar(0, step.x[0]!))];

const rectified = where(({ b, x, y }) => b.op('Greater', [y[0]!, b.scalar(0, x[0]!)]));

const same: Rule = ({ dy }) => [dy[0]];

const square = (b: Builder, x: ValueId): ValueId => b.mul(x, x);
/** number - x */
const less = (b: Builder, number: number, x: ValueId, like: ValueId): ValueId =>
  b.sub(b.scalar(number, like), x);

const cast: Rule = ({ b, x, dy }) => [b.cast(dy[0]!, b.dtype(x[0]!))];

/** Where it drops: what was kept, scaled as it was. */
const dropout: Rule = ({ b, x, dy, output }) => {
  const [input, given, training] = x as [ValueId, ValueId | undefined, ValueId | undefined];
  if (!training) return [dy[0]];
  const ratio = given ? b.cast(given, b.dtype(input)) : b.scalar(0.5, input);
  const kept = b.where(output(1, 'mask'), dy[0]!, b.scalar(0, input));
  return [b.where(training, b.div(kept, less(b, 1, ratio, input)), dy[0]!)];
};

const gelu: Rule = times(({ b, op, x: [x] }) => {
  const c = (value: number): ValueId => b.scalar(value, x!);
  if (b.string(op, 'approximate', 'none') === 'tanh') {
    // 0.5 (1 + t) + 0.5 x (1 - t²) k (1 + 3 · 0.044715 x²), t = tanh(k (x + 0.044715 x³))
    const k = Math.sqrt(2 / Math.PI);
    const xx = square(b, x!);
    const t = b.op('Tanh', [b.mul(c(k), b.mul(x!, b.add(c(1), b.mul(c(0.044715), xx))))]);
    const inner = b.mul(c(k), b.add(c(1), b.mul(c(3 * 0.044715), xx)));
    const slope = b.mul(b.mul(x!, less(b, 1, square(b, t), x!)), inner);
    return b.mul(c(0.5), b.add(b.add(c(1), t), slope));
  }
  // Φ(x) + x φ(x) = 0.5 (1 + erf u + 2 / √π · u exp(-u²)), u = x / √2
  const u = b.mul(x!, c(Math.SQRT1_2));
  const falling = b.op('Exp', [b.neg(square(b, u))]);
  const density = b.mul(u, b.mul(c(2 / Math.sqrt(Math.PI)), falling));
  return b.mul(c(0.5), b.op('Sum', [c(1), b.op('Erf', [u]), density]));
});

/** To the elements within the bounds; what is beyond one is that bound. Where they cross, everything is the upper one. */
const clip: Rule = (step) => {
  const { b, x, dy } = step;
  const [input, low, high] = x as [ValueId, ValueId | undefined, ValueId | undefined];
  const zero = b.scalar(0, input);
  const tests = [
    ...(low ? [b.op('GreaterOrEqual', [input, low])] : []),
    ...(high ? [b.op('LessOrEqual', [input, high])] : []),
  ];
  const passing = (among: readonly ValueId[]): ValueId =>
    among.length === 0
      ? dy[0]!
      : b.where(
          among.reduce((all, one) => b.op('And', [all, one])),
          dy[0]!,
          zero,
        );
  const sum = (value: ValueId, bound: ValueId): ValueId =>
    b.reshapeLike(b.op('ReduceSum', [value], int('keepdims', 0)), bound);
  const toLow = (): ValueId => {
    const below = b.op('Less', [input, low!]);
    return sum(passing(high ? [below, b.op('LessOrEqual', [low!, high])] : [below]), low!);
  };
  const toHigh = (): ValueId => {
    const above = b.op('Greater', [input, high!]);
    return sum(passing([low ? b.op('Or', [above, b.op('Greater', [low, high!])]) : above]), high!);
  };
  return [
    step.wants(0) ? passing(tests) : undefined,
    low && step.wants(1) ? toLow() : undefined,
    high && step.wants(2) ? toHigh() : undefined,
  ];
};

export const elementwise: Rules = {
  Identity: same,
  Cast: cast,
  CastLike: cast,
  Dropout: dropout,
  Neg: ({ b, dy }) => [b.neg(dy[0]!)],
  Abs: times(({ b, x }) => b.op('Sign', [x[0]!])),
  Exp: times(({ y }) => y[0]!),
  Log: ({ b, x, dy }) => [b.div(dy[0]!, x[0]!)],
  Sqrt: ({ b, x, y, dy }) => [b.div(b.mul(dy[0]!, b.scalar(0.5, x[0]!)), y[0]!)],
  Reciprocal: times(({ b, y }) => b.neg(square(b, y[0]!))),
  Erf: times(({ b, x }) =>
    b.mul(b.scalar(2 / Math.sqrt(Math.PI), x[0]!), b.op('Exp', [b.neg(square(b, x[0]!))])),
  ),
  Sin: times(({ b, x }) => b.op('Cos', [x[0]!])),
  Cos: times(({ b, x }) => b.neg(b.op('Sin', [x[0]!]))),
  Tan: times(({ b, x, y }) => b.add(b.scalar(1, x[0]!), square(b, y[0]!))),
  Asin: ({ b, x, dy }) => [b.div(dy[0]!, b.op('Sqrt', [less(b, 1, square(b, x[0]!), x[0]!)]))],
  Acos: ({ b, x, dy }) => [b.neg(b.div(dy[0]!, b.op('Sqrt', [less(b, 1, square(b, x[0]!), x[0]!)])))],
  Atan: ({ b, x, dy }) => [b.div(dy[0]!, b.add(b.scalar(1, x[0]!), square(b, x[0]!)))],
  Sinh: times(({ b, x }) => b.op('Cosh', [x[0]!])),
  Cosh: times(({ b, x }) => b.op('Sinh', [x[0]!])),
  Tanh: times(({ b, x, y }) => less(b, 1, square(b, y[0]!), x[0]!)),
  Asinh: ({ b, x, dy }) => [b.div(dy[0]!, b.op('Sqrt', [b.add(square(b, x[0]!), b.scalar(1, x[0]!))]))],
  Acosh: ({ b, x, dy }) => [b.div(dy[0]!, b.op('Sqrt', [b.sub(square(b, x[0]!), b.scalar(1, x[0]!))]))],
  Atanh: ({ b, x, dy }) => [b.div(dy[0]!, less(b, 1, square(b, x[0]!), x[0]!))],
  Sigmoid: times(({ b, x, y }) => b.mul(y[0]!, less(b, 1, y[0]!, x[0]!))),
  Softplus: times(({ b, x }) => b.op('Sigmoid', [x[0]!])),
  Softsign: ({ b, x, dy }) => [b.div(dy[0]!, square(b, b.add(b.scalar(1, x[0]!), b.op('Abs', [x[0]!]))))],
  Relu: (step) => (step.b.vanishes(step.dy[0]!, step.y[0]!) ? [step.dy[0]] : rectified(step)),
  LeakyRelu: ({ b, op, x, dy }) => [
    b.where(
      b.op('Greater', [x[0]!, b.scalar(0, x[0]!)]),
      dy[0]!,
      b.mul(dy[0]!, b.scalar(b.float(op, 'alpha', 0.01), x[0]!)),
    ),
  ],
  ThresholdedRelu: where(({ b, op, x }) =>
    b.op('Greater', [x[0]!, b.scalar(b.float(op, 'alpha', 1), x[0]!)]),
  ),
  Elu: times(({ b, op, x }) => exponential(b, x[0]!, 1, b.float(op, 'alpha', 1), 1)),
  Celu: times(({ b, op, x }) => exponential(b, x[0]!, 1, 1, 1 / b.float(op, 'alpha', 1))),
  Selu: times(({ b, op, x }) => {
    const gamma = b.float(op, 'gamma', 1.0507010221481323);
    return exponential(b, x[0]!, gamma, gamma * b.float(op, 'alpha', 1.6732631921768188), 1);
  }),
  HardSigmoid: ({ b, op, x, y, dy }) => {
    const inside = b.op('And', [
      b.op('Greater', [y[0]!, b.scalar(0, x[0]!)]),
      b.op('Less', [y[0]!, b.scalar(1, x[0]!)]),
    ]);
    const slope = b.mul(dy[0]!, b.scalar(b.float(op, 'alpha', 0.2), x[0]!));
    return [b.where(inside, slope, b.scalar(0, x[0]!))];
  },
  HardSwish: times(({ b, x: [x] }) => {
    const c = (value: number): ValueId => b.scalar(value, x!);
    const middle = b.add(b.mul(x!, c(1 / 3)), c(0.5));
    const upper = b.where(b.op('Greater', [x!, c(3)]), c(1), middle);
    return b.where(b.op('Less', [x!, c(-3)]), c(0), upper);
  }),
  Mish: times(({ b, x: [x] }) => {
    const t = b.op('Tanh', [b.op('Softplus', [x!])]);
    return b.add(t, b.mul(x!, b.mul(b.op('Sigmoid', [x!]), less(b, 1, square(b, t), x!))));
  }),
  Swish: times(({ b, op, x: [x], y }) => {
    const alpha = b.scalar(b.float(op, 'alpha', 1), x!);
    const s = b.op('Sigmoid', [b.mul(alpha, x!)]);
    return b.add(s, b.mul(b.mul(alpha, y[0]!), less(b, 1, s, x!)));
  }),
  Gelu: gelu,
  Shrink: where(({ b, op, x }) =>
    b.op('Greater', [b.op('Abs', [x[0]!]), b.scalar(b.float(op, 'lambd', 0.5), x[0]!)]),
  ),
  Clip: clip,
};

/** `above` where x > 0, else scale · exp(rate · x). */
function exponential(b: Builder, x: ValueId, above: number, scale: number, rate: number): ValueId {
  // Of large x the exponential would overflow, though nobody looks at it.
  const low = b.op('Min', [x, b.scalar(0, x)]);
  const falling = b.op('Exp', [rate === 1 ? low : b.mul(low, b.scalar(rate, x))]);
  const below = scale === 1 ? falling : b.mul(falling, b.scalar(scale, x));
  return b.where(b.op('Greater', [x, b.scalar(0, x)]), b.scalar(above, x), below);
}
