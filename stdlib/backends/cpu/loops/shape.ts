// Arithmetic on shapes.

import { Invalid } from '../kernel.ts';
import type { NdArray } from '../value.ts';

/** Elements between neighbours along each axis, row-major. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides: number[] = new Array(dims.length);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= dims[axis]!;
  }
  return strides;
}

/** An axis counted from the front. Throws {@link Invalid} outside [-rank, rank). */
export function axisOf(axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (!(found >= 0 && found < rank)) throw new Invalid(`axis ${axis} of a tensor of rank ${rank}`);
  return found;
}
export const axesOf = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => axisOf(axis, rank));

/** Product of dims[from] … dims[to - 1]. */
export function product(dims: readonly number[], from = 0, to: number = dims.length): number {
  let count = 1;
  for (let axis = from; axis < to; axis++) count *= dims[axis]!;
  return count;
}

/** The shape that all of these broadcast to. Throws {@link Invalid} if there is none. */
export function broadcastDims(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((dims) => dims.length));
  const result: number[] = new Array(rank).fill(1);
  for (const dims of shapes) {
    dims.forEach((dim, axis) => {
      const at = axis + rank - dims.length;
      if (dim === result[at] || dim === 1) return;
      if (result[at] !== 1)
        throw new Invalid(
          `shapes ${shapes.map((one) => `[${one.join(', ')}]`).join(' and ')} do not broadcast`,
        );
      result[at] = dim;
    });
  }
  return result;
}

/** Strides by which a tensor of `dims` is read as one of `target`: 0 where it repeats. */
export function broadcastStrides(dims: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(dims);
  const lead = target.length - dims.length;
  return target.map((_, axis) => (axis < lead || dims[axis - lead] === 1 ? 0 : own[axis - lead]!));
}

/** Integers of a small tensor, such as axes or a shape. */
export const numbersOf = (x: NdArray): number[] => Array.from(x.data as ArrayLike<unknown>, Number);

export const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);
