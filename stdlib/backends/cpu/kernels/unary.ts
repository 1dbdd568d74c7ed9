// Functions of one element: mathematics, activations, tests of floats.

import { kernels, type OpContext, since } from '../kernel.ts';
import { type Unary, unary } from '../loops/elementwise.ts';
import {
  clipMap,
  type Float32Map,
  hardSigmoidMap,
  hardSwishMap,
  leakyReluMap,
  sigmoidMap,
} from '../loops/float32.ts';
import { erf, roundEven, sigmoid, softplus } from '../loops/special.ts';
import type { NdArray } from '../value.ts';
import { smaller } from './arithmetic.ts';

type Real = (x: number) => number;
const real = (f: Real, float32?: Float32Map) => (_: OpContext, x: NdArray) =>
  unary(x, float32 === undefined ? { float: f } : { float: f, float32 });
const each = (scalars: Unary) => (_: OpContext, x: NdArray) => unary(x, scalars);
/** With a function made from the op's attributes. */
const tuned = (make: (op: OpContext) => Real) => (op: OpContext, x: NdArray) => unary(x, { float: make(op) });

const gelu = (op: OpContext): Real =>
  op.string('approximate', 'none') === 'tanh'
    ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

function shrink(op: OpContext, x: NdArray): NdArray {
  const [lambd, bias] = [op.float('lambd', 0.5), op.float('bias', 0)];
  const f = (a: number): number => (a < -lambd ? a + bias : a > lambd ? a - bias : 0);
  return unary(x, { float: f, int: f, bigint: (a) => BigInt(Math.trunc(f(Number(a)))) });
}

const positive: Unary = {
  float32: clipMap(0, Number.POSITIVE_INFINITY),
  float: (x) => Math.max(0, x),
  int: (x) => Math.max(0, x),
  bigint: (x) => (x > 0n ? x : 0n),
};

export const elementwise = kernels('', {
  Abs: each({ float: Math.abs, int: Math.abs, bigint: (x) => (x < 0n ? -x : x) }),
  Neg: each({ float: (x) => -x, int: (x) => -x, bigint: (x) => -x }),
  Sign: each({
    float: Math.sign,
    int: Math.sign,
    bigint: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  }),
  Ceil: real(Math.ceil),
  Floor: real(Math.floor),
  Round: real(roundEven),
  Sqrt: real(Math.sqrt),
  Reciprocal: real((x) => 1 / x),
  Exp: real(Math.exp),
  Log: real(Math.log),
  Sin: real(Math.sin),
  Cos: real(Math.cos),
  Tan: real(Math.tan),
  Asin: real(Math.asin),
  Acos: real(Math.acos),
  Atan: real(Math.atan),
  Sinh: real(Math.sinh),
  Cosh: real(Math.cosh),
  Tanh: real(Math.tanh),
  Asinh: real(Math.asinh),
  Acosh: real(Math.acosh),
  Atanh: real(Math.atanh),
  Erf: each({
    float: erf,
    int: (x) => Math.trunc(erf(x)),
    bigint: (x) => BigInt(Math.trunc(erf(Number(x)))),
  }),
  Sigmoid: real(sigmoid, sigmoidMap),
  Softplus: real(softplus),
  Softsign: real((x) => x / (1 + Math.abs(x))),
  HardSwish: real((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)), hardSwishMap),
  Mish: real((x) => x * Math.tanh(softplus(x))),
  Relu: each(positive),
  Gelu: tuned(gelu),
  Shrink: shrink,
  Elu: tuned((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
  }),
  Celu: tuned((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  Selu: tuned((op) => {
    const alpha = op.float('alpha', Math.fround(1.6732631921768188));
    const gamma = op.float('gamma', Math.fround(1.0507010221481323));
    return (x) => (x <= 0 ? gamma * alpha * Math.expm1(x) : gamma * x);
  }),
  LeakyRelu(op: OpContext, x: NdArray) {
    const alpha = op.float('alpha', Math.fround(0.01));
    return unary(x, { float: (a) => (a < 0 ? alpha * a : a), float32: leakyReluMap(alpha) });
  },
  ThresholdedRelu: tuned((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => (x > alpha ? x : 0);
  }),
  HardSigmoid(op: OpContext, x: NdArray) {
    const [alpha, beta] = [op.float('alpha', Math.fround(0.2)), op.float('beta', 0.5)];
    return unary(x, {
      float: (a) => Math.max(0, Math.min(1, alpha * a + beta)),
      float32: hardSigmoidMap(alpha, beta),
    });
  },
  Swish: tuned((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => x * sigmoid(alpha * x);
  }),
  ScaledTanh: tuned((op) => {
    const [alpha, beta] = [op.float('alpha', 1), op.float('beta', 1)];
    return (x) => alpha * Math.tanh(beta * x);
  }),
  IsNaN: (_: OpContext, x: NdArray) => unary(x, { float: Number.isNaN }, 'bool'),
  IsInf(op: OpContext, x: NdArray) {
    const low = op.int('detect_negative', 1) === 1 ? Number.NEGATIVE_INFINITY : Number.NaN;
    const high = op.int('detect_positive', 1) === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
    return unary(x, { float: (a) => a === low || a === high }, 'bool');
  },
  Not: (_: OpContext, x: NdArray) => unary(x, { bool: (a) => a === 0 }),
  BitwiseNot: each({ int: (x) => ~x, bigint: (x) => ~x }),
  Clip: since(
    [1, (op: OpContext, x: NdArray) => clip(x, op.float('min'), op.float('max'))],
    [11, (_: OpContext, x: NdArray, min?: NdArray, max?: NdArray) => clip(x, min?.data[0], max?.data[0])],
  ),
});

function clip(x: NdArray, min: unknown, max: unknown): NdArray {
  const low = (min ?? Number.NEGATIVE_INFINITY) as number;
  const high = (max ?? Number.POSITIVE_INFINITY) as number;
  // The upper bound counts if they cross.
  const bottom = smaller(low, high);
  // NaN passes. Numbers and bigints compare alike.
  const f = (a: number): number => (a > high ? high : a < low ? bottom : a);
  return unary(x, { float: f, float32: clipMap(bottom, high), int: f, bigint: f as never });
}
