// Windows that slide over the spatial axes of [N, C, …]: geometry shared by convolution and pooling.

import { Invalid, type OpContext } from '../kernel.ts';
import { product } from './shape.ts';

export interface Geometry {
  /** Spatial sizes of the input, of the window, of the output. */
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly output: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before each axis; what is after it follows from the output. */
  readonly begins: readonly number[];
  /** Both sides, as attributes have them. */
  readonly pads: readonly number[];
}

/** Reads strides, dilations, pads and auto_pad. Throws {@link Invalid} where they do not fit. */
export function geometryOf(op: OpContext, input: readonly number[], kernel: readonly number[]): Geometry {
  const rank = input.length;
  if (kernel.length !== rank) throw new Invalid(`a window of rank ${kernel.length} over ${rank} axes`);
  const ones = new Array<number>(rank).fill(1);
  const strides = op.ints('strides', ones);
  const dilations = op.ints('dilations', ones);
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  const auto = op.string('auto_pad', 'NOTSET');
  const pads = auto.startsWith('SAME')
    ? samePads(input, reach, strides, auto === 'SAME_UPPER')
    : auto === 'VALID'
      ? new Array<number>(2 * rank).fill(0)
      : op.ints('pads', new Array<number>(2 * rank).fill(0));
  const ceil = op.int('ceil_mode', 0) === 1 && !auto.startsWith('SAME');
  const output = input.map((size, axis) => {
    const room = size + pads[axis]! + pads[axis + rank]! - reach[axis]!;
    const step = strides[axis]!;
    const steps = ceil ? Math.ceil(room / step) : Math.floor(room / step);
    // A window that would begin beyond the input and its front padding does not count.
    return ceil && steps * step >= size + pads[axis]! ? steps : steps + 1;
  });
  if (output.some((size) => !(size >= 0))) throw new Invalid(`a window [${kernel}] does not fit [${input}]`);
  return { input, kernel, output, strides, dilations, begins: pads.slice(0, rank), pads };
}

function samePads(
  input: readonly number[],
  reach: readonly number[],
  strides: readonly number[],
  upper: boolean,
): number[] {
  const totals = input.map((size, axis) =>
    Math.max(0, (Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + reach[axis]! - size),
  );
  const begins = totals.map((total) => (upper ? Math.floor(total / 2) : Math.ceil(total / 2)));
  return [...begins, ...totals.map((total, axis) => total - begins[axis]!)];
}

/** Calls `visit` with the index of each element of a box, in row-major order; the array is reused. */
export function eachIndex(
  dims: readonly number[],
  visit: (index: readonly number[], at: number) => void,
): void {
  const count = product(dims);
  const index = new Array<number>(dims.length).fill(0);
  for (let at = 0; at < count; at++) {
    visit(index, at);
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis]! === dims[axis]; axis--) index[axis] = 0;
  }
}

/** The positions [first, end) of the output whose input at this place of the window is inside. */
export function validRange(g: Geometry, axis: number, place: number): readonly [first: number, end: number] {
  const start = place * g.dilations[axis]! - g.begins[axis]!;
  const step = g.strides[axis]!;
  const first = Math.max(0, Math.ceil(-start / step));
  const end = Math.min(g.output[axis]!, Math.floor((g.input[axis]! - 1 - start) / step) + 1);
  return [first, Math.max(first, end)];
}
