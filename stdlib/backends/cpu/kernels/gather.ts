// Elements picked or put by indices that are data: Gather, Scatter and their kin; any element type.

import { Invalid, kernels, type OpContext, since, Unsupported } from '../kernel.ts';
import { axisOf, numbersOf, product, stridesOf } from '../loops/shape.ts';
import { copyStrided } from '../loops/strided.ts';
import { eachIndex } from '../loops/windows.ts';
import { allocate, type Data, familyOf, fill, type NdArray, ndarray, settled, sizeOf } from '../value.ts';
import { greater, smaller } from './arithmetic.ts';
import { sliced } from './movement.ts';

/** An index counted from the front. Throws {@link Invalid} outside [-size, size). */
function within(index: number, size: number): number {
  const found = index < 0 ? index + size : index;
  if (!(found >= 0 && found < size)) throw new Invalid(`index ${index} of an axis of ${size}`);
  return found;
}

/** Copies runs of neighbours: run i of `length` elements comes from `starts[i]`. */
function pickRuns(
  x: NdArray,
  dims: readonly number[],
  length: number,
  starts: (run: number) => number,
): NdArray {
  const data = allocate(x.dtype, sizeOf(dims));
  const runs = length === 0 ? 0 : data.length / length;
  const { data: from } = x;
  if (length === 1 || Array.isArray(from)) {
    for (let run = 0; run < runs; run++) {
      const start = starts(run);
      for (let n = 0; n < length; n++) data[run * length + n] = from[start + n]!;
    }
  } else {
    for (let run = 0; run < runs; run++) {
      const start = starts(run);
      (data as Float32Array).set((from as Float32Array).subarray(start, start + length), run * length);
    }
  }
  return ndarray(x.dtype, dims, data);
}

function gather(op: OpContext, x: NdArray, indices: NdArray): NdArray {
  const axis = axisOf(op.int('axis', 0), x.dims.length);
  const size = x.dims[axis]!;
  const length = product(x.dims, axis + 1);
  const picks = Int32Array.from(numbersOf(indices), (index) => within(index, size));
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  return pickRuns(x, dims, length, (run) => {
    const outer = Math.floor(run / picks.length);
    return (outer * size + picks[run % picks.length]!) * length;
  });
}

/** For each element of `indices`, the offset in a tensor of `dims` with the index along `axis` replaced. */
function alongAxis(indices: NdArray, dims: readonly number[], axis: number): Float64Array {
  const strides = stridesOf(dims);
  const offsets = new Float64Array(indices.data.length);
  eachIndex(indices.dims, (index, at) => {
    let offset = within(Number(indices.data[at]), dims[axis]!) * strides[axis]!;
    for (let one = 0; one < dims.length; one++) if (one !== axis) offset += index[one]! * strides[one]!;
    offsets[at] = offset;
  });
  return offsets;
}

function gatherElements(op: OpContext, x: NdArray, indices: NdArray): NdArray {
  const offsets = alongAxis(indices, x.dims, axisOf(op.int('axis', 0), x.dims.length));
  return pickRuns(x, indices.dims, 1, (at) => offsets[at]!);
}

/** Offsets of the runs that rows of indices name, after `batch` axes that are walked together. */
function rowOffsets(indices: NdArray, dims: readonly number[], batch: number): Float64Array {
  const depth = indices.dims.at(-1)!;
  const strides = stridesOf(dims);
  const rows = product(indices.dims, 0, indices.dims.length - 1);
  const perBatch = rows / Math.max(1, product(dims, 0, batch));
  const batchStep = product(dims, batch);
  return Float64Array.from({ length: rows }, (_, row) => {
    let offset = batch === 0 ? 0 : Math.floor(row / perBatch) * batchStep;
    for (let n = 0; n < depth; n++) {
      const axis = batch + n;
      offset += within(Number(indices.data[row * depth + n]), dims[axis]!) * strides[axis]!;
    }
    return offset;
  });
}

function gatherND(op: OpContext, x: NdArray, indices: NdArray): NdArray {
  const batch = op.int('batch_dims', 0);
  const rest = x.dims.slice(batch + indices.dims.at(-1)!);
  const offsets = rowOffsets(indices, x.dims, batch);
  return pickRuns(x, [...indices.dims.slice(0, -1), ...rest], product(rest), (row) => offsets[row]!);
}

type Combine = (old: never, fresh: never) => unknown;
const combiners: Readonly<Record<string, Combine>> = {
  none: (_: unknown, fresh: unknown) => fresh,
  add: (old: number, fresh: number) => old + fresh,
  mul: (old: number, fresh: number) => old * fresh,
  max: greater,
  min: smaller,
};

