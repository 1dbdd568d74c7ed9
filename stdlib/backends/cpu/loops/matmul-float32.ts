// Products of float32 matrices: C (m × n) += A (m × k) · B (k × n), in tiles of 2 × 2.
//
//   A: a block of rows, k after k            B: a block of columns, k after k        C: 2 × 2 sums
//   rows 0, 2, 4 … in `evenRows`,            the same in `evenColumns` and           in registers while k is walked,
//   rows 1, 3, 5 … in `oddRows`              `oddColumns`                            two steps at a time
//
// Measured on V8, in billions of products a second: rows of B added up 1.0; tiles of 4 × 4 from arrays that a
// function is given 1.9; these 3.8. What makes the difference:
// - Blocks are float64, which JavaScript computes in: the loop converts nothing, sums are rounded once a block.
// - Blocks are constants of this module: their addresses and lengths are in the machine code. A bound is one
//   comparison, and one bound serves both of a pair of arrays, as they are read at the same index.
// - Masks tell the compiler how large an index can be: sums of such indices need no test for overflow.
// - Larger tiles need more registers than there are: sums then go through memory in each step.

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

/** Of k, in a block. */
const DEPTH = 256;
/** Of n, in a block: those of a cache line of B. */
const COLUMNS = 16;
/** Of each half of a block of A: both fit the second-level cache. */
const ROW_ELEMENTS = 2 ** 14;
const COLUMN_ELEMENTS = (DEPTH * COLUMNS) / 2;

const evenRows = new Float64Array(ROW_ELEMENTS);
const oddRows = new Float64Array(ROW_ELEMENTS);
const evenColumns = new Float64Array(COLUMN_ELEMENTS);
const oddColumns = new Float64Array(COLUMN_ELEMENTS);

export function multiplyFloat32(a: Float32Array, b: Float32Array, c: Float32Array, size: Product): void {
  const { m, n, k, atA = 0, atB = 0, atC = 0, rowB = n, rowC = n } = size;
  if (m === 1) {
    oneRow(a, atA, b, atB, c, atC, n, k, rowB);
    return;
  }
  if (n === 1) {
    oneColumn(a, b, c, size);
    return;
  }
  for (let first = 0; first < k; first += DEPTH) {
    const depth = Math.min(DEPTH, k - first);
    const rows = 2 * Math.floor(ROW_ELEMENTS / even(depth));
    for (let row = 0; row < m; row += rows) {
      const height = Math.min(rows, m - row);
      packRows(a, atA + row * k + first, k, height, depth);
      for (let column = 0; column < n; column += COLUMNS) {
        const width = Math.min(COLUMNS, n - column);
        packColumns(b, atB + first * rowB + column, rowB, depth, width);
        const at = atC + row * rowC + column;
        for (let pair = 0; pair < width; pair += 2)
          multiplyPair(pair >> 1, even(depth), height, c, at + pair, rowC, pair + 1 < width);
      }
    }
  }
}

const even = (count: number): number => count + (count & 1);

/** What is odd is filled up with zeros. */
function packRows(a: Float32Array, at: number, rowA: number, height: number, depth: number): void {
  const step = even(depth);
  for (let row = 0; row < even(height); row++) {
    const to = (row >> 1) * step;
    const target = (row & 1) === 0 ? evenRows : oddRows;
    if (row < height) for (let n = 0, from = at + row * rowA; n < depth; n++) target[to + n] = a[from + n]!;
    else target.fill(0, to, to + depth);
    if (step > depth) target[to + depth] = 0;
  }
}

function packColumns(b: Float32Array, at: number, rowB: number, depth: number, width: number): void {
  const step = even(depth);
  for (let n = 0; n < depth; n++) {
    const from = at + n * rowB;
    let to = n;
    for (let column = 0; column + 1 < width; column += 2, to += step) {
      evenColumns[to] = b[from + column]!;
      oddColumns[to] = b[from + column + 1]!;
    }
    if (width & 1) {
      evenColumns[to] = b[from + width - 1]!;
      oddColumns[to] = 0;
    }
  }
  if (step > depth) {
    for (let to = depth; to < even(width) * (step >> 1); to += step) {
      evenColumns[to] = 0;
      oddColumns[to] = 0;
    }
  }
}

/** Two columns of C, or only the first of them. */
function multiplyPair(
  pair: number,
  depth: number,
  height: number,
  c: Float32Array,
  atC: number,
  rowC: number,
  both: boolean,
): void {
  for (let row = 0; row < height; row += 2)
    tile((row >> 1) * depth, pair * depth, depth, c, atC + row * rowC, rowC, both, row + 1 < height);
}

/** The only loop in its function: V8 sees the constants of the module as such in no inner one. */
function tile(
  atRows: number,
  atColumns: number,
  depth: number,
  c: Float32Array,
  at: number,
  rowC: number,
  right: boolean,
  lower: boolean,
): void {
  const p = atRows & (ROW_ELEMENTS - 1);
  const q = atColumns & (COLUMN_ELEMENTS - 1);
  const k = depth & (2 * DEPTH - 1);
  let c00 = 0;
  let c01 = 0;
  let c10 = 0;
  let c11 = 0;
  for (let n = 0; n < k; n += 2) {
    const a0 = evenRows[p + n]!;
    const a1 = oddRows[p + n]!;
    const b0 = evenColumns[q + n]!;
    const b1 = oddColumns[q + n]!;
    const a2 = evenRows[p + n + 1]!;
    const a3 = oddRows[p + n + 1]!;
    const b2 = evenColumns[q + n + 1]!;
    const b3 = oddColumns[q + n + 1]!;
    c00 += a0 * b0 + a2 * b2;
    c01 += a0 * b1 + a2 * b3;
    c10 += a1 * b0 + a3 * b2;
    c11 += a1 * b1 + a3 * b3;
  }
  c[at]! += c00;
  if (right) c[at + 1]! += c01;
  if (!lower) return;
  c[at + rowC]! += c10;
  if (right) c[at + rowC + 1]! += c11;
}

/** Rows of B are added up, in float64. */
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

/** Each row of A with the one column. */
function oneColumn(a: Float32Array, b: Float32Array, c: Float32Array, size: Product): void {
  const { m, k, atA = 0, atB = 0, atC = 0, rowB = 1, rowC = 1 } = size;
  for (let row = 0; row < m; row++) {
    const from = atA + row * k;
    let even = 0;
    let odd = 0;
    let n = 0;
    for (; n + 1 < k; n += 2) {
      even += a[from + n]! * b[atB + n * rowB]!;
      odd += a[from + n + 1]! * b[atB + (n + 1) * rowB]!;
    }
    if (n < k) even += a[from + n]! * b[atB + n * rowB]!;
    c[atC + row * rowC]! += even + odd;
  }
}
