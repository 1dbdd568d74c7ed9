// Work along axes: the axes are moved last, so that each piece of work is a row of neighbours.

import type { Data, NdArray } from '../value.ts';
import { product, stridesOf } from './shape.ts';
import { gatherStrided } from './strided.ts';

export interface Rows {
  readonly data: Data;
  readonly count: number;
  readonly length: number;
  /** Axes that were kept, in their order, then those that are in the rows. */
  readonly order: readonly number[];
}

/** Rows over `axes`; no copy if they are the last ones already. */
export function rowsOf(x: NdArray, axes: readonly number[]): Rows {
  const kept = x.dims.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const inside = x.dims.map((_, axis) => axis).filter((axis) => axes.includes(axis));
  const order = [...kept, ...inside];
  const strides = stridesOf(x.dims);
  const moved = order.every((axis, at) => axis === at)
    ? x
    : gatherStrided(
        x,
        order.map((axis) => x.dims[axis]!),
        order.map((axis) => strides[axis]!),
      );
  const length = product(inside.map((axis) => x.dims[axis]!));
  return { data: moved.data, count: product(kept.map((axis) => x.dims[axis]!)), length, order };
}

/** Puts rows over one axis back in their place. */
export function fromRows(x: NdArray, order: readonly number[], dims: readonly number[]): NdArray {
  if (order.every((axis, at) => axis === at)) return x;
  const rowDims = order.map((axis) => dims[axis]!);
  const strides = stridesOf(rowDims);
  return gatherStrided(
    { ...x, dims: rowDims },
    dims,
    dims.map((_, axis) => strides[order.indexOf(axis)]!),
  );
}
