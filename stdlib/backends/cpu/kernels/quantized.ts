// Quantisation: numbers to and from narrow types, by a scale and a zero point.

import type { DType } from '../../../../ir/types.ts';
import { Invalid, kernels, type OpContext, Unsupported } from '../kernel.ts';
import { axisOf, product } from '../loops/shape.ts';
import { roundEven } from '../loops/special.ts';
import {
  allocate,
  type Floats,
  familyOf,
  type Ints,
  type NdArray,
  ndarray,
  packedBits,
  scalar,
  settled,
} from '../value.ts';
import { cast } from './cast.ts';

/** Smallest and largest number of a quantised type; undefined: a narrow float, whose cast saturates. */
export function rangeOf(dtype: DType): readonly [low: number, high: number] | undefined {
  const family = familyOf(dtype);
  if (family === 'float') return undefined;
  if (family !== 'int') throw new Unsupported(dtype);
  const bits = packedBits(dtype) ?? 8 * (allocate(dtype, 0) as Ints).BYTES_PER_ELEMENT;
  return dtype.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** For an element of x, which element of its scales counts: one for all, one per slice of an axis, or per block. */
function scaleIndex(op: OpContext, x: NdArray, scale: NdArray): (at: number) => number {
  if (scale.data.length === 1) return () => 0;
  const axis = axisOf(op.int('axis', 1), x.dims.length);
  const inner = product(x.dims, axis + 1);
  const size = x.dims[axis]!;
  if (scale.dims.length === 1 && x.dims.length > 0 && op.int('block_size', 0) === 0) {
    if (scale.dims[0] !== size)
      throw new Invalid(`${scale.dims[0]} scales for ${size} slices of axis ${axis}`);
    return (at) => Math.floor(at / inner) % size;
  }
  const blocks = scale.dims[axis]!;
  const block = op.int('block_size', 0) || Math.ceil(size / blocks);
  return (at) => {
    const position = Math.floor(at / inner);
    const outer = Math.floor(position / size);
    return (outer * blocks + Math.floor((position % size) / block)) * inner + (at % inner);
  };
}

function quantize(op: OpContext, x: NdArray, scale: NdArray, zero?: NdArray): NdArray {
  const dtype = zero?.dtype ?? op.dtype('output_dtype') ?? 'uint8';
  const range = rangeOf(dtype);
  const index = scaleIndex(op, x, scale);
  const precision = op.dtype('precision') ?? (familyOf(x.dtype) === 'float' ? x.dtype : scale.dtype);
  // The quotient has a type of its own, and its rounding decides ties.
  const quotient = allocate(precision, x.data.length) as Floats;
  for (let at = 0; at < quotient.length; at++)
    quotient[at] = (x.data[at] as number) / (scale.data[index(at)] as number);
  const rounded = settled(precision, x.dims, quotient);
  if (range === undefined) {
    // The zero point is 0, but adding it makes -0 one.
    for (let at = 0; at < quotient.length; at++) quotient[at]! += 0;
    return cast(rounded, dtype, { saturate: op.int('saturate', 1) === 1, mode: 'up' });
  }
  const [low, high] = range;
  const out = allocate(dtype, x.data.length);
  for (let at = 0; at < out.length; at++) {
    const offset = zero === undefined ? 0 : (zero.data[index(at)] as number);
    out[at] = Math.min(high, Math.max(low, roundEven(quotient[at]!) + offset));
  }
  return ndarray(dtype, x.dims, out);
}

function dequantize(op: OpContext, x: NdArray, scale: NdArray, zero?: NdArray): NdArray {
  const dtype = op.dtype('output_dtype') ?? scale.dtype;
  const index = scaleIndex(op, x, scale);
  const out = allocate(dtype, x.data.length);
  for (let at = 0; at < out.length; at++) {
    const which = index(at);
    const offset = zero === undefined ? 0 : (zero.data[which] as number);
    out[at] = ((x.data[at] as number) - offset) * (scale.data[which] as number);
  }
  return settled(dtype, x.dims, out);
}

function dynamicQuantize(_: OpContext, x: NdArray): readonly NdArray[] {
  if (x.dtype !== 'float32') throw new Unsupported(x.dtype);
  let [low, high] = [0, 0];
  for (const value of x.data as Floats) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = Math.fround(Math.fround(high - low) / 255);
  const offset = scale === 0 ? 0 : roundEven(Math.min(255, Math.max(0, Math.fround(-low / scale))));
  const out = allocate('uint8', x.data.length);
  for (let at = 0; at < out.length; at++) {
    const value = scale === 0 ? 0 : roundEven(Math.fround((x.data[at] as number) / scale));
    out[at] = Math.min(255, Math.max(0, value + offset));
  }
  return [ndarray('uint8', x.dims, out), scalar('float32', scale), scalar('uint8', offset)];
}

export const quantization = kernels('', {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
});
