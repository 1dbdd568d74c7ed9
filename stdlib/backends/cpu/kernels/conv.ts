// Convolutions. Conv gathers the windows of some output rows as the columns of a matrix (im2col), as many as fit
// the second-level cache, and multiplies; windows of one element need no gathering, and groups of one channel
// (depthwise) no matrix.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { convolveDepthwise, depthwiseOf } from '../loops/depthwise.ts';
import { unary } from '../loops/elementwise.ts';
import { multiply } from '../loops/matmul.ts';
import { multiplyFloat32 } from '../loops/matmul-float32.ts';
import { product, stridesOf } from '../loops/shape.ts';
import { sigmoid } from '../loops/special.ts';
import { eachIndex, type Geometry, geometryOf, validRange } from '../loops/windows.ts';
import {
  allocate,
  type Data,
  type Floats,
  familyOf,
  type NdArray,
  ndarray,
  settled,
  sizeOf,
} from '../value.ts';
import { concatenated, sliced } from './movement.ts';

/** Elements of the matrix of windows: half a megabyte as float32. */
const COLUMNS_ELEMENTS = 2 ** 17;

/** A convolution of two-dimensional images at least; one-dimensional ones get an axis of size 1. */
export function convolve(x: NdArray, w: NdArray, g: Geometry, groups: number, bias?: NdArray): NdArray {
  const [batch, channels] = [x.dims[0]!, x.dims[1]!];
  const filters = w.dims[0]!;
  if (channels !== w.dims[1]! * groups || filters % groups !== 0)
    throw new Invalid(`${channels} channels in ${groups} groups, filters [${w.dims.join(', ')}]`);
  const dims = [batch, filters, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims));
  const flat = g.input.length === 1 ? raised(g) : g;
  const float32 =
    x.data instanceof Float32Array && w.data instanceof Float32Array && out instanceof Float32Array;
  const depthwise = channels === groups ? depthwiseOf(flat) : undefined;
  if (!float32 || (channels === groups && depthwise === undefined))
    return addBias(settled(x.dtype, dims, convolveAny(x, w, flat, groups, out)), bias);
  const [source, factors, add] = [
    x.data as Float32Array,
    w.data as Float32Array,
    bias?.data as Floats | undefined,
  ];
  const [inside, outside] = [product(g.input), product(g.output)];
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  const depth = perGroup * product(g.kernel);
  for (let image = 0; image < batch; image++) {
    for (let filter = 0; filter < filters; filter++) {
      const atOut = (image * filters + filter) * outside;
      const one = add?.[filter] ?? 0;
      if (depthwise !== undefined) {
        const atX = (image * channels + Math.floor(filter / filtersPerGroup)) * inside;
        convolveDepthwise(depthwise, source, atX, factors, filter * depth, one, out, atOut);
      } else if (add !== undefined) out.fill(one, atOut, atOut + outside);
    }
    for (let group = 0; depthwise === undefined && group < groups; group++) {
      const atX = (image * channels + group * perGroup) * inside;
      const atOut = (image * filters + group * filtersPerGroup) * outside;
      const atW = group * filtersPerGroup * depth;
      byColumns(source, atX, factors, atW, out, atOut, flat, perGroup, filtersPerGroup);
    }
  }
  return settled(x.dtype, dims, out);
}

const raised = (g: Geometry): Geometry => ({
  input: [1, ...g.input],
  kernel: [1, ...g.kernel],
  output: [1, ...g.output],
  strides: [1, ...g.strides],
  dilations: [1, ...g.dilations],
  begins: [0, ...g.begins],
  pads: [0, ...g.begins, 0, ...g.pads.slice(g.begins.length)],
});

const isPointwise = (g: Geometry): boolean =>
  g.kernel.every((size) => size === 1) &&
  g.strides.every((step) => step === 1) &&
  g.pads.every((pad) => pad === 0);

