// Elementwise operators of several operands, each broadcast to the result.

import type { ValueId } from '../../../ir/index.ts';
import type { Builder } from '../builder.ts';
import type { Rule, Rules, Step } from '../rule.ts';

type Part = (step: Step) => ValueId;

/** One gradient for each operand, before it is summed over the axes along which the operand was repeated. */
const operands =
  (...parts: readonly Part[]): Rule =>
  (step) =>
    step.x.map((operand, index) =>
      step.wants(index) ? step.b.unbroadcast(parts[index]!(step), operand, step.y[0]!) : undefined,
    );

const each =
  (part: (step: Step, operand: ValueId) => ValueId): Rule =>
  (step) =>
    step.x.map((operand, index) =>
      step.wants(index) ? step.b.unbroadcast(part(step, operand), operand, step.y[0]!) : undefined,
    );

const dy: Part = (step) => step.dy[0]!;

/** The gradient goes to whoever is the result; where several are, to each its share. */
const extreme: Rule = (step) => {
  const { b, x, y } = step;
  if (x.length === 1) return [step.dy[0]];
  const masks = x.map((operand) => b.cast(b.op('Equal', [operand, y[0]!]), b.dtype(y[0]!)));
  const share = b.div(step.dy[0]!, b.op('Sum', masks));
  return x.map((operand, index) =>
    step.wants(index) ? b.unbroadcast(b.mul(share, masks[index]!), operand, y[0]!) : undefined,
  );
};

const power = operands(
  ({ b, x: [x, e], dy }) => {
    const [zero, exponent] = [b.scalar(0, x!), b.cast(e!, b.dtype(x!))];
    const slope = b.mul(exponent, b.op('Pow', [x!, b.sub(exponent, b.scalar(1, x!))]));
    // Of x⁰ it is zero, at x = 0 too.
    return b.where(b.op('Equal', [exponent, zero]), zero, b.mul(dy[0]!, slope));
  },
  ({ b, x: [x, e], y, dy }) => {
    const zero = b.scalar(0, x!);
    const slope = b.mul(dy[0]!, b.mul(y[0]!, b.op('Log', [x!])));
    const still = b.op('And', [b.op('Equal', [x!, zero]), b.op('GreaterOrEqual', [e!, b.scalar(0, e!)])]);
    return b.where(still, zero, slope);
  },
);

const modulo: Rule = (step) => {
  if (step.b.int(step.op, 'fmod', 0) === 0) return floorModulo(step);
  const [x, m] = step.x;
  const truncated = (b: Builder): ValueId => {
    const quotient = b.div(x!, m!);
    return b.mul(b.op('Sign', [quotient]), b.op('Floor', [b.op('Abs', [quotient])]));
  };
  return operands(dy, ({ b, dy }) => b.neg(b.mul(dy[0]!, truncated(b))))(step);
};
const floorModulo = operands(dy, ({ b, x: [x, m], dy }) =>
  b.neg(b.mul(dy[0]!, b.op('Floor', [b.div(x!, m!)]))),
);

export const broadcast: Rules = {
  Add: operands(dy, dy),
  Sub: operands(dy, ({ b, dy }) => b.neg(dy[0]!)),
  Mul: operands(
    ({ b, x, dy }) => b.mul(dy[0]!, x[1]!),
    ({ b, x, dy }) => b.mul(dy[0]!, x[0]!),
  ),
  Div: operands(
    ({ b, x, dy }) => b.div(dy[0]!, x[1]!),
    ({ b, x, y, dy }) => b.neg(b.div(b.mul(dy[0]!, y[0]!), x[1]!)),
  ),
  Pow: power,
  Mod: modulo,
  Sum: each(dy),
  Mean: each(({ b, x, dy }) => b.mul(dy[0]!, b.scalar(1 / x.length, x[0]!))),
  Max: extreme,
  Min: extreme,
  PRelu: operands(
    ({ b, x: [x, slope], dy }) =>
      b.where(b.op('Greater', [x!, b.scalar(0, x!)]), dy[0]!, b.mul(dy[0]!, slope!)),
    ({ b, x: [x], dy }) => {
      const zero = b.scalar(0, x!);
      return b.where(b.op('Greater', [x!, zero]), zero, b.mul(dy[0]!, x!));
    },
  ),
  Where: operands(
    ({ b }) => b.refuse('a condition has no gradient'),
    ({ b, x: [condition, a], dy }) => b.where(condition!, dy[0]!, b.scalar(0, a!)),
    ({ b, x: [condition, a], dy }) => b.where(condition!, b.scalar(0, a!), dy[0]!),
  ),
};
