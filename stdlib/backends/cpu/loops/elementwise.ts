// Loops over every element. A scalar function is given for each family of types it makes sense for; a family
// without one is refused.

import type { DType } from '../../../../ir/types.ts';
import { Unsupported } from '../kernel.ts';
import {
  allocate,
  type Complex,
  type Data,
  type Family,
  familyOf,
  type NdArray,
  settled,
  sizeOf,
} from '../value.ts';
import type { Float32Map, Float32Row, Row } from './float32.ts';
import { broadcastDims, broadcastStrides, sameDims } from './shape.ts';
import { mergeAxes } from './strided.ts';

interface Elements {
  float: number;
  int: number;
  bigint: bigint;
  /** 0 or 1. */
  bool: number;
  string: string;
  complex: Complex;
}
type Any = number | bigint | string | Complex;
/** Scalar functions by the family of the inputs; what they return belongs to the output's type. */
export type Unary = { readonly [F in Family]?: (a: Elements[F]) => Any | boolean } & {
  /** The same as `float`, for all elements of float32. */
  readonly float32?: Float32Map;
};
export type Binary = { readonly [F in Family]?: (a: Elements[F], b: Elements[F]) => Any | boolean } & {
  /** The same as `float`, for rows of float32. */
  readonly float32?: Float32Row;
};

function forDtype<F>(scalars: Unary | Binary, dtype: DType): F {
  const found = scalars[familyOf(dtype)] as F | undefined;
  if (found === undefined) throw new Unsupported(dtype);
  return found;
}

/** y[i] = f(x[i]), in `dtype` (default: that of x). */
export function unary(x: NdArray, scalars: Unary, dtype: DType = x.dtype): NdArray {
  const f = forDtype<(a: never) => Any>(scalars, x.dtype);
  const out = allocate(dtype, x.data.length);
  if (x.data instanceof Float32Array && out instanceof Float32Array) {
    if (scalars.float32 !== undefined) scalars.float32(x.data, out);
    else mapFloat32(x.data, out, f as (a: number) => number);
  } else mapAny(x.data, out, f);
  return settled(dtype, x.dims, out);
}

function mapFloat32(x: Float32Array, out: Float32Array, f: (a: number) => number): void {
  for (let at = 0; at < x.length; at++) out[at] = f(x[at]!);
}
function mapAny(x: Data, out: Data, f: (a: never) => Any): void {
  for (let at = 0; at < x.length; at++) out[at] = f(x[at] as never) as never;
}

/** c[i] = f(a[i], b[i]) with broadcasting, in `dtype` (default: that of a). The inputs have one type. */
export function binary(a: NdArray, b: NdArray, scalars: Binary, dtype: DType = a.dtype): NdArray {
  if (a.dtype !== b.dtype) throw new Unsupported(`${a.dtype} with ${b.dtype}`);
  const f = forDtype<(a: never, b: never) => Any>(scalars, a.dtype);
  const dims = sameDims(a.dims, b.dims) ? a.dims : broadcastDims(a.dims, b.dims);
  const out = allocate(dtype, sizeOf(dims));
  const float32 = a.data instanceof Float32Array && out instanceof Float32Array;
  const rows = (float32 ? (scalars.float32 ?? rowFloat32) : rowAny) as typeof rowAny;
  const merged = mergeAxes(dims, broadcastStrides(a.dims, dims), broadcastStrides(b.dims, dims));
  if (merged !== undefined) {
    forRows(merged, (n, atA, stepA, atB, stepB, at) =>
      rows(a.data, atA, stepA, b.data, atB, stepB, out, at, n, f),
    );
  }
  return settled(dtype, dims, out);
}

interface Merged {
  readonly dims: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** Walks the rows of a broadcast, the output being contiguous. */
export function forRows(
  { dims, a, b }: Merged,
  row: (count: number, atA: number, stepA: number, atB: number, stepB: number, at: number) => void,
): void {
  const last = dims.length - 1;
  const count = dims[last]!;
  const index = new Array<number>(last).fill(0);
  for (let [atA, atB, at] = [0, 0, 0]; ; at += count) {
    row(count, atA, a[last]!, atB, b[last]!, at);
    let axis = last - 1;
    for (; axis >= 0; axis--) {
      atA += a[axis]!;
      atB += b[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      atA -= a[axis]! * dims[axis]!;
      atB -= b[axis]! * dims[axis]!;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** One loop per kind of array: where both kinds pass through one, V8 makes neither fast. */
const rowFloat32: Row<Float32Array, [f: (a: number, b: number) => number]> = (
  a,
  atA,
  stepA,
  b,
  atB,
  stepB,
  out,
  at,
  count,
  f,
) => {
  for (let n = 0; n < count; n++) out[at + n] = f(a[atA + n * stepA]!, b[atB + n * stepB]!);
};
const rowAny: Row<Data, [f: (a: never, b: never) => Any]> = (
  a,
  atA,
  stepA,
  b,
  atB,
  stepB,
  out,
  at,
  count,
  f,
) => {
  for (let n = 0; n < count; n++)
    out[at + n] = f(a[atA + n * stepA] as never, b[atB + n * stepB] as never) as never;
};