function byColumns(
  x: Float32Array,
  atX: number,
  w: Float32Array,
  atA: number,
  out: Float32Array,
  atOut: number,
  g: Geometry,
  channels: number,
  filters: number,
): void {
  const outside = product(g.output);
  const depth = channels * product(g.kernel);
  if (isPointwise(g)) {
    multiplyFloat32(w, x, out, { m: filters, n: outside, k: depth, atA, atB: atX, atC: atOut });
    return;
  }
  const row = product(g.output, 1);
  const rows = Math.max(1, Math.min(g.output[0]!, Math.floor(COLUMNS_ELEMENTS / Math.max(1, depth * row))));
  const columns = new Float32Array(depth * rows * row);
  for (let first = 0; first < g.output[0]!; first += rows) {
    const count = Math.min(rows, g.output[0]! - first);
    columns.fill(0);
    gatherColumns(x, atX, columns, g, channels, first, count);
    multiplyFloat32(w, columns, out, {
      m: filters,
      n: count * row,
      k: depth,
      atA,
      atC: atOut + first * row,
      rowC: outside,
    });
  }
}

/** Row (channel, place in the window) of the matrix: the input under that place, for each position of the output. */
function gatherColumns(
  x: Float32Array,
  atX: number,
  columns: Float32Array,
  g: Geometry,
  channels: number,
  firstRow: number,
  rowCount: number,
): void {
  const inside = product(g.input);
  const width = rowCount * product(g.output, 1);
  const window = product(g.kernel);
  eachIndex(g.kernel, (place, at) => {
    eachRun(g, place, firstRow, rowCount, (from, step, to, count) => {
      for (let channel = 0; channel < channels; channel++) {
        const source = atX + channel * inside + from;
        const target = (channel * window + at) * width + to;
        if (step === 1 && count > 16) columns.set(x.subarray(source, source + count), target);
        else for (let n = 0; n < count; n++) columns[target + n] = x[source + n * step]!;
      }
    });
  });
}

/** The runs along the last axis in which a place of the window is over the input. */
function eachRun(
  g: Geometry,
  place: readonly number[],
  firstRow: number,
  rowCount: number,
  run: (from: number, step: number, to: number, count: number) => void,
): void {
  const last = g.input.length - 1;
  const ranges = place.map((one, axis) => validRange(g, axis, one));
  const [low, high] = ranges[last]!;
  if (high <= low) return;
  const [top, bottom] = ranges[0]!;
  const [begin, end] = [Math.max(firstRow, top), Math.min(firstRow + rowCount, bottom)];
  if (end <= begin) return;
  const inner = stridesOf(g.input);
  const outer = stridesOf(g.output);
  const source = (axis: number, at: number): number =>
    (at * g.strides[axis]! + place[axis]! * g.dilations[axis]! - g.begins[axis]!) * inner[axis]!;
  const walk = (axis: number, from: number, to: number): void => {
    if (axis === last) {
      run(from + source(last, low), g.strides[last]!, to + low, high - low);
      return;
    }
    const [start, stop] = axis === 0 ? [begin, end] : ranges[axis]!;
    for (let at = start; at < stop; at++)
      walk(axis + 1, from + source(axis, at), to + (axis === 0 ? at - firstRow : at) * outer[axis]!);
  };
  walk(0, 0, 0);
}