/** A copy of x with elements combined with `updates`, run by run. */
function scattered(
  op: OpContext,
  x: NdArray,
  updates: NdArray,
  offsets: Float64Array,
  length: number,
): NdArray {
  const name = op.string('reduction', 'none');
  const combine = combiners[name];
  if (combine === undefined) throw new Invalid(`reduction ${name}`);
  if (name !== 'none' && ['string', 'complex'].includes(familyOf(x.dtype))) throw new Unsupported(x.dtype);
  if (updates.data.length !== offsets.length * length)
    throw new Invalid(`${updates.data.length} updates for ${offsets.length} places of ${length}`);
  const out = x.data.slice() as Data;
  for (let row = 0; row < offsets.length; row++) {
    for (let n = 0; n < length; n++) {
      const at = offsets[row]! + n;
      out[at] = combine(out[at] as never, updates.data[row * length + n] as never) as never;
    }
  }
  return name === 'none' ? ndarray(x.dtype, x.dims, out) : settled(x.dtype, x.dims, out);
}

const scatterElements = (op: OpContext, x: NdArray, indices: NdArray, updates: NdArray): NdArray =>
  scattered(op, x, updates, alongAxis(indices, x.dims, axisOf(op.int('axis', 0), x.dims.length)), 1);

const scatterND = (op: OpContext, x: NdArray, indices: NdArray, updates: NdArray): NdArray =>
  scattered(op, x, updates, rowOffsets(indices, x.dims, 0), product(x.dims, indices.dims.at(-1)!));

/** Writes `update` into a cache along an axis, for each sample from its own position on. */
function tensorScatter(op: OpContext, cache: NdArray, update: NdArray, starts?: NdArray): NdArray {
  const axis = axisOf(op.int('axis', -2), cache.dims.length);
  const [size, count] = [cache.dims[axis]!, update.dims[axis]!];
  const circular = op.string('mode', 'linear') === 'circular';
  const length = product(cache.dims, axis + 1);
  const outer = product(cache.dims, 0, axis);
  const perSample = outer / Math.max(1, cache.dims[0]!);
  const offsets = Float64Array.from({ length: outer * count }, (_, row) => {
    const prefix = Math.floor(row / count);
    const start = starts === undefined ? 0 : Number(starts.data[Math.floor(prefix / perSample)]);
    const place = start + (row % count);
    return (prefix * size + (circular ? place % size : within(place, size))) * length;
  });
  const out = cache.data.slice() as Data;
  for (let row = 0; row < offsets.length; row++)
    for (let n = 0; n < length; n++) out[offsets[row]! + n] = update.data[row * length + n]!;
  return ndarray(cache.dtype, cache.dims, out);
}

/** Which element stands `at` elements from the start of an axis, outside it. */
const outsideRules: Readonly<Record<string, (at: number, size: number) => number>> = {
  edge: (at, size) => Math.min(Math.max(at, 0), size - 1),
  reflect(at, size) {
    if (size === 1) return 0;
    const period = 2 * (size - 1);
    const place = ((at % period) + period) % period;
    return place < size ? place : period - place;
  },
  wrap: (at, size) => ((at % size) + size) % size,
};

function pad(
  op: OpContext,
  x: NdArray,
  pads: readonly number[],
  value: NdArray['data'][number] | undefined,
  axes?: readonly number[],
): NdArray {
  const rank = x.dims.length;
  const padded = axes === undefined ? x.dims.map((_, axis) => axis) : axes.map((axis) => axisOf(axis, rank));
  const begins = new Array<number>(rank).fill(0);
  const ends = new Array<number>(rank).fill(0);
  padded.forEach((axis, at) => {
    begins[axis] = pads[at]!;
    ends[axis] = pads[at + padded.length]!;
  });
  const mode = op.string('mode', 'constant');
  // What is cut off (negative pads) goes first; the rest is padded.
  const kept = sliced(
    x,
    x.dims.map((size, axis) => {
      const start = Math.max(0, -begins[axis]!);
      return { axis, start, count: Math.max(0, size - start - Math.max(0, -ends[axis]!)), step: 1 };
    }),
  );
  const dims = kept.dims.map((size, axis) => size + Math.max(0, begins[axis]!) + Math.max(0, ends[axis]!));
  const before = begins.map((one) => Math.max(0, one));
  const strides = stridesOf(dims);
  const data = allocate(x.dtype, sizeOf(dims));
  const fresh = value ?? zeroOf(x);
  if (mode === 'constant') (data as unknown[]).fill(fresh);
  const offset = before.reduce((sum, count, axis) => sum + count * strides[axis]!, 0);
  copyStrided(
    kept.dims,
    { data: kept.data, offset: 0, strides: stridesOf(kept.dims) },
    { data, offset, strides },
  );
  const rule = outsideRules[mode];
  if (rule !== undefined && kept.data.length > 0) repeatInto(data, dims, before, kept.dims, rule);
  else if (rule === undefined && mode !== 'constant') throw new Invalid(`mode ${mode}`);
  return ndarray(x.dtype, dims, data);
}

