// A matrix as the product of two thin ones.

import { codecDefaults, factoredAs } from '../../ir/coded-bytes.ts';
import { elementCount } from '../../ir/index.ts';
import { keyOf } from '../../ir/philox.ts';
import { fractions } from './chance.ts';
import { bytesOf, float32sOf, madeOf, readFloats, requireBytes, type TensorCodec, tensor } from './reals.ts';

export interface LowRankOptions {
  /** Columns of each factor. Default: 4. */
  readonly rank?: number;
  /** What the first guess is drawn from. Default: 0. */
  readonly seed?: number;
}

/** Rounds of the power iteration: what the reference keeps between steps as a warm start is begun anew here. */
const ITERATIONS = 2;
/** Beyond it a product of the factors could be infinite. */
const LARGEST_NORM = 2 ** 127;

/**
 * PowerSGD (Vogels et al. 2019, algorithm 1): of a tensor as a matrix M, its first axis × the rest, an orthonormal P of
 * `rank` columns that two power iterations from a seeded start bring near the largest singular vectors, and Q = MᵀP.
 * What arrives is PQᵀ. Where the factors would be no fewer numbers, as of a vector, the numbers cross as float32.
 *
 * What is lost, M − PPᵀM, has at most the Euclidean norm of M, and nothing is lost of a matrix of that rank, beside 1e-6 of
 * the norm for the rounding to float32. Biased. Throws an Error for NaN, infinities and what is beyond float32, and for a
 * norm beyond 2^127.
 */
export function lowRankCodec(options: LowRankOptions = {}): TensorCodec {
  const { rank, seed } = { ...codecDefaults['low-rank'], seed: 0, ...options };
  return {
    encode(given) {
      const values = float32sOf(given);
      const matrix = factoredAs(given.dims, rank);
      if (matrix === undefined) return bytesOf(values);
      const { rows, columns } = matrix;
      if (!(norm(values) <= LARGEST_NORM)) throw new Error('its norm is beyond 2^127');
      const draw = fractions(keyOf(BigInt(seed)));
      let right: Float64Array = Float64Array.from({ length: columns * rank }, () => 2 * draw() - 1);
      let left: Float64Array = new Float64Array(0);
      for (let round = 0; round < ITERATIONS; round++) {
        left = orthonormal(times(values, right, rows, columns, rank), rows, rank);
        right = transposedTimes(values, left, rows, columns, rank);
      }
      const factors = new Float32Array(rank * (rows + columns));
      factors.set(left);
      factors.set(right, rank * rows);
      return bytesOf(factors);
    },
    decode(bytes, dtype, dims) {
      const count = elementCount(dims)!;
      const matrix = factoredAs(dims, rank);
      requireBytes(bytes, 4 * (matrix === undefined ? count : rank * (matrix.rows + matrix.columns)), dims);
      const values = madeOf(dtype, dims);
      const numbers = readFloats(bytes, 0, bytes.length / 4);
      if (matrix === undefined) {
        values.set(numbers);
        return tensor(dtype, dims, values);
      }
      const { rows, columns } = matrix;
      const right = numbers.subarray(rank * rows);
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let one = 0; one < rank; one++)
            sum += numbers[row * rank + one]! * right[column * rank + one]!;
          values[row * columns + column] = sum;
        }
      return tensor(dtype, dims, values);
    },
  };
}

function norm(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const one of values) sum += one * one;
  return Math.sqrt(sum);
}

/** M · right: rows × rank. */
function times(
  matrix: Float32Array,
  right: Float64Array,
  rows: number,
  columns: number,
  rank: number,
): Float64Array {
  const result = new Float64Array(rows * rank);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const factor = matrix[row * columns + column]!;
      if (factor === 0) continue;
      for (let one = 0; one < rank; one++) result[row * rank + one]! += factor * right[column * rank + one]!;
    }
  return result;
}

/** Mᵀ · left: columns × rank. */
function transposedTimes(
  matrix: Float32Array,
  left: Float64Array,
  rows: number,
  columns: number,
  rank: number,
): Float64Array {
  const result = new Float64Array(columns * rank);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const factor = matrix[row * columns + column]!;
      if (factor === 0) continue;
      for (let one = 0; one < rank; one++) result[column * rank + one]! += factor * left[row * rank + one]!;
    }
  return result;
}

/** Part of a column's norm below which what is left of it is rounding. */
const NOTHING_LEFT = 1e-10;

/** Its columns, orthonormal (modified Gram–Schmidt, twice); 0 where one is a combination of those before it. */
function orthonormal(matrix: Float64Array, rows: number, rank: number): Float64Array {
  const columns = Array.from({ length: rank }, (_, one) =>
    Float64Array.from({ length: rows }, (_, row) => matrix[row * rank + one]!),
  );
  columns.forEach((column, one) => {
    const before = norm(column);
    for (let again = 0; again < 2; again++)
      for (const other of columns.slice(0, one)) {
        let dot = 0;
        for (let row = 0; row < rows; row++) dot += column[row]! * other[row]!;
        for (let row = 0; row < rows; row++) column[row]! -= dot * other[row]!;
      }
    const length = norm(column);
    const factor = length > NOTHING_LEFT * before ? 1 / length : 0;
    for (let row = 0; row < rows; row++) column[row]! *= factor;
  });
  return Float64Array.from({ length: rows * rank }, (_, at) => columns[at % rank]![Math.floor(at / rank)]!);
}
