// Normalisation of everything from an axis on: LayerNormalization and RMSNormalization, in float64.

import { kernels, type OpContext } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import { axisOf, broadcastStrides, product } from '../loops/shape.ts';
import { gatherStrided } from '../loops/strided.ts';
import type { Floats, NdArray } from '../value.ts';

interface Normalized {
  readonly y: Float64Array;
  readonly means: Float64Array;
  readonly factors: Float64Array;
}

function normalize(x: Floats, length: number, epsilon: number, centered: boolean): Normalized {
  const rows = length === 0 ? 0 : x.length / length;
  const y = new Float64Array(x.length);
  const [means, factors] = [new Float64Array(rows), new Float64Array(rows)];
  for (let row = 0, at = 0; row < rows; row++, at += length) {
    let sum = 0;
    if (centered) for (let n = at; n < at + length; n++) sum += x[n]!;
    const mean = sum / length;
    let squares = 0;
    for (let n = at; n < at + length; n++) squares += (x[n]! - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / length + epsilon);
    for (let n = at; n < at + length; n++) y[n] = (x[n]! - mean) * factor;
    means[row] = mean;
    factors[row] = factor;
  }
  return { y, means, factors };
}

/** The elements of `x` as if it had the shape `dims`. */
const spread = (x: NdArray, dims: readonly number[]): Floats =>
  gatherStrided(x, dims, broadcastStrides(x.dims, dims)).data as Floats;

function layerNorm(centered: boolean) {
  return (op: OpContext, x: NdArray, scale: NdArray, bias?: NdArray): readonly NdArray[] => {
    const axis = axisOf(op.int('axis', -1), x.dims.length);
    const length = product(x.dims, axis);
    const { y, means, factors } = normalize(
      floatsOf(x),
      length,
      op.float('epsilon', Math.fround(1e-5)),
      centered,
    );
    const scales = spread(scale, x.dims);
    const shifts = bias && spread(bias, x.dims);
    for (let at = 0; at < y.length; at++) y[at] = y[at]! * scales[at]! + (shifts?.[at] ?? 0);
    const result = rounded(scale.dtype, x.dims, y);
    if (!centered) return [result];
    const reduced = x.dims.map((size, at) => (at < axis ? size : 1));
    const stash = op.dtype('stash_type') ?? 'float32';
    return [result, rounded(stash, reduced, means), rounded(stash, reduced, factors)];
  };
}

export const layerNorms = kernels('', {
  LayerNormalization: layerNorm(true),
  RMSNormalization: layerNorm(false),
});