/** Any other numbers: place by place. */
function convolveAny(x: NdArray, w: NdArray, g: Geometry, groups: number, out: Data): Data {
  const family = familyOf(x.dtype);
  if (family !== 'float' && family !== 'int') throw new Unsupported(x.dtype);
  const [batch, channels, filters] = [x.dims[0]!, x.dims[1]!, w.dims[0]!];
  const [inside, outside, window] = [product(g.input), product(g.output), product(g.kernel)];
  const [from, factors, to] = [x.data as Floats, w.data as Floats, out as Floats];
  const perGroup = channels / groups;
  const sums = new Float64Array(outside);
  for (let image = 0; image < batch; image++) {
    for (let filter = 0; filter < filters; filter++) {
      sums.fill(0);
      const group = Math.floor(filter / (filters / groups));
      for (let channel = 0; channel < perGroup; channel++) {
        const source = (image * channels + group * perGroup + channel) * inside;
        eachIndex(g.kernel, (place, at) => {
          const factor = factors[(filter * perGroup + channel) * window + at]!;
          eachRun(g, place, 0, g.output[0]!, (start, step, target, count) => {
            for (let n = 0; n < count; n++) sums[target + n]! += factor * from[source + start + n * step]!;
          });
        });
      }
      to.set(sums, (image * filters + filter) * outside);
    }
  }
  return out;
}

/** Adds one number to each channel, in place: only for what was just made. */
export function addBias(x: NdArray, bias: NdArray | undefined): NdArray {
  if (bias === undefined) return x;
  const [data, add] = [x.data as Floats, bias.data as Floats];
  const channels = x.dims[1]!;
  const size = product(x.dims, 2);
  for (let at = 0, row = 0; at < data.length; row++) {
    const one = add[row % channels]!;
    for (const end = at + size; at < end; at++) data[at] = data[at]! + one;
    if (size === 0) break;
  }
  return settled(x.dtype, x.dims, data);
}

function conv(op: OpContext, x: NdArray, w: NdArray, bias?: NdArray): NdArray {
  const g = geometryOf(op, x.dims.slice(2), op.ints('kernel_shape', w.dims.slice(2)));
  return convolve(x, w, g, op.int('group', 1), bias);
}

/** The transpose of a convolution: each input element adds its filter to the output. */
function convTranspose(op: OpContext, x: NdArray, w: NdArray, bias?: NdArray): NdArray {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  const g = transposeGeometry(op, x.dims.slice(2), op.ints('kernel_shape', w.dims.slice(2)));
  const groups = op.int('group', 1);
  const [batch, channels] = [x.dims[0]!, x.dims[1]!];
  const [perGroup, filters] = [channels / groups, w.dims[1]!];
  const [small, large, window] = [product(g.output), product(g.input), product(g.kernel)];
  const dims = [batch, filters * groups, ...g.input];
  const sums = new Float64Array(sizeOf(dims));
  const flat = g.input.length === 1 ? raised(g) : g;
  // columns (filter · place × position) = Wᵀ · x, then each row is added where its place of the window lies.
  const turned = (group: number): Data => {
    const out = allocate(w.dtype, perGroup * filters * window) as Floats;
    const from = w.data as Floats;
    for (let channel = 0; channel < perGroup; channel++)
      for (let at = 0; at < filters * window; at++)
        out[at * perGroup + channel] = from[(group * perGroup + channel) * filters * window + at]!;
    return out;
  };
  for (let group = 0; group < groups; group++) {
    const factors = turned(group);
    for (let image = 0; image < batch; image++) {
      const columns = allocate(x.dtype, filters * window * small) as Floats;
      const atB = (image * channels + group * perGroup) * small;
      multiply(factors, x.data, columns, { m: filters * window, n: small, k: perGroup, atB });
      for (let filter = 0; filter < filters; filter++) {
        const target = (image * filters * groups + group * filters + filter) * large;
        scatterColumns(columns, filter * window * small, small, sums, target, flat);
      }
    }
  }
  const out = allocate(x.dtype, sums.length) as Floats;
  out.set(sums);
  return addBias(ndarray(x.dtype, dims, out), bias);
}

/** Adds each row of columns to the elements under its place of the window. */
export function scatterColumns(
  columns: ArrayLike<number>,
  atColumns: number,
  width: number,
  to: Float64Array,
  target: number,
  g: Geometry,
): void {
  eachIndex(g.kernel, (place, at) => {
    eachRun(g, place, 0, g.output[0]!, (start, step, from, count) => {
      const source = atColumns + at * width + from;
      for (let n = 0; n < count; n++) to[target + start + n * step]! += columns[source + n]!;
    });
  });
}

