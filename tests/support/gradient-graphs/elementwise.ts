// Elementwise operators and reductions, in every form.

import type { Attributes, Domain, Sketch } from './sketch.ts';
import { real } from './sketch.ts';

export type Generator = (s: Sketch) => void;
export type Generators = Readonly<Record<string, Generator>>;

const unary =
  (type: string, domain: Domain = 'any', attributes: (s: Sketch) => Attributes = () => ({})): Generator =>
  (s) => {
    s.op(type, [s.x(s.dims(), domain)], attributes(s));
  };
const sometimes = (s: Sketch, value: number) => (s.rarely(2) ? undefined : real(value));
const alpha = (value: number) => (s: Sketch) => ({ alpha: sometimes(s, value) });

/** Shapes that broadcast to one. */
export function broadcastShapes(s: Sketch, count: number, whole = s.dims()): number[][] {
  return Array.from({ length: count }, () => {
    const dims = whole.slice(s.rarely(3) ? s.int(0, whole.length) : 0);
    return dims.map((size) => (s.rarely(4) ? 1 : size));
  });
}
const several =
  (
    type: string,
    count: (s: Sketch) => number,
    domain: Domain = 'any',
    attributes: Attributes = {},
  ): Generator =>
  (s) => {
    s.op(
      type,
      broadcastShapes(s, count(s)).map((dims) => s.x(dims, domain)),
      attributes,
    );
  };
const two = () => 2;
const some = (s: Sketch) => s.int(1, 4);

const reduce =
  (type: string, domain: Domain = 'any'): Generator =>
  (s) => {
    const dims = s.dims(s.int(0, 4), 1, 3);
    const axes = s.some(dims.map((_, at) => at)).map((at) => (s.rarely(2) ? at - dims.length : at));
    const form = {
      keepdims: s.pick([undefined, 0, 1]),
      noop_with_empty_axes: s.pick([undefined, undefined, 1]),
    };
    // Of nothing there is no largest.
    const full = /Max|Min|LogSum/.test(type) ? dims.map((size) => Math.max(size, 1)) : dims;
    s.op(type, [s.x(full, domain), ...(s.rarely(4) ? [] : [s.list(axes)])], form);
  };

const along =
  (type: string, attributes: (s: Sketch) => Attributes = () => ({}), from = 1): Generator =>
  (s) => {
    const dims = s.dims(s.int(1, 4), from);
    s.op(type, [s.x(dims)], { axis: s.rarely() ? undefined : s.axis(dims.length), ...attributes(s) });
  };

const image = (s: Sketch): number[] => [s.int(1, 2), s.int(1, 3), ...s.dims(s.int(1, 3), 2)];

const cumulative =
  (type: string): Generator =>
  (s) => {
    const dims = s.dims(s.int(1, 3));
    const form = { exclusive: s.pick([undefined, 1]), reverse: s.pick([undefined, 1]) };
    s.op(type, [s.x(dims), s.scalar(s.axis(dims.length))], form);
  };

