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

/** Calls `visit` with the offset of every input element under the window at an output index. */
function eachUnder(
  spans: Spans,
  strides: readonly number[],
  index: readonly number[],
  visit: (at: number) => void,
): void {
  const last = spans.length - 1;
  const walk = (axis: number, offset: number): void => {
    const { first, end, step } = spans[axis]![index[axis]!]!;
    const stride = strides[axis]!;
    if (axis === last) for (let at = first; at < end; at += step) visit(offset + at * stride);
    else for (let at = first; at < end; at += step) walk(axis + 1, offset + at * stride);
  };
  if (last < 0) visit(0);
  else walk(0, 0);
}

/** Runs `one` for each channel and output position, which gives it its offsets. */
function pool(
  x: NdArray,
  g: Geometry,
  one: (
    each: (visit: (at: number) => void) => void,
    out: number,
    base: number,
    index: readonly number[],
  ) => void,
): void {
  const spans = spansOf(g);
  const strides = stridesOf(g.input);
  const [inside, outside] = [product(g.input), product(g.output)];
  const maps = x.dims[0]! * x.dims[1]!;
  eachIndex(g.output, (index, at) => {
    for (let map = 0; map < maps; map++) {
      const base = map * inside;
      one(
        (visit) => eachUnder(spans, strides, index, (offset) => visit(base + offset)),
        map * outside + at,
        base,
        index,
      );
    }
  });
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

function maxPool(x: NdArray, g: Geometry, columnMajor: boolean, wantsIndices: boolean): readonly NdArray[] {
  const data = numbers(x);
  const dims = [x.dims[0]!, x.dims[1]!, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims)) as Floats;
  const indices = wantsIndices ? new BigInt64Array(out.length) : undefined;
  pool(x, g, (each, at, base) => {
    let best = Number.NEGATIVE_INFINITY;
    let where = -1;
    each((from) => {
      const value = data[from]!;
      if (value > best || where < 0 || Number.isNaN(value)) [best, where] = [value, from];
    });
    out[at] = best;
    if (indices !== undefined) indices[at] = BigInt(base + flatIndex(where - base, g.input, columnMajor));
  });
  const values = ndarray(x.dtype, dims, out);
  return indices === undefined ? [values] : [values, ndarray('int64', dims, indices)];
}

function averagePool(x: NdArray, g: Geometry, includePads: boolean): NdArray {
  const data = numbers(x);
  const dims = [x.dims[0]!, x.dims[1]!, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims)) as Floats;
  const rank = g.input.length;
  // With padding counted, what ceil_mode adds beyond it is still not.
  const padded = (index: readonly number[]): number =>
    g.kernel.reduce((count, size, axis) => {
      const start = index[axis]! * g.strides[axis]! - g.begins[axis]!;
      const limit = g.input[axis]! + g.pads[axis + rank]!;
      return count * Math.min(size, Math.ceil((limit - start) / g.dilations[axis]!));
    }, 1);
  pool(x, g, (each, at, _, index) => {
    let sum = 0;
    let count = 0;
    each((from) => {
      sum += data[from]!;
      count++;
    });
    out[at] = sum / (includePads ? padded(index) : count);
  });
  return settled(x.dtype, dims, out);
}

function lpPool(x: NdArray, g: Geometry, p: number): NdArray {
  const data = numbers(x);
  const dims = [x.dims[0]!, x.dims[1]!, ...g.output];
  const out = allocate(x.dtype, sizeOf(dims)) as Floats;
  pool(x, g, (each, at) => {
    let sum = 0;
    each((from) => {
      sum += Math.abs(data[from]!) ** p;
    });
    out[at] = sum ** (1 / p);
  });
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
