// Initial weights: computed while recording, from a key, in float64 arithmetic that every machine rounds alike. The same
// seed and the same name give the same bits everywhere, whatever other parameters a model has.

import { type PhiloxKey, randomWords } from '../../ir/philox.ts';
import { normalOf } from '../random/quantile.ts';

/** The elements of a tensor, row by row, before they are rounded to its dtype. */
export type Initialiser = (dims: readonly number[], key: PhiloxKey) => Float64Array;

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** How many values each output is made of, and how many outputs each input goes into: of [out, in, ...kernel]. */
function fans(dims: readonly number[]): { readonly input: number; readonly output: number } {
  const field = sizeOf(dims.slice(2));
  return { input: (dims[1] ?? 1) * field, output: (dims[0] ?? 1) * field };
}

/** The same number everywhere. */
export const fill =
  (value: number): Initialiser =>
  (dims) =>
    new Float64Array(sizeOf(dims)).fill(value);
export const zeros = (): Initialiser => fill(0);
export const ones = (): Initialiser => fill(1);

/** From `low` to `high`, in 2³² equal steps. */
export const uniform =
  ({ low = 0, high = 1 } = {}): Initialiser =>
  (dims, key) =>
    Float64Array.from(randomWords(key, sizeOf(dims)), (word) => low + word * ((high - low) * 2 ** -32));

export const normal =
  ({ mean = 0, scale = 1 } = {}): Initialiser =>
  (dims, key) =>
    Float64Array.from(randomWords(key, sizeOf(dims)), (word) => mean + normalOf(word) * scale);

const between = (bound: number): Initialiser => uniform({ low: -bound, high: bound });

/** Glorot and Bengio 2010, equation 16: uniform with variance 2 / (fan in + fan out), times the square of `gain`. */
export const xavierUniform =
  ({ gain = 1 } = {}): Initialiser =>
  (dims, key) => {
    const { input, output } = fans(dims);
    return between(gain * Math.sqrt(6 / (input + output)))(dims, key);
  };
/** The same variance, normally distributed. */
export const xavierNormal =
  ({ gain = 1 } = {}): Initialiser =>
  (dims, key) => {
    const { input, output } = fans(dims);
    return normal({ scale: gain * Math.sqrt(2 / (input + output)) })(dims, key);
  };

/** He et al. 2015, section 2.2: uniform with variance gain² / fan in; a gain of √2 is for ReLU. */
export const kaimingUniform =
  ({ gain = Math.SQRT2 } = {}): Initialiser =>
  (dims, key) =>
    between(gain * Math.sqrt(3 / fans(dims).input))(dims, key);
/** The same variance, normally distributed. */
export const kaimingNormal =
  ({ gain = Math.SQRT2 } = {}): Initialiser =>
  (dims, key) =>
    normal({ scale: gain / Math.sqrt(fans(dims).input) })(dims, key);

/** Rows, or columns if they are fewer, of length `gain` that are orthogonal to each other (Saxe et al. 2013). */
export const orthogonal =
  ({ gain = 1 } = {}): Initialiser =>
  (dims, key) => {
    const rows = dims[0] ?? 1;
    const columns = sizeOf(dims) / rows;
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
    const vectors = orthonormal(normal()([count, length], key), count, length);
    const out = new Float64Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [one, at] = rows <= columns ? [row, column] : [column, row];
        out[row * columns + column] = gain * vectors[one * length + at]!;
      }
    }
    return out;
  };

/** Gram–Schmidt, twice: once leaves what cancellation cost. */
function orthonormal(vectors: Float64Array, count: number, length: number): Float64Array {
  for (let one = 0; one < count; one++) {
    const vector = vectors.subarray(one * length, (one + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < one; other++) {
        const before = vectors.subarray(other * length, (other + 1) * length);
        const share = dot(vector, before);
        for (let at = 0; at < length; at++) vector[at]! -= share * before[at]!;
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let at = 0; at < length; at++) vector[at]! /= norm;
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
}

/** What linear layers and convolutions start with where nothing else is said: from −1/√n to 1/√n for a fan in of n. */
export const byFanIn = (fanIn: number): Initialiser => between(1 / Math.sqrt(fanIn));
