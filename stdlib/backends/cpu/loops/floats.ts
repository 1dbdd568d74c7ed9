// Tensors of floats, for kernels that take nothing else.

import { Unsupported } from '../kernel.ts';
import { allocate, type Floats, familyOf, type NdArray, settled, sizeOf } from '../value.ts';

/** Throws {@link Unsupported} for any other type. */
export function floatsOf(x: NdArray): Floats {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  return x.data as Floats;
}

/** A tensor of what was computed in float64, rounded to the type. */
export function rounded(
  dtype: NdArray['dtype'],
  dims: readonly number[],
  values: ArrayLike<number>,
): NdArray {
  const out = allocate(dtype, sizeOf(dims)) as Floats;
  out.set(values);
  return settled(dtype, dims, out);
}
