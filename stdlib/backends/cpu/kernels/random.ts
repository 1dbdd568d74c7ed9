// Operators that draw random numbers, and Dropout, which does when it trains. ONNX leaves open which numbers a seed gives:
// ours are not those of NumPy's Mersenne Twister, which the expected outputs of ONNX's own cases hold.

import type { DType } from '../../../../ir/types.ts';
import { kernels, type OpContext, since, Unsupported } from '../kernel.ts';
import { allocate, type Data, familyOf, fill, type NdArray, ndarray, settled, sizeOf } from '../value.ts';

const drawn = (op: OpContext) => op.random(op.float('seed'));

function filled(dtype: DType, dims: readonly number[], next: () => number): NdArray {
  if (familyOf(dtype) !== 'float') throw new Unsupported(dtype);
  const data = allocate(dtype, sizeOf(dims));
  for (let at = 0; at < data.length; at++) data[at] = next();
  return settled(dtype, dims, data);
}

/** Box and Muller's two normal numbers from two even ones; the second is left. */
function normal(op: OpContext): () => number {
  const uniform = drawn(op);
  const [mean, scale] = [op.float('mean', 0), op.float('scale', 1)];
  return () => mean + scale * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
function even(op: OpContext): () => number {
  const uniform = drawn(op);
  const [low, high] = [op.float('low', 0), op.float('high', 1)];
  return () => low + (high - low) * uniform();
}

const ofShape = (make: (op: OpContext) => () => number) => (op: OpContext) =>
  filled(op.dtype('dtype') ?? 'float32', op.ints('shape', []), make(op));
const like = (make: (op: OpContext) => () => number) => (op: OpContext, x: NdArray) =>
  filled(op.dtype('dtype') ?? x.dtype, x.dims, make(op));

/** As `dtype`: numbers, bigints or bools. */
function bits(dtype: DType, dims: readonly number[], next: (at: number) => boolean): NdArray {
  const data = allocate(dtype, sizeOf(dims)) as unknown[];
  const [yes, no] = familyOf(dtype) === 'bigint' ? [1n, 0n] : [1, 0];
  for (let at = 0; at < data.length; at++) data[at] = next(at) ? yes : no;
  return ndarray(dtype, dims, data as Data);
}

function bernoulli(op: OpContext, x: NdArray): NdArray {
  const uniform = drawn(op);
  return bits(op.dtype('dtype') ?? x.dtype, x.dims, (at) => uniform() < (x.data[at] as number));
}

/** Classes drawn by their unnormalised log-probabilities. */
function multinomial(op: OpContext, x: NdArray): NdArray {
  const uniform = drawn(op);
  const [batch, classes] = x.dims as [number, number];
  const samples = op.int('sample_size', 1);
  const dtype = op.dtype('dtype') ?? 'int32';
  const data = allocate(dtype, batch * samples) as unknown[];
  const logs = x.data as Float32Array;
  for (let row = 0; row < batch; row++) {
    const own = logs.subarray(row * classes, (row + 1) * classes);
    const most = own.reduce((best, one) => Math.max(best, one), Number.NEGATIVE_INFINITY);
    const weights = Float64Array.from(own, (one) => Math.exp(one - most));
    const total = weights.reduce((sum, one) => sum + one, 0);
    for (let sample = 0; sample < samples; sample++) {
      let rest = uniform() * total;
      let found = 0;
      while (found < classes - 1 && rest >= weights[found]!) rest -= weights[found++]!;
      data[row * samples + sample] = dtype === 'int64' ? BigInt(found) : found;
    }
  }
  return ndarray(dtype, [batch, samples], data as Data);
}

function dropout(
  op: OpContext,
  x: NdArray,
  ratio: number,
  training: boolean,
  maskType: DType,
): readonly NdArray[] {
  if (!training || ratio === 0) return [x, fill(maskType, x.dims, 1)];
  const uniform = drawn(op);
  const mask = bits(maskType, x.dims, () => uniform() >= ratio);
  const data = allocate(x.dtype, x.data.length);
  for (let at = 0; at < data.length; at++)
    data[at] = mask.data[at] ? (x.data[at] as number) / (1 - ratio) : 0;
  return [settled(x.dtype, x.dims, data), mask];
}

export const chance = kernels('', {
  RandomNormal: ofShape(normal),
  RandomUniform: ofShape(even),
  RandomNormalLike: like(normal),
  RandomUniformLike: like(even),
  Bernoulli: bernoulli,
  Multinomial: multinomial,
  Dropout: since(
    // The mask had the input's type, and only inference was defined.
    [1, (op: OpContext, x: NdArray) => dropout(op, x, 0, false, op.opset >= 10 ? 'bool' : x.dtype)],
    [
      12,
      (op: OpContext, x: NdArray, ratio?: NdArray, training?: NdArray) =>
        dropout(
          op,
          x,
          ratio === undefined ? 0.5 : Number(ratio.data[0]),
          Number(training?.data[0] ?? 0) === 1,
          'bool',
        ),
    ],
  ),
});