/** Geometry of the convolution that this is the transpose of: its output is our input. */
function transposeGeometry(op: OpContext, small: readonly number[], kernel: readonly number[]): Geometry {
  const rank = small.length;
  const ones = new Array<number>(rank).fill(1);
  const zeros = new Array<number>(rank).fill(0);
  const strides = op.ints('strides', ones);
  const dilations = op.ints('dilations', ones);
  const extra = op.ints('output_padding', zeros);
  const auto = op.string('auto_pad', 'NOTSET');
  const full = small.map(
    (size, axis) => strides[axis]! * (size - 1) + extra[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1,
  );
  let pads = op.ints('pads', [...zeros, ...zeros]);
  const asked = op.ints('output_shape')?.slice(-rank);
  if (asked !== undefined || auto.startsWith('SAME')) {
    const wanted = asked ?? small.map((size, axis) => size * strides[axis]!);
    const totals = full.map((size, axis) => Math.max(0, size - wanted[axis]!));
    const begins = totals.map((total) =>
      auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2),
    );
    pads = [...begins, ...totals.map((total, axis) => total - begins[axis]!)];
    const input = asked ?? full.map((size, axis) => size - totals[axis]!);
    return { input, kernel, output: small, strides, dilations, begins: pads.slice(0, rank), pads };
  }
  if (auto === 'VALID') pads = [...zeros, ...zeros];
  const input = full.map((size, axis) => size - pads[axis]! - pads[axis + rank]!);
  return { input, kernel, output: small, strides, dilations, begins: pads.slice(0, rank), pads };
}

/** Adds blocks, given as columns, to the image they were taken from. */
function col2Im(op: OpContext, x: NdArray, imageShape: NdArray, blockShape: NdArray): NdArray {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  const numbers = (one: NdArray): number[] => Array.from(one.data as BigInt64Array, Number);
  const g = geometryOf(op, numbers(imageShape), numbers(blockShape));
  const window = product(g.kernel);
  const [batch, channels] = [x.dims[0]!, x.dims[1]! / window];
  const [large, small] = [product(g.input), product(g.output)];
  const dims = [batch, channels, ...g.input];
  const sums = new Float64Array(sizeOf(dims));
  const flat = g.input.length === 1 ? raised(g) : g;
  for (let at = 0; at < batch * channels; at++)
    scatterColumns(x.data as Floats, at * window * small, small, sums, at * large, flat);
  const out = allocate(x.dtype, sums.length) as Floats;
  out.set(sums);
  return settled(x.dtype, dims, out);
}

/** A depthwise convolution over what came before and what comes now, and what the next call will need. */
function causalConv(
  op: OpContext,
  x: NdArray,
  w: NdArray,
  bias?: NdArray,
  past?: NdArray,
): readonly NdArray[] {
  const [batch, channels] = [x.dims[0]!, x.dims[1]!];
  const lead = w.dims[2]! - 1;
  const before =
    past ?? ndarray(x.dtype, [batch, channels, lead], allocate(x.dtype, batch * channels * lead));
  const whole = concatenated([before, x], 2);
  const length = whole.dims[2]!;
  const g: Geometry = {
    input: [length],
    kernel: [lead + 1],
    output: [x.dims[2]!],
    strides: [1],
    dilations: [1],
    begins: [0],
    pads: [0, 0],
  };
  const result = convolve(whole, w, g, channels, bias);
  const plain = op.string('activation', 'none') === 'none';
  return [
    plain ? result : unary(result, { float: (one) => one * sigmoid(one) }),
    sliced(whole, [{ axis: 2, start: length - lead, count: lead, step: 1 }]),
  ];
}

export const convolutions = kernels('', {
  Conv: conv,
  ConvTranspose: convTranspose,
  Col2Im: col2Im,
  CausalConvWithState: causalConv,
});
