// Loops over float32 that are written out, because a call per element costs more than the arithmetic.
// What comes from outside of a loop and is stored in it as it is, is made a number there by `+`: V8 does not know it is
// one, and would make an object of each element that it may stand for.

import { sigmoid } from './special.ts';

/** out[at + n] = a[atA + n * stepA] ∘ b[atB + n * stepB] */
export type Row<Elements, More extends unknown[] = []> = (
  a: Elements,
  atA: number,
  stepA: number,
  b: Elements,
  atB: number,
  stepB: number,
  out: Elements,
  at: number,
  count: number,
  ...more: More
) => void;
export type Float32Row = Row<Float32Array>;

export const addRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! + b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! + y;
  } else if (stepA === 0 && stepB === 1) addRow(b, atB, 1, a, atA, 0, out, at, count);
  else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! + b[atB + n * stepB]!;
};

export const subtractRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! - b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! - y;
  } else if (stepA === 0 && stepB === 1) {
    const x = a[atA]!;
    for (let n = 0; n < count; n++) out[at + n] = x - b[atB + n]!;
  } else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! - b[atB + n * stepB]!;
};

export const multiplyRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! * b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! * y;
  } else if (stepA === 0 && stepB === 1) multiplyRow(b, atB, 1, a, atA, 0, out, at, count);
  else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! * b[atB + n * stepB]!;
};

export const divideRow: Float32Row = (a, atA, stepA, b, atB, stepB, out, at, count) => {
  if (stepA === 1 && stepB === 1) for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! / b[atB + n]!;
  else if (stepA === 1 && stepB === 0) {
    const y = b[atB]!;
    for (let n = 0; n < count; n++) out[at + n] = a[atA + n]! / y;
  } else if (stepA === 0 && stepB === 1) {
    const x = a[atA]!;
    for (let n = 0; n < count; n++) out[at + n] = x / b[atB + n]!;
  } else for (let n = 0; n < count; n++) out[at + n] = a[atA + n * stepA]! / b[atB + n * stepB]!;
};

/** out[n] = f(x[n]) */
export type Float32Map = (x: Float32Array, out: Float32Array) => void;

/** Not above `high`, else not below `low`. NaN passes. */
export const clipMap =
  (low: number, high: number): Float32Map =>
  (x, out) => {
    const [bottom, top] = [+low, +high];
    for (let n = 0; n < x.length; n++) {
      const a = x[n]!;
      out[n] = a > top ? top : a < bottom ? bottom : a;
    }
  };

/** alpha · x + beta within [0, 1]. */
export const hardSigmoidMap =
  (alpha: number, beta: number): Float32Map =>
  (x, out) => {
    for (let n = 0; n < x.length; n++) {
      const a = alpha * x[n]! + beta;
      out[n] = a > 1 ? 1 : a < 0 ? 0 : a;
    }
  };

export const hardSwishMap: Float32Map = (x, out) => {
  for (let n = 0; n < x.length; n++) {
    const a = x[n]!;
    const gate = a / 6 + 0.5;
    out[n] = a * (gate > 1 ? 1 : gate < 0 ? 0 : gate);
  }
};

export const leakyReluMap =
  (alpha: number): Float32Map =>
  (x, out) => {
    for (let n = 0; n < x.length; n++) {
      const a = x[n]!;
      out[n] = a < 0 ? alpha * a : a;
    }
  };

export const sigmoidMap: Float32Map = (x, out) => {
  for (let n = 0; n < x.length; n++) out[n] = sigmoid(x[n]!);
};
