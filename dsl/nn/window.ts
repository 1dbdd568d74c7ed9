// What convolutions and pools share: options per dimension, and the sizes that come out.

import { dimsIn, dtypeIn } from '../core-op.ts';
import type { Tensor } from '../types.ts';
import { factOf } from '../value.ts';
import { problem, type Some, size } from './layer.ts';

/** One number for all dimensions, or one for each. */
export type PerDimension = number | readonly number[];

/** A number for each dimension. */
export function each(
  layer: string,
  what: string,
  given: PerDimension,
  rank: number,
  least = 1,
): readonly number[] {
  const list = typeof given === 'number' ? new Array<number>(rank).fill(given) : given;
  if (!Array.isArray(list)) throw problem(layer, `${what} is neither a size nor a list of sizes`);
  if (list.length !== rank) throw problem(layer, `${what} has ${list.length} sizes for ${rank} dimensions`);
  for (const one of list) size(layer, what, one, least);
  return list;
}

/** How often a window fits. */
export const slid = (
  dim: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): number => Math.floor((dim + padding - dilation * (kernel - 1) - 1) / stride) + 1;

/** How far as many windows reach. */
export const unslid = (
  dim: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): number => (dim - 1) * stride + dilation * (kernel - 1) + 1 - padding;

/**
 * `y` with the sizes that it has where those of `x` are known while recording, so that what is wrong with them behind it is
 * told at the author's line. `channels`: undefined where they stay.
 */
export function sized(
  x: Some,
  y: Some,
  channels: number | undefined,
  sizeOf: (dim: number, at: number) => number,
): Some {
  const { type } = factOf(x, 'layer');
  const [dims, dtype] = [dimsIn(type), dtypeIn(type)];
  if (dims === undefined || dtype === undefined) return y;
  const spatial = dims
    .slice(2)
    .map((dim, at) => (typeof dim === 'number' && sizeOf(dim, at) > 0 ? sizeOf(dim, at) : null));
  return y.as(dtype, [dims[0]!, channels ?? dims[1]!, ...spatial]) as Tensor as Some;
}
