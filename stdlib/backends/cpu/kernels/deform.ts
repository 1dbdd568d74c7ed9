// Deformable convolution: every place of the window looks somewhere else, between elements.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { multiply } from '../loops/matmul.ts';
import { product, stridesOf } from '../loops/shape.ts';
import { eachIndex, type Geometry, geometryOf } from '../loops/windows.ts';
import { allocate, type Floats, familyOf, type NdArray, settled, sizeOf } from '../value.ts';
import { addBias } from './conv.ts';

/** The element at a position between elements, by linear interpolation; zero outside. */
function sample(
  x: Floats,
  base: number,
  dims: readonly number[],
  strides: readonly number[],
  at: readonly number[],
): number {
  let sum = 0;
  for (let corner = 0; corner < 2 ** dims.length; corner++) {
    let weight = 1;
    let offset = base;
    for (let axis = 0; axis < dims.length && weight !== 0; axis++) {
      const low = Math.floor(at[axis]!);
      const part = at[axis]! - low;
      const up = (corner >> axis) & 1;
      const place = low + up;
      weight *= place < 0 || place >= dims[axis]! ? 0 : up === 1 ? part : 1 - part;
      offset += place * strides[axis]!;
    }
    if (weight !== 0) sum += weight * x[offset]!;
  }
  return sum;
}

interface Shifts {
  readonly offset: NdArray;
  readonly mask: NdArray | undefined;
  readonly groups: number;
}

/** Rows (channel, place) × output positions of the shifted input. */
function shiftedColumns(x: NdArray, image: number, g: Geometry, { offset, mask, groups }: Shifts): Floats {
  const channels = x.dims[1]!;
  const rank = g.input.length;
  const [inside, outside, window] = [product(g.input), product(g.output), product(g.kernel)];
  const strides = stridesOf(g.input);
  const columns = allocate(x.dtype, channels * window * outside) as Floats;
  const [from, shifts] = [x.data as Floats, offset.data as Floats];
  const where = new Array<number>(rank);
  for (let group = 0; group < groups; group++) {
    eachIndex(g.kernel, (place, atPlace) => {
      const row = (image * groups + group) * window + atPlace;
      eachIndex(g.output, (position, at) => {
        for (let axis = 0; axis < rank; axis++) {
          const shift = shifts[(row * rank + axis) * outside + at]!;
          where[axis] =
            position[axis]! * g.strides[axis]! - g.begins[axis]! + place[axis]! * g.dilations[axis]! + shift;
        }
        const factor = mask === undefined ? 1 : (mask.data[row * outside + at] as number);
        const perGroup = channels / groups;
        for (let channel = group * perGroup; channel < (group + 1) * perGroup; channel++) {
          const base = (image * channels + channel) * inside;
          columns[(channel * window + atPlace) * outside + at] =
            factor * sample(from, base, g.input, strides, where);
        }
      });
    });
  }
  return columns;
}

function deformConv(
  op: OpContext,
  x: NdArray,
  w: NdArray,
  offset: NdArray,
  bias?: NdArray,
  mask?: NdArray,
): NdArray {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  const g = geometryOf(op, x.dims.slice(2), op.ints('kernel_shape', w.dims.slice(2)));
  const groups = op.int('group', 1);
  const shifts: Shifts = { offset, mask, groups: op.int('offset_group', 1) };
  const [batch, channels, filters] = [x.dims[0]!, x.dims[1]!, w.dims[0]!];
  if (channels !== w.dims[1]! * groups)
    throw new Invalid(`${channels} channels in ${groups} groups, filters [${w.dims}]`);
  const dims = [batch, filters, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims));
  const outside = product(g.output);
  const [m, k] = [filters / groups, w.dims[1]! * product(g.kernel)];
  for (let image = 0; image < batch; image++) {
    const columns = shiftedColumns(x, image, g, shifts);
    for (let group = 0; group < groups; group++) {
      const atC = (image * filters + group * m) * outside;
      multiply(w.data, columns, out, { m, n: outside, k, atA: group * m * k, atB: group * k * outside, atC });
    }
  }
  return addBias(settled(x.dtype, dims, out), bias);
}

export const deformable = kernels('', { DeformConv: deformConv });
