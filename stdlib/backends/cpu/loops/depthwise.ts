// Depthwise convolution of one image of one channel: an image is a row of numbers with its padding, a window a
// list of offsets into it, and four outputs are summed at once.
//
// Arrays are constants of the module, and indices of known size, for the reasons that are in matmul-float32.ts.

import { product } from './shape.ts';
import type { Geometry } from './windows.ts';

const PLANE_ELEMENTS = 2 ** 16;
const WINDOW_ELEMENTS = 2 ** 8;

/** Input rows of a band of the image, with padding. */
const plane = new Float64Array(PLANE_ELEMENTS);
const offsets = new Uint16Array(WINDOW_ELEMENTS);
const weights = new Float64Array(WINDOW_ELEMENTS);

export interface Depthwise {
  readonly g: Geometry;
  /** Width of a row with padding. */
  readonly width: number;
  /** Of the output, at a time. */
  readonly bandRows: number;
}

/** Undefined if a window or a row is too large, or the image has not two axes. */
export function depthwiseOf(g: Geometry): Depthwise | undefined {
  if (g.input.length !== 2 || product(g.kernel) > WINDOW_ELEMENTS || product(g.output) === 0)
    return undefined;
  const [height, width] = g.kernel.map((size, axis) => (size - 1) * g.dilations[axis]! + 1) as [
    number,
    number,
  ];
  const padded = (g.output[1]! - 1) * g.strides[1]! + width;
  const bandRows = Math.floor((Math.floor(PLANE_ELEMENTS / padded) - height) / g.strides[0]!) + 1;
  return bandRows < 1 ? undefined : { g, width: padded, bandRows };
}

export function convolveDepthwise(
  { g, width, bandRows }: Depthwise,
  x: Float32Array,
  atX: number,
  w: Float32Array,
  atW: number,
  bias: number,
  out: Float32Array,
  atOut: number,
): void {
  const [kernelHeight, kernelWidth] = g.kernel as [number, number];
  let count = 0;
  for (let row = 0; row < kernelHeight; row++) {
    for (let column = 0; column < kernelWidth; column++, count++) {
      offsets[count] = row * g.dilations[0]! * width + column * g.dilations[1]!;
      weights[count] = w[atW + count]!;
    }
  }
  const [rows, columns] = g.output as [number, number];
  for (let first = 0; first < rows; first += bandRows) {
    const band = Math.min(bandRows, rows - first);
    loadBand(
      g,
      width,
      x,
      atX,
      first * g.strides[0]! - g.begins[0]!,
      (band - 1) * g.strides[0]! + offsetRows(g),
    );
    for (let row = 0; row < band; row++)
      convolveRow(
        count,
        row * g.strides[0]! * width,
        g.strides[1]!,
        bias,
        out,
        atOut + (first + row) * columns,
        columns,
      );
  }
}

const offsetRows = (g: Geometry): number => (g.kernel[0]! - 1) * g.dilations[0]! + 1;

function loadBand(
  g: Geometry,
  width: number,
  x: Float32Array,
  atX: number,
  top: number,
  count: number,
): void {
  const [height, inside] = g.input as [number, number];
  const before = g.begins[1]!;
  plane.fill(0, 0, count * width);
  const [start, end] = [Math.max(0, -before), Math.min(inside, width - before)];
  for (let row = Math.max(0, -top); row < count && top + row < height; row++) {
    const from = atX + (top + row) * inside;
    const to = row * width + before;
    for (let column = start; column < end; column++) plane[to + column] = x[from + column]!;
  }
}

function convolveRow(
  count: number,
  start: number,
  step: number,
  bias: number,
  out: Float32Array,
  at: number,
  columns: number,
): void {
  // Read before the loops: V8 sees the constants of the module as such in no inner one.
  const image = plane;
  const places = offsets;
  const factors = weights;
  const mask = PLANE_ELEMENTS - 1;
  const size = count & (2 * WINDOW_ELEMENTS - 1);
  const last = columns - 1;
  for (let column = 0; column < columns; column += 4) {
    // Beyond the end the last one is computed again.
    const column1 = Math.min(column + 1, last);
    const column2 = Math.min(column + 2, last);
    const column3 = Math.min(column + 3, last);
    const from0 = (start + column * step) & mask;
    const from1 = (start + column1 * step) & mask;
    const from2 = (start + column2 * step) & mask;
    const from3 = (start + column3 * step) & mask;
    let sum0 = +bias;
    let sum1 = +bias;
    let sum2 = +bias;
    let sum3 = +bias;
    for (let n = 0; n < size; n++) {
      const weight = factors[n]!;
      const offset = places[n]!;
      sum0 += weight * image[from0 + offset]!;
      sum1 += weight * image[from1 + offset]!;
      sum2 += weight * image[from2 + offset]!;
      sum3 += weight * image[from3 + offset]!;
    }
    out[at + column] = sum0;
    out[at + column1] = sum1;
    out[at + column2] = sum2;
    out[at + column3] = sum3;
  }
}
