// Matrix products, row-major: C (m × n) += A (m × k) · B (k × n).

import type { Complex, Data } from '../value.ts';
import { multiplyFloat32, type Product } from './matmul-float32.ts';

type Matrix = Exclude<Data, string[] | Complex[]>;

/** The same for any numbers: summed in float64, or whole numbers that wrap. */
export function multiplyAny(a: Matrix, b: Matrix, c: Matrix, size: Product): void {
  const { m, n, k, atA = 0, atB = 0, atC = 0, rowB = n, rowC = n } = size;
  const wide = a instanceof BigInt64Array || a instanceof BigUint64Array;
  const exact = a instanceof Int32Array || a instanceof Uint32Array;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const at = atC + i * rowC + j;
      let sum: number | bigint = c[at]!;
      for (let p = 0; p < k; p++) {
        const x = a[atA + i * k + p]!;
        const y = b[atB + p * rowB + j]!;
        if (wide) sum = (sum as bigint) + (x as bigint) * (y as bigint);
        else if (exact) sum = ((sum as number) + Math.imul(x as number, y as number)) | 0;
        else sum = (sum as number) + (x as number) * (y as number);
      }
      c[at] = sum;
    }
  }
}

/** C += A · B for whatever the arrays hold. */
export function multiply(a: Data, b: Data, c: Data, size: Product): void {
  if (a instanceof Float32Array && b instanceof Float32Array && c instanceof Float32Array)
    multiplyFloat32(a, b, c, size);
  else multiplyAny(a as Float64Array, b as Float64Array, c as Float64Array, size);
}
