// Pooling: a window over the spatial axes, reduced to one element.

import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { product, stridesOf } from '../loops/shape.ts';
import { eachIndex, type Geometry, geometryOf } from '../loops/windows.ts';
import { allocate, type Floats, familyOf, type NdArray, ndarray, settled, sizeOf } from '../value.ts';

/** For each axis and output position: the input positions under the window, from and to, in steps of the dilation. */
type Spans = readonly (readonly { readonly first: number; readonly end: number; readonly step: number }[])[];

function spansOf(g: Geometry): Spans {
  return g.output.map((count, axis) =>
    Array.from({ length: count }, (_, at) => {
      const step = g.dilations[axis]!;
      const start = at * g.strides[axis]! - g.begins[axis]!;
      const skipped = start < 0 ? Math.ceil(-start / step) : 0;
      const end = Math.min(g.input[axis]!, start + g.kernel[axis]! * step);
      return { first: start + skipped * step, end, step };
    }),
  );
}

/** Offsets that a table has, at most, if one window is not larger already. */
const TABLE_ELEMENTS = 2 ** 16;

/** What comes of the elements `base + offsets[from]` … `base + offsets[to - 1]` of the input, those under a window. */
type Reduce = (data: Floats, base: number, offsets: Int32Array, from: number, to: number) => number;

interface Windows {
  /** Of each channel, position after position. */
  readonly values: Float64Array;
  /** Elements under the window at each position. */
  readonly counts: Int32Array;
}

/** Every window of every channel. They lie alike in all channels: tables of offsets are made once. */
function reduceWindows(x: NdArray, g: Geometry, reduce: Reduce): Windows {
  const data = numbers(x);
  const spans = spansOf(g);
  const strides = stridesOf(g.input);
  const [inside, outside] = [product(g.input), product(g.output)];
  const maps = x.dims[0]! * x.dims[1]!;
  const values = new Float64Array(maps * outside);
  const counts = new Int32Array(outside);
  const window = Math.max(1, product(g.kernel));
  const room = Math.max(1, Math.floor(TABLE_ELEMENTS / window));
  const offsets = new Int32Array(Math.min(room, outside) * window);
  let [first, filled] = [0, 0];
  eachIndex(g.output, (index, at) => {
    const next = offsetsUnder(spans, strides, index, offsets, filled);
    counts[at] = next - filled;
    filled = next;
    if (at + 1 - first < room && at + 1 < outside) return;
    for (let map = 0; map < maps; map++)
      reduceSome(data, map * inside, offsets, counts, first, at + 1, reduce, values, map * outside);
    [first, filled] = [at + 1, 0];
  });
  return { values, counts };
}

/** The windows at positions `first` … `end - 1`, whose offsets are in the table. */
function reduceSome(
  data: Floats,
  base: number,
  offsets: Int32Array,
  counts: Int32Array,
  first: number,
  end: number,
  reduce: Reduce,
  values: Float64Array,
  atValues: number,
): void {
  let from = 0;
  for (let position = first; position < end; position++) {
    const to = from + counts[position]!;
    values[atValues + position] = reduce(data, base, offsets, from, to);
    from = to;
  }
}

/** Adds the offsets of the input elements under the window at an output index; gives where the next ones go. */
function offsetsUnder(
  spans: Spans,
  strides: readonly number[],
  index: readonly number[],
  offsets: Int32Array,
  filled: number,
): number {
  let next = filled;
  const walk = (axis: number, offset: number): void => {
    if (axis === spans.length) {
      offsets[next++] = offset;
      return;
    }
    const { first, end, step } = spans[axis]![index[axis]!]!;
    for (let at = first; at < end; at += step) walk(axis + 1, offset + at * strides[axis]!);
  };
  walk(0, 0);
  return next;
}

const windowOf = (op: OpContext, x: NdArray): Geometry => {
  const kernel = op.ints('kernel_shape');
  if (kernel === undefined) throw new Invalid('it has no kernel_shape');
  return geometryOf(op, x.dims.slice(2), kernel);
};
/** One window over all there is. */
const globalWindow = (x: NdArray): Geometry => {
  const input = x.dims.slice(2);
  const ones = input.map(() => 1);
  const zeros = input.map(() => 0);
  return {
    input,
    kernel: input,
    output: ones,
    strides: ones,
    dilations: ones,
    begins: zeros,
    pads: [...zeros, ...zeros],
  };
};

function numbers(x: NdArray): Floats {
  const family = familyOf(x.dtype);
  if (family !== 'float' && family !== 'int') throw new Unsupported(x.dtype);
  return x.data as Floats;
}

/** Columns first, if storage_order is 1: the last spatial axis varies slowest in the flat index. */
function flatIndex(offset: number, input: readonly number[], columnMajor: boolean): number {
  if (!columnMajor) return offset;
  let rest = offset;
  const index: number[] = [];
  for (let axis = input.length - 1; axis >= 0; axis--) {
    index[axis] = rest % input[axis]!;
    rest = Math.floor(rest / input[axis]!);
  }
  let flat = 0;
  for (let axis = input.length - 1; axis >= 0; axis--) flat = flat * input[axis]! + index[axis]!;
  return flat;
}

