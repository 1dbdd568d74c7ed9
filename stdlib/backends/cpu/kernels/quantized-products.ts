// Products of quantised tensors: exact, in float64, which holds every sum that int32 does.

import { kernels, type OpContext, Unsupported } from '../kernel.ts';
import { product, stridesOf } from '../loops/shape.ts';
import { roundEven } from '../loops/special.ts';
import { geometryOf } from '../loops/windows.ts';
import { allocate, type Floats, familyOf, type NdArray, ndarray } from '../value.ts';
import { convolve } from './conv.ts';
import { matMul } from './matmul.ts';
import { rangeOf } from './quantized.ts';

/** Numbers less their zero points. A zero point for each slice lies along `axis`. */
function centered(x: NdArray, zero: NdArray | undefined, axis: number): NdArray {
  if (familyOf(x.dtype) !== 'int') throw new Unsupported(x.dtype);
  const out = new Float64Array(x.data.length);
  const stride = stridesOf(x.dims)[axis] ?? 1;
  const size = x.dims[axis] ?? 1;
  const many = zero !== undefined && zero.data.length > 1;
  // Of a stack of matrices, each may have zero points of its own.
  const stacked = many && zero.data.length !== size;
  for (let at = 0; at < out.length; at++) {
    const slice = Math.floor(at / stride) % size;
    const outer = stacked ? Math.floor(at / (x.dims.at(-1)! * x.dims.at(-2)!)) * size : 0;
    out[at] = (x.data[at] as number) - ((zero?.data[many ? outer + slice : 0] as number | undefined) ?? 0);
  }
  return ndarray('float64', x.dims, out);
}

/** Sums of products as int32, which wraps. */
const asInt32 = (x: NdArray): NdArray => ndarray('int32', x.dims, Int32Array.from(x.data as Floats));

/** Sums of products, back in a quantised type; `scale` tells the factor of an element. */
function requantized(sums: NdArray, scale: (at: number) => number, zero: NdArray): NdArray {
  const range = rangeOf(zero.dtype);
  if (range === undefined) throw new Unsupported(zero.dtype);
  const [low, high] = range;
  const out = allocate(zero.dtype, sums.data.length);
  const offset = zero.data[0] as number;
  for (let at = 0; at < out.length; at++)
    out[at] = Math.min(high, Math.max(low, roundEven((sums.data[at] as number) * scale(at)) + offset));
  return ndarray(zero.dtype, sums.dims, out);
}

const centeredProduct = (a: NdArray, b: NdArray, aZero?: NdArray, bZero?: NdArray): NdArray =>
  matMul(centered(a, aZero, a.dims.length - 2), centered(b, bZero, b.dims.length - 1));

/** Scales are one for all, one per row of A, or one per column of B. */
function qLinearMatMul(_: OpContext, ...inputs: NdArray[]): NdArray {
  const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = inputs as [NdArray, ...NdArray[]];
  const sums = centeredProduct(a, b!, aZero, bZero);
  const columns = b!.dims.length === 1 ? 1 : b!.dims.at(-1)!;
  const pick = (scale: NdArray, at: number): number =>
    scale.data[scale.data.length === 1 ? 0 : at % scale.data.length] as number;
  const factor = (at: number): number =>
    (pick(aScale!, Math.floor(at / columns)) * pick(bScale!, at % columns)) / (yScale!.data[0] as number);
  return requantized(sums, factor, yZero!);
}

function centeredConv(op: OpContext, x: NdArray, w: NdArray, xZero?: NdArray, wZero?: NdArray): NdArray {
  const g = geometryOf(op, x.dims.slice(2), op.ints('kernel_shape', w.dims.slice(2)));
  return convolve(centered(x, xZero, 1), centered(w, wZero, 0), g, op.int('group', 1));
}

function qLinearConv(op: OpContext, ...inputs: NdArray[]): NdArray {
  const [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias] = inputs as [NdArray, ...NdArray[]];
  const sums = centeredConv(op, x, w!, xZero, wZero);
  const [channels, size] = [sums.dims[1]!, product(sums.dims, 2)];
  const channelOf = (at: number): number => Math.floor(at / size) % channels;
  const data = sums.data as Floats;
  if (bias !== undefined)
    for (let at = 0; at < data.length; at++) data[at]! += bias.data[channelOf(at)] as number;
  const factor = (at: number): number => {
    const weight = wScale!.data[wScale!.data.length === 1 ? 0 : channelOf(at)] as number;
    return ((xScale!.data[0] as number) * weight) / (yScale!.data[0] as number);
  };
  return requantized(sums, factor, yZero!);
}

export const quantizedProducts = kernels('', {
  MatMulInteger: (_: OpContext, a: NdArray, b: NdArray, aZero?: NdArray, bZero?: NdArray) =>
    asInt32(centeredProduct(a, b, aZero, bZero)),
  QLinearMatMul: qLinearMatMul,
  ConvInteger: (op: OpContext, x: NdArray, w: NdArray, xZero?: NdArray, wZero?: NdArray) =>
    asInt32(centeredConv(op, x, w, xZero, wZero)),
  QLinearConv: qLinearConv,
});
