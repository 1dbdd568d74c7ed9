// Values that are known, at least in part, while compiling: constants, and the shape arithmetic made of them.

import type { Weight } from '../../ir/graph.ts';
import { readWeight } from '../../ir/onnx/weights.ts';
import { type Dim, elementCount, type Tensor } from '../../ir/types.ts';

/**
 * A small tensor whose elements are numbers, names of dimensions, or null where not known.
 * Booleans are 0 and 1; int64 beyond 2^53 are rounded, which only ever stand for "to the end".
 */
export interface Known {
  readonly dims: readonly number[];
  readonly elems: readonly Dim[];
}

/** Larger tensors are data, not shapes; reading them would make compiling cost their bytes. */
export const MAX_KNOWN_ELEMENTS = 64;

export const scalarOf = (elem: Dim): Known => ({ dims: [], elems: [elem] });
export const vectorOf = (elems: readonly Dim[]): Known => ({ dims: [elems.length], elems });

const readers: Partial<Record<Tensor['dtype'], (view: DataView, index: number) => number>> = {
  float32: (view, index) => view.getFloat32(4 * index, true),
  float64: (view, index) => view.getFloat64(8 * index, true),
  int8: (view, index) => view.getInt8(index),
  int16: (view, index) => view.getInt16(2 * index, true),
  int32: (view, index) => view.getInt32(4 * index, true),
  int64: (view, index) => Number(view.getBigInt64(8 * index, true)),
  uint8: (view, index) => view.getUint8(index),
  uint16: (view, index) => view.getUint16(2 * index, true),
  uint32: (view, index) => view.getUint32(4 * index, true),
  uint64: (view, index) => Number(view.getBigUint64(8 * index, true)),
  bool: (view, index) => view.getUint8(index),
};

/** The elements of a constant, if it is small and of a type that shape arithmetic uses. */
export function knownOfWeight(weight: Weight): Known | undefined {
  const count = elementCount(weight.dims);
  const reader = weight.dtype && readers[weight.dtype];
  if (reader === undefined || count === undefined || count > MAX_KNOWN_ELEMENTS) return undefined;
  const tensor = readWeight(weight);
  const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength);
  const elems = new Array<number>(count);
  for (let index = 0; index < count; index++) elems[index] = reader(view, index);
  return { dims: weight.dims, elems };
}
