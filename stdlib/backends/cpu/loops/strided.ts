// Copies between strided layouts: what transposing, slicing, expanding, padding and joining tensors come down to.

import { allocate, type Data, type NdArray, ndarray, sizeOf } from '../value.ts';
import { stridesOf } from './shape.ts';

export interface Layout {
  readonly data: Data;
  readonly offset: number;
  /** Elements, one per axis; may be 0 or negative. */
  readonly strides: readonly number[];
}

/** A tensor of `dims` whose element at each index is that of `from`. */
export function gatherStrided(
  x: NdArray,
  dims: readonly number[],
  strides: readonly number[],
  offset = 0,
): NdArray {
  const data = allocate(x.dtype, sizeOf(dims));
  copyStrided(dims, { data: x.data, offset, strides }, { data, offset: 0, strides: stridesOf(dims) });
  return ndarray(x.dtype, dims, data);
}

/** Copies one element for each index within `dims`. */
export function copyStrided(dims: readonly number[], from: Layout, to: Layout): void {
  const merged = mergeAxes(dims, from.strides, to.strides);
  if (merged === undefined) return;
  const [source, target, words] = inWords(from.data, to.data);
  const sizes = merged.dims;
  const last = sizes.length - 1;
  const run = sizes[last]!;
  const [fromStep, toStep] = [merged.a[last]! * words, merged.b[last]! * words];
  const contiguous = merged.a[last] === 1 && merged.b[last] === 1;
  const index = new Array<number>(last).fill(0);
  let [at, to_] = [from.offset * words, to.offset * words];
  for (;;) {
    if (contiguous) copyRun(source, at, target, to_, run * words);
    else if (words === 1) copySteps(source, at, fromStep, target, to_, toStep, run);
    else {
      for (let word = 0; word < words; word++)
        copySteps(source, at + word, fromStep, target, to_ + word, toStep, run);
    }
    let axis = last - 1;
    for (; axis >= 0; axis--) {
      at += merged.a[axis]! * words;
      to_ += merged.b[axis]! * words;
      if (++index[axis]! < sizes[axis]!) break;
      at -= merged.a[axis]! * words * sizes[axis]!;
      to_ -= merged.b[axis]! * words * sizes[axis]!;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** What bits are moved as: few kinds of array, so that the loops stay fast. */
type Words = Uint8Array | Uint16Array | Uint32Array | unknown[];

/** Both arrays as words of one size, and how many make an element: 64-bit ones are two. */
function inWords(from: Data, to: Data): [Words, Words, number] {
  if (Array.isArray(from)) return [from, to as unknown[], 1];
  const size = from.BYTES_PER_ELEMENT;
  const View = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array;
  const words = Math.max(1, size / 4);
  const as = (one: ArrayBufferView): Words =>
    new View(one.buffer as ArrayBuffer, one.byteOffset, one.byteLength / View.BYTES_PER_ELEMENT);
  return [as(from), as(to as Exclude<Data, unknown[]>), words];
}

/** Below this, a loop is faster than a call. */
const SHORT_RUN = 24;

function copyRun(from: Words, at: number, to: Words, target: number, count: number): void {
  if (count >= SHORT_RUN && !Array.isArray(from)) {
    (to as Uint8Array).set((from as Uint8Array).subarray(at, at + count), target);
    return;
  }
  copySteps(from, at, 1, to, target, 1, count);
}

function copySteps(
  from: Words,
  at: number,
  step: number,
  to: Words,
  target: number,
  targetStep: number,
  count: number,
): void {
  if (from instanceof Uint32Array) {
    const wide = to as Uint32Array;
    for (let n = 0; n < count; n++) wide[target + n * targetStep] = from[at + n * step]!;
    return;
  }
  for (let n = 0; n < count; n++) to[target + n * targetStep] = from[at + n * step] as never;
}

/**
 * The same walk over fewer axes: those of size 1 left out, neighbours joined that both layouts pass in one stride.
 * Undefined if there are no elements.
 */
export function mergeAxes(
  dims: readonly number[],
  a: readonly number[],
  b: readonly number[],
): { dims: number[]; a: number[]; b: number[] } | undefined {
  const merged = { dims: [] as number[], a: [] as number[], b: [] as number[] };
  for (let axis = 0; axis < dims.length; axis++) {
    const size = dims[axis]!;
    if (size === 0) return undefined;
    if (size === 1) continue;
    const last = merged.dims.length - 1;
    if (last >= 0 && merged.a[last] === a[axis]! * size && merged.b[last] === b[axis]! * size) {
      merged.dims[last]! *= size;
      merged.a[last] = a[axis]!;
      merged.b[last] = b[axis]!;
    } else {
      merged.dims.push(size);
      merged.a.push(a[axis]!);
      merged.b.push(b[axis]!);
    }
  }
  if (merged.dims.length === 0) return { dims: [1], a: [1], b: [1] };
  return merged;
}