export const elementwise: Generators = {
  Identity: unary('Identity'),
  Cast: (s) => {
    const [narrow] = s.line('Cast', [s.x(s.dims())], { to: 11 });
    s.op('Identity', [narrow!]);
  },
  CastLike: (s) => void s.op('CastLike', [s.x(s.dims()), s.number(1)]),
  Dropout: (s) => void s.op('Dropout', [s.x(s.dims()), ...(s.rarely(2) ? [] : [s.number(0.3)])]),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Exp: unary('Exp'),
  Log: unary('Log', 'positive'),
  Sqrt: unary('Sqrt', 'positive'),
  Reciprocal: unary('Reciprocal', 'positive'),
  Erf: unary('Erf'),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Tan: unary('Tan', 'unit'),
  Asin: unary('Asin', 'unit'),
  Acos: unary('Acos', 'unit'),
  Atan: unary('Atan'),
  Sinh: unary('Sinh'),
  Cosh: unary('Cosh'),
  Tanh: unary('Tanh'),
  Asinh: unary('Asinh'),
  Acosh: unary('Acosh', 'aboveOne'),
  Atanh: unary('Atanh', 'unit'),
  Sigmoid: unary('Sigmoid'),
  Softplus: unary('Softplus'),
  Softsign: unary('Softsign'),
  Relu: unary('Relu'),
  LeakyRelu: unary('LeakyRelu', 'any', alpha(0.2)),
  ThresholdedRelu: unary('ThresholdedRelu', 'any', alpha(0.7)),
  Elu: unary('Elu', 'any', alpha(0.6)),
  Selu: unary('Selu', 'any', (s) => ({ alpha: sometimes(s, 1.2), gamma: sometimes(s, 0.8) })),
  HardSigmoid: unary('HardSigmoid', 'any', (s) => ({ alpha: sometimes(s, 0.4), beta: sometimes(s, 0.3) })),
  HardSwish: (s) => void s.op('HardSwish', [s.line('Mul', [s.x(s.dims()), s.number(3)])[0]!]),
  Mish: unary('Mish'),
  Gelu: unary('Gelu', 'any', (s) => ({ approximate: s.pick([undefined, 'none', 'tanh']) })),
  Swish: unary('Swish', 'any', alpha(1.7)),
  Shrink: unary('Shrink', 'any', (s) => ({ lambd: sometimes(s, 0.7), bias: sometimes(s, 0.2) })),
  Clip: (s) => {
    const bound = (value: number): string => s.pick([() => '', () => s.number(value), () => s.input([])])();
    const [low, high] = [bound(-0.8), bound(0.9)];
    s.op('Clip', [s.x(s.dims()), low, high]);
  },

  Add: several('Add', two),
  Sub: several('Sub', two),
  Mul: several('Mul', two),
  Div: several('Div', two, 'positive'),
  Pow: (s) => {
    const [a, e] = broadcastShapes(s, 2) as [number[], number[]];
    if (s.rarely(2)) s.op('Pow', [s.x(a, 'positive'), s.x(e)]);
    else s.op('Pow', [s.x(a), s.pick([() => s.number(s.int(0, 3)), () => s.scalar(s.int(0, 3))])()]);
  },
  Mod: (s) => {
    const [a, m] = broadcastShapes(s, 2) as [number[], number[]];
    s.op('Mod', [s.x(a), s.x(m, 'positive')], { fmod: 1 });
  },
  Sum: several('Sum', some),
  Mean: several('Mean', some),
  Max: several('Max', some),
  Min: several('Min', some),
  PRelu: (s) => {
    const whole = s.dims();
    s.op('PRelu', [s.x(whole), s.x(broadcastShapes(s, 1, whole)[0]!)]);
  },
  Where: (s) => {
    const [c, a, b] = broadcastShapes(s, 3) as [number[], number[], number[]];
    s.op('Where', [s.mask(c), s.x(a), s.x(b)]);
  },

  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  ReduceMin: reduce('ReduceMin'),
  ReduceProd: reduce('ReduceProd'),
  ReduceL1: reduce('ReduceL1'),
  ReduceL2: reduce('ReduceL2'),
  ReduceSumSquare: reduce('ReduceSumSquare'),
  ReduceLogSum: reduce('ReduceLogSum', 'positive'),
  ReduceLogSumExp: reduce('ReduceLogSumExp'),
  Softmax: along('Softmax'),
  LogSoftmax: along('LogSoftmax'),
  LpNormalization: along('LpNormalization', (s) => ({ p: s.pick([undefined, 1, 2]) })),
  CumSum: cumulative('CumSum'),
  GlobalAveragePool: (s) => void s.op('GlobalAveragePool', [s.x(image(s))]),
  GlobalMaxPool: (s) => void s.op('GlobalMaxPool', [s.x(image(s).map((size) => Math.max(1, size)))]),
};