const zeroOf = (x: NdArray): NdArray['data'][number] => allocate(x.dtype, 1)[0]!;

/** Fills the margins of each axis in turn from what is inside already. */
function repeatInto(
  data: Data,
  dims: readonly number[],
  before: readonly number[],
  inner: readonly number[],
  rule: (at: number, size: number) => number,
): void {
  const strides = stridesOf(dims);
  // Axes before the current one are still without margins; those after it too: the margin goes over their inside.
  const done = inner.slice();
  const starts = before.slice();
  for (let axis = 0; axis < dims.length; axis++) {
    const rest = done.slice();
    rest[axis] = 1;
    for (let at = 0; at < dims[axis]!; at++) {
      const place = at - before[axis]!;
      if (place >= 0 && place < inner[axis]!) continue;
      const from = rule(place, inner[axis]!) + before[axis]!;
      const base = starts.reduce((sum, start, one) => (one === axis ? sum : sum + start * strides[one]!), 0);
      copyStrided(
        rest,
        { data, offset: base + from * strides[axis]!, strides },
        { data, offset: base + at * strides[axis]!, strides },
      );
    }
    done[axis] = dims[axis]!;
    starts[axis] = 0;
  }
}

function reverseSequence(op: OpContext, x: NdArray, lengths: NdArray): NdArray {
  const [batch, time] = [op.int('batch_axis', 1), op.int('time_axis', 0)];
  const strides = stridesOf(x.dims);
  const offsets = new Float64Array(x.data.length);
  eachIndex(x.dims, (index, at) => {
    const length = Number(lengths.data[index[batch]!]);
    const step = index[time]!;
    offsets[at] = step < length ? at + (length - 1 - 2 * step) * strides[time]! : at;
  });
  return pickRuns(x, x.dims, 1, (at) => offsets[at]!);
}

function compress(op: OpContext, x: NdArray, condition: NdArray): NdArray {
  const chosen = Array.from(condition.data as Uint8Array).flatMap((one, at) => (one ? [at] : []));
  const picks = ndarray('int64', [chosen.length], BigInt64Array.from(chosen, BigInt));
  if (op.has('axis')) return gather(op, x, picks);
  return pickRuns(x, [chosen.length], 1, (at) => chosen[at]!);
}

/** The indices of what is not zero, one column for each. */
function nonZero(_: OpContext, x: NdArray): NdArray {
  const found: number[][] = x.dims.map(() => []);
  let count = 0;
  eachIndex(x.dims, (index, at) => {
    const value = x.data[at]!;
    if (typeof value === 'object') throw new Unsupported(x.dtype);
    if (!value || (typeof value === 'number' && value === 0)) return;
    count++;
    index.forEach((one, axis) => {
      found[axis]!.push(one);
    });
  });
  return ndarray('int64', [x.dims.length, count], BigInt64Array.from(found.flat(), BigInt));
}

function oneHot(op: OpContext, indices: NdArray, depth: NdArray, values: NdArray): NdArray {
  const size = numbersOf(depth)[0]!;
  const rank = indices.dims.length + 1;
  const axis = axisOf(op.int('axis', -1), rank);
  const dims = [...indices.dims.slice(0, axis), size, ...indices.dims.slice(axis)];
  const out = fill(values.dtype, dims, values.data[0]!);
  const inner = product(dims, axis + 1);
  numbersOf(indices).forEach((index, at) => {
    const place = index < 0 ? index + size : index;
    if (!(place >= 0 && place < size)) return;
    const outer = Math.floor(at / inner);
    out.data[(outer * size + place) * inner + (at % inner)] = values.data[1]!;
  });
  return out;
}

export const gathering = kernels('', {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TensorScatter: tensorScatter,
  ReverseSequence: reverseSequence,
  Compress: compress,
  NonZero: nonZero,
  OneHot: oneHot,
  Pad: since(
    [
      1,
      (op: OpContext, x: NdArray) => pad(op, x, op.ints('pads', op.ints('paddings', [])), op.float('value')),
    ],
    [
      11,
      (op: OpContext, x: NdArray, pads: NdArray, value?: NdArray, axes?: NdArray) =>
        pad(op, x, numbersOf(pads), value?.data[0], axes && numbersOf(axes)),
    ],
  ),
});
