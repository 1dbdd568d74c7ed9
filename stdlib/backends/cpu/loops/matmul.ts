// Matrix products, row-major: C (m × n) += A (m × k) · B (k × n).
//
// Float32 matrices are multiplied in tiles of 4 × 4, whose sums stay in registers while k is walked:
//
//   A in panels of 4 rows, k after k     B in one strip of 4 columns, k after k     C: 4 × 4 sums
//
// Both are packed as float64, because JavaScript computes in it: the loop then converts nothing, and products are
// summed in float64 and rounded once. Twice as fast as walking rows of B in float32.

import type { Complex, Data } from '../value.ts';

/** Where the matrices are, in elements. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly atA?: number;
  readonly atB?: number;
  readonly atC?: number;
  /** Between rows of B and of C; default n. */
  readonly rowB?: number;
  readonly rowC?: number;
}

const TILE = 4;

/** Memory of the packed strip; kept, because every convolution needs it again and again. */
let strip = new Float64Array(0);

/** A's rows in panels of four, missing rows zero. */
export function packRows(a: Float32Array, at: number, m: number, k: number): Float64Array {
  const packed = new Float64Array(Math.ceil(m / TILE) * TILE * k);
  for (let row = 0; row < m; row++) {
    const from = at + row * k;
    const to = (row - (row % TILE)) * k + (row % TILE);
    for (let n = 0; n < k; n++) packed[to + n * TILE] = a[from + n]!;
  }
  return packed;
}

export function multiplyFloat32(a: Float32Array, b: Float32Array, c: Float32Array, size: Product): void {
  const { m, n, k, atA = 0, atB = 0, atC = 0, rowB = n, rowC = n } = size;
  if (m < TILE) {
    for (let row = 0; row < m; row++) oneRow(a, atA + row * k, b, atB, c, atC + row * rowC, n, k, rowB);
  } else multiplyPacked(packRows(a, atA, m, k), b, c, { m, n, k, atB, atC, rowB, rowC });
}

/** With A as `packRows` gives it. */
export function multiplyPacked(panels: Float64Array, b: Float32Array, c: Float32Array, size: Product): void {
  const { m, n, k, atB = 0, atC = 0, rowB = n, rowC = n } = size;
  if (strip.length < k * TILE) strip = new Float64Array(k * TILE);
  for (let column = 0; column < n; column += TILE) {
    const width = Math.min(TILE, n - column);
    packStrip(b, atB + column, rowB, k, width);
    for (let row = 0; row < m; row += TILE) {
      const height = Math.min(TILE, m - row);
      const at = atC + row * rowC + column;
      if (height === TILE && width === TILE) tile(panels, row * k, strip, k, c, at, rowC);
      else {
        edge.fill(0);
        tile(panels, row * k, strip, k, edge, 0, TILE);
        for (let i = 0; i < height; i++)
          for (let j = 0; j < width; j++) c[at + i * rowC + j]! += edge[i * TILE + j]!;
      }
    }
  }
}

const edge = new Float32Array(TILE * TILE);

function packStrip(b: Float32Array, at: number, rowB: number, k: number, width: number): void {
  if (width === TILE) {
    for (let n = 0, from = at, to = 0; n < k; n++, from += rowB, to += TILE) {
      strip[to] = b[from]!;
      strip[to + 1] = b[from + 1]!;
      strip[to + 2] = b[from + 2]!;
      strip[to + 3] = b[from + 3]!;
    }
    return;
  }
  for (let n = 0; n < k; n++)
    for (let j = 0; j < TILE; j++) strip[n * TILE + j] = j < width ? b[at + n * rowB + j]! : 0;
}

function tile(
  a: Float64Array,
  atA: number,
  b: Float64Array,
  k: number,
  c: Float32Array,
  atC: number,
  rowC: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let n = 0, p = atA, q = 0; n < k; n++, p += 4, q += 4) {
    const b0 = b[q]!;
    const b1 = b[q + 1]!;
    const b2 = b[q + 2]!;
    const b3 = b[q + 3]!;
    const a0 = a[p]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[p + 1]!;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[p + 2]!;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[p + 3]!;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
  }
  const [r1, r2, r3] = [atC + rowC, atC + 2 * rowC, atC + 3 * rowC];
  c[atC]! += c00;
  c[atC + 1]! += c01;
  c[atC + 2]! += c02;
  c[atC + 3]! += c03;
  c[r1]! += c10;
  c[r1 + 1]! += c11;
  c[r1 + 2]! += c12;
  c[r1 + 3]! += c13;
  c[r2]! += c20;
  c[r2 + 1]! += c21;
  c[r2 + 2]! += c22;
  c[r2 + 3]! += c23;
  c[r3]! += c30;
  c[r3 + 1]! += c31;
  c[r3 + 2]! += c32;
  c[r3 + 3]! += c33;
}

/** Too few rows for tiles: rows of B are added up, in float64. */
function oneRow(
  a: Float32Array,
  atA: number,
  b: Float32Array,
  atB: number,
  c: Float32Array,
  atC: number,
  n: number,
  k: number,
  rowB: number,
): void {
  const sums = new Float64Array(n);
  for (let at = 0; at < k; at++) {
    const p = a[atA + at]!;
    const row = atB + at * rowB;
    for (let j = 0; j < n; j++) sums[j] = sums[j]! + p * b[row + j]!;
  }
  for (let j = 0; j < n; j++) c[atC + j]! += sums[j]!;
}

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