/** The offset of the greatest, -1 if there is none; NaN is greater than all. */
const greatestOffset: Reduce = (data, base, offsets, from, to) => {
  let best = Number.NEGATIVE_INFINITY;
  let where = -1;
  for (let n = from; n < to; n++) {
    const value = data[base + offsets[n]!]!;
    if (value > best || where < 0 || Number.isNaN(value)) {
      best = value;
      where = offsets[n]!;
    }
  }
  return where;
};

function maxPool(x: NdArray, g: Geometry, columnMajor: boolean, wantsIndices: boolean): readonly NdArray[] {
  const { values: offsets } = reduceWindows(x, g, greatestOffset);
  const data = numbers(x);
  const dims = [x.dims[0]!, x.dims[1]!, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims)) as Floats;
  const indices = wantsIndices ? new BigInt64Array(out.length) : undefined;
  const [inside, outside] = [product(g.input), product(g.output)];
  for (let at = 0; at < out.length; at++) {
    const base = Math.floor(at / outside) * inside;
    const offset = offsets[at]!;
    out[at] = offset < 0 ? Number.NEGATIVE_INFINITY : data[base + offset]!;
    if (indices !== undefined) indices[at] = BigInt(base + flatIndex(offset, g.input, columnMajor));
  }
  const values = ndarray(x.dtype, dims, out);
  return indices === undefined ? [values] : [values, ndarray('int64', dims, indices)];
}

const sum: Reduce = (data, base, offsets, from, to) => {
  let total = 0;
  for (let n = from; n < to; n++) total += data[base + offsets[n]!]!;
  return total;
};

function averagePool(x: NdArray, g: Geometry, includePads: boolean): NdArray {
  const { values: sums, counts } = reduceWindows(x, g, sum);
  const dims = [x.dims[0]!, x.dims[1]!, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims)) as Floats;
  const divisors = includePads ? paddedCounts(g) : counts;
  for (let at = 0; at < out.length; at++) out[at] = sums[at]! / divisors[at % divisors.length]!;
  return settled(x.dtype, dims, out);
}

/** Elements of each window with the padding counted; what ceil_mode adds beyond it is still not. */
function paddedCounts(g: Geometry): Float64Array {
  const rank = g.input.length;
  const counts = new Float64Array(product(g.output));
  eachIndex(g.output, (index, at) => {
    counts[at] = g.kernel.reduce((count, size, axis) => {
      const start = index[axis]! * g.strides[axis]! - g.begins[axis]!;
      const limit = g.input[axis]! + g.pads[axis + rank]!;
      return count * Math.min(size, Math.ceil((limit - start) / g.dilations[axis]!));
    }, 1);
  });
  return counts;
}

function lpPool(x: NdArray, g: Geometry, p: number): NdArray {
  const powers: Reduce = (data, base, offsets, from, to) => {
    let total = 0;
    for (let n = from; n < to; n++) total += Math.abs(data[base + offsets[n]!]!) ** p;
    return total;
  };
  const { values } = reduceWindows(x, g, powers);
  const dims = [x.dims[0]!, x.dims[1]!, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims)) as Floats;
  for (let at = 0; at < out.length; at++) out[at] = values[at]! ** (1 / p);
  return settled(x.dtype, dims, out);
}

/** Puts pooled elements back where MaxPool found them. */
function maxUnpool(op: OpContext, x: NdArray, indices: NdArray, shape?: NdArray): NdArray {
  const kernel = op.ints('kernel_shape', []);
  const rank = kernel.length;
  const strides = op.ints(
    'strides',
    kernel.map(() => 1),
  );
  const pads = op.ints(
    'pads',
    [...kernel, ...kernel].map(() => 0),
  );
  const natural = kernel.map(
    (size, axis) => (x.dims[axis + 2]! - 1) * strides[axis]! - pads[axis]! - pads[axis + rank]! + size,
  );
  const inferred = [x.dims[0]!, x.dims[1]!, ...natural];
  const dims = shape === undefined ? inferred : Array.from(shape.data as BigInt64Array, Number);
  const out = allocate(x.dtype, sizeOf(dims));
  const from = stridesOf(inferred);
  const to = stridesOf(dims);
  // The indices count in the natural shape, which may be smaller.
  for (let at = 0; at < x.data.length; at++) {
    let rest = Number(indices.data[at]);
    let target = 0;
    for (let axis = 0; axis < dims.length; axis++) {
      target += Math.floor(rest / from[axis]!) * to[axis]!;
      rest %= from[axis]!;
    }
    out[target] = x.data[at]!;
  }
  return ndarray(x.dtype, dims, out);
}

export const pooling = kernels('', {
  MaxPool: (op: OpContext, x: NdArray) =>
    maxPool(x, windowOf(op, x), op.int('storage_order', 0) === 1, op.wants(1)),
  AveragePool: (op: OpContext, x: NdArray) =>
    averagePool(x, windowOf(op, x), op.int('count_include_pad', 0) === 1),
  LpPool: (op: OpContext, x: NdArray) => lpPool(x, windowOf(op, x), op.int('p', 2)),
  GlobalMaxPool: (_: OpContext, x: NdArray) => maxPool(x, globalWindow(x), false, false)[0]!,
  GlobalAveragePool: (_: OpContext, x: NdArray) => averagePool(x, globalWindow(x), false),
  GlobalLpPool: (op: OpContext, x: NdArray) => lpPool(x, globalWindow(x), op.int('p', 2)),
  MaxUnpool: maxUnpool,
});
