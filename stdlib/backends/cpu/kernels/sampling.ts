// Reading images at places between their elements: GridSample and AffineGrid.

import { Invalid, kernels, type OpContext } from '../kernel.ts';
import { floatsOf, rounded } from '../loops/floats.ts';
import { numbersOf, product, stridesOf } from '../loops/shape.ts';
import { roundEven } from '../loops/special.ts';
import { eachIndex } from '../loops/windows.ts';
import type { Floats, NdArray } from '../value.ts';

interface Sampling {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly padding: string;
  readonly alignCorners: boolean;
  /** To the element type in which places are computed. */
  readonly single: (value: number) => number;
}
/** Elements along an axis that count for a place, and their weights; outside ones are left out. */
interface Taps {
  readonly from: number[];
  readonly weights: number[];
}

/** From [-1, 1], rounded as the grid is, as that decides which element is the nearest. */
function placeOf(normal: number, size: number, { alignCorners, single }: Sampling): number {
  const shifted = single(normal + 1);
  if (alignCorners) return single(single(shifted / 2) * (size - 1));
  return single(single(single(shifted * size) - 1) / 2);
}

/** Mirrors a place at the borders until it is inside. */
function reflected(x: number, low: number, high: number): number {
  if (x >= low && x <= high) return x;
  const span = high - low;
  if (span === 0) return low;
  const beyond = x < low ? low - x : x - high;
  const times = Math.trunc(beyond / span);
  const rest = beyond - times * span;
  return x < low === (times % 2 === 0) ? low + rest : high - rest;
}

function bordersOf(size: number, alignCorners: boolean): readonly [number, number] {
  return alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
}

const CUBIC = -0.75;
function cubicWeights(x: number): number[] {
  const far = (size: number): number => ((CUBIC * size - 5 * CUBIC) * size + 8 * CUBIC) * size - 4 * CUBIC;
  const near = (size: number): number => ((CUBIC + 2) * size - (CUBIC + 3)) * size * size + 1;
  return [far(x + 1), near(x), near(1 - x), far(2 - x)];
}

function tapsOf(normal: number, size: number, sampling: Sampling): Taps {
  const { mode, padding, alignCorners } = sampling;
  const [low, high] = bordersOf(size, alignCorners);
  let x = placeOf(normal, size, sampling);
  if (mode === 'nearest') x = roundEven(x);
  if (x < low || x > high) {
    if (padding === 'border') x = Math.min(size - 1, Math.max(0, x));
    else if (padding === 'reflection') x = reflected(x, low, high);
  }
  const first = Math.floor(x);
  const all =
    mode === 'nearest'
      ? { from: [Math.trunc(x)], weights: [1] }
      : mode === 'linear'
        ? { from: [first, first + 1], weights: [1 - (x - first), x - first] }
        : { from: [first - 1, first, first + 1, first + 2], weights: cubicWeights(x - first) };
  const taps: Taps = { from: [], weights: [] };
  all.from.forEach((one, at) => {
    const position =
      padding === 'border'
        ? Math.min(size - 1, Math.max(0, one))
        : padding === 'reflection'
          ? Math.trunc(reflected(one, low, high))
          : one;
    if (!(position >= 0 && position < size)) return;
    taps.from.push(position);
    taps.weights.push(all.weights[at]!);
  });
  return taps;
}

/** All combinations of the taps of the axes: offsets and products of weights. */
function combined(taps: readonly Taps[], strides: readonly number[]): Taps {
  let all: Taps = { from: [0], weights: [1] };
  taps.forEach((axis, which) => {
    const next: Taps = { from: [], weights: [] };
    all.from.forEach((from, at) => {
      axis.from.forEach((position, tap) => {
        next.from.push(from + position * strides[which]!);
        next.weights.push(all.weights[at]! * axis.weights[tap]!);
      });
    });
    all = next;
  });
  return all;
}

const modes: Readonly<Record<string, Sampling['mode']>> = {
  nearest: 'nearest',
  linear: 'linear',
  bilinear: 'linear',
  cubic: 'cubic',
  bicubic: 'cubic',
};

function gridSample(op: OpContext, x: NdArray, grid: NdArray): NdArray {
  const [data, places] = [floatsOf(x), floatsOf(grid)];
  const given = op.string('mode', 'linear');
  const mode = modes[given];
  if (mode === undefined) throw new Invalid(`no mode is called ${given}`);
  const sampling: Sampling = {
    mode,
    padding: op.string('padding_mode', 'zeros'),
    alignCorners: op.int('align_corners', 0) === 1,
    single: grid.dtype === 'float64' ? (value) => value : Math.fround,
  };
  const [batch, channels, ...sizes] = x.dims as [number, number, ...number[]];
  const rank = sizes.length;
  if (grid.dims.at(-1) !== rank || grid.dims[0] !== batch)
    throw new Invalid(`a grid [${grid.dims.join(', ')}] for an image [${x.dims.join(', ')}]`);
  const [inside, outside] = [product(sizes), product(grid.dims, 1, grid.dims.length - 1)];
  const strides = stridesOf(sizes);
  const out = new Float64Array(batch * channels * outside);
  for (let at = 0; at < batch * outside; at++) {
    const entry = Math.floor(at / outside);
    // Coordinates are in reverse: x, y, z.
    const taps = sizes.map((size, axis) => tapsOf(places[at * rank + rank - 1 - axis]!, size, sampling));
    const { from, weights } = combined(taps, strides);
    for (let channel = 0; channel < channels; channel++) {
      const base = (entry * channels + channel) * inside;
      let sum = 0;
      for (let tap = 0; tap < from.length; tap++) sum += weights[tap]! * data[base + from[tap]!]!;
      out[(entry * channels + channel) * outside + (at % outside)] = sum;
    }
  }
  return rounded(x.dtype, [batch, channels, ...grid.dims.slice(1, -1)], out);
}

/** Normal coordinates of each element of an image, transformed. */
function affineGrid(op: OpContext, theta: NdArray, size: NdArray): NdArray {
  const factors: Floats = floatsOf(theta);
  const [batch, , ...sizes] = numbersOf(size) as [number, number, ...number[]];
  const rank = sizes.length;
  const alignCorners = op.int('align_corners', 0) === 1;
  if (theta.dims[1] !== rank || theta.dims[2] !== rank + 1)
    throw new Invalid(`transformations [${theta.dims.join(', ')}] of images of rank ${rank}`);
  const normal = (at: number, length: number): number =>
    alignCorners ? (at === 0 ? -1 : -1 + (2 * at) / (length - 1)) : -1 + (2 * at + 1) / length;
  const count = product(sizes);
  const out = new Float64Array(batch * count * rank);
  eachIndex(sizes, (index, at) => {
    const place = sizes.map((length, axis) => normal(index[axis]!, length)).reverse();
    for (let entry = 0; entry < batch; entry++) {
      for (let row = 0; row < rank; row++) {
        const first = (entry * rank + row) * (rank + 1);
        let sum = factors[first + rank]!;
        for (let n = 0; n < rank; n++) sum += factors[first + n]! * place[n]!;
        out[(entry * count + at) * rank + row] = sum;
      }
    }
  });
  return rounded(theta.dtype, [batch, ...sizes, rank], out);
}

export const sampling = kernels('', { GridSample: gridSample, AffineGrid: affineGrid });
