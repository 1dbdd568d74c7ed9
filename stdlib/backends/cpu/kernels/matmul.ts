// Products of matrices: MatMul, Gemm, Det.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { binary } from '../loops/elementwise.ts';
import { multiply } from '../loops/matmul.ts';
import { broadcastDims, broadcastStrides, product } from '../loops/shape.ts';
import { gatherStrided } from '../loops/strided.ts';
import { allocate, familyOf, fill, type NdArray, ndarray, settled, sizeOf } from '../value.ts';
import { transposed } from './movement.ts';

/** As numpy.matmul: batches broadcast, vectors are rows or columns. */
export function matMul(a: NdArray, b: NdArray): NdArray {
  if (a.dtype !== b.dtype || ['bool', 'string', 'complex'].includes(familyOf(a.dtype)))
    throw new Unsupported(a.dtype);
  if (a.dims.length === 0 || b.dims.length === 0) throw new Invalid('a scalar is no matrix');
  const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
  const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims;
  const [m, k, n] = [left.at(-2)!, left.at(-1)!, right.at(-1)!];
  if (right.at(-2) !== k) throw new Invalid(`[${a.dims.join(', ')}] · [${b.dims.join(', ')}]`);
  const batch = broadcastDims(left.slice(0, -2), right.slice(0, -2));
  const out = allocate(a.dtype, sizeOf(batch) * m * n);
  const offsets = (dims: readonly number[], size: number): ArrayLike<number> => {
    const own = dims.slice(0, -2);
    const starts = Float64Array.from({ length: product(own) }, (_, at) => at * size);
    return gatherStrided(ndarray('float64', own, starts), batch, broadcastStrides(own, batch))
      .data as Float64Array;
  };
  // One right-hand side for all: the batches of A are rows of one tall matrix.
  if (product(right, 0, right.length - 2) === 1 && right.length <= left.length) {
    if (n > 0) multiply(a.data, b.data, out, { m: out.length / n, n, k });
  } else {
    const [atA, atB] = [offsets(left, m * k), offsets(right, k * n)];
    for (let at = 0; at < atA.length; at++)
      multiply(a.data, b.data, out, { m, n, k, atA: atA[at]!, atB: atB[at]!, atC: at * m * n });
  }
  const dims = [...batch, ...(a.dims.length === 1 ? [] : [m]), ...(b.dims.length === 1 ? [] : [n])];
  return settled(a.dtype, dims, out);
}

function gemm(op: OpContext, a: NdArray, b: NdArray, c?: NdArray): NdArray {
  const x = op.int('transA', 0) === 1 ? transposed(a, [1, 0]) : a;
  const y = op.int('transB', 0) === 1 ? transposed(b, [1, 0]) : b;
  const scaled = (one: NdArray, factor: number): NdArray =>
    factor === 1
      ? one
      : binary(
          one,
          fill(one.dtype, [], familyOf(one.dtype) === 'bigint' ? BigInt(Math.trunc(factor)) : factor),
          {
            float: (p, q) => p * q,
            int: Math.imul,
            bigint: (p, q) => p * q,
          },
        );
  const result = scaled(matMul(x, y), op.float('alpha', 1));
  if (c === undefined) return result;
  return binary(result, scaled(c, op.float('beta', 1)), {
    float: (p, q) => p + q,
    int: (p, q) => p + q,
    bigint: (p, q) => p + q,
  });
}

/** By elimination with the greatest pivot. */
function determinant(x: ArrayLike<number>, at: number, n: number): number {
  const rows = Array.from({ length: n }, (_, row) =>
    Float64Array.from({ length: n }, (_, column) => x[at + row * n + column]!),
  );
  let result = 1;
  for (let step = 0; step < n; step++) {
    let pivot = step;
    for (let row = step + 1; row < n; row++)
      if (Math.abs(rows[row]![step]!) > Math.abs(rows[pivot]![step]!)) pivot = row;
    if (rows[pivot]![step] === 0) return 0;
    if (pivot !== step) {
      [rows[pivot], rows[step]] = [rows[step]!, rows[pivot]!];
      result = -result;
    }
    const top = rows[step]!;
    result *= top[step]!;
    for (let row = step + 1; row < n; row++) {
      const factor = rows[row]![step]! / top[step]!;
      for (let column = step; column < n; column++) rows[row]![column]! -= factor * top[column]!;
    }
  }
  return result;
}

function det(_: OpContext, x: NdArray): NdArray {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  const n = x.dims.at(-1)!;
  const dims = x.dims.slice(0, -2);
  const out = allocate(x.dtype, sizeOf(dims));
  for (let at = 0; at < out.length; at++) out[at] = determinant(x.data as Float32Array, at * n * n, n);
  return settled(x.dtype, dims, out);
}

export const matrices = kernels('', {
  MatMul: (_: OpContext, a: NdArray, b: NdArray) => matMul(a, b),
  Gemm: gemm,
  Det: det,
});
