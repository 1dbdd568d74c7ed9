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

/** Within `low` and `high`, which may be equal. NaN passes. Math.min and Math.max take four times as long. */
export const clipMap =
  (low: number, high: number): Float32Map =>
  (x, out) => {
    const bottom = +low;
    const top = +high;
    for (let n = 0; n < x.length; n++) {
      let a = x[n]!;
      if (a > top) a = top;
      if (a < bottom) a = bottom;
      out[n] = a;
    }
  };

/** alpha · x + beta within [0, 1]. */
export const hardSigmoidMap =
  (alpha: number, beta: number): Float32Map =>
  (x, out) => {
    const factor = +alpha;
    const shift = +beta;
    for (let n = 0; n < x.length; n++) {
      let gate = factor * x[n]! + shift;
      if (gate > 1) gate = 1;
      if (gate < 0) gate = 0;
      out[n] = gate;
    }
  };

export const hardSwishMap: Float32Map = (x, out) => {
  for (let n = 0; n < x.length; n++) {
    const a = x[n]!;
    let gate = a / 6 + 0.5;
    if (gate > 1) gate = 1;
    if (gate < 0) gate = 0;
    out[n] = a * gate;
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
