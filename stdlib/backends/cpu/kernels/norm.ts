// Normalisation over rows, channels and groups, and softmax. Means and variances are taken in float64.

import { kernels, type OpContext, since, Unsupported } from '../kernel.ts';
import { fromRows, rowsOf } from '../loops/rows.ts';
import { axisOf, product } from '../loops/shape.ts';
import { allocate, type Floats, familyOf, type NdArray, settled } from '../value.ts';

function floats(x: NdArray): Floats {
  if (familyOf(x.dtype) !== 'float') throw new Unsupported(x.dtype);
  return x.data as Floats;
}

type RowWork = (x: Floats, at: number, count: number, out: Floats) => void;

/** Work on each row along an axis; the shape stays. */
function alongAxis(x: NdArray, axis: number, work: RowWork): NdArray {
  floats(x);
  const { data, count, length, order } = rowsOf(x, [axis]);
  const out = allocate(x.dtype, data.length) as Floats;
  for (let row = 0; row < count; row++) work(data as Floats, row * length, length, out);
  return fromRows(settled(x.dtype, x.dims, out), order, x.dims);
}

/** Before opset 13, the axes from `axis` on were one. */
function flattened(x: NdArray, axis: number, work: RowWork): NdArray {
  const from = floats(x);
  const out = allocate(x.dtype, from.length) as Floats;
  const length = product(x.dims, axis < 0 ? axis + x.dims.length : axis);
  if (length > 0) for (let at = 0; at < from.length; at += length) work(from, at, length, out);
  return settled(x.dtype, x.dims, out);
}
const overRows = (work: RowWork) =>
  since(
    [1, (op: OpContext, x: NdArray) => flattened(x, op.int('axis', 1), work)],
    [13, (op: OpContext, x: NdArray) => alongAxis(x, axisOf(op.int('axis', -1), x.dims.length), work)],
  );

function most(x: Floats, at: number, count: number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let n = at; n < at + count; n++) if (x[n]! > best || Number.isNaN(x[n])) best = x[n]!;
  return best;
}

const softmax: RowWork = (x, at, count, out) => {
  const top = most(x, at, count);
  let sum = 0;
  for (let n = at; n < at + count; n++) sum += Math.exp(x[n]! - top);
  for (let n = at; n < at + count; n++) out[n] = Math.exp(x[n]! - top) / sum;
};
const logSoftmax: RowWork = (x, at, count, out) => {
  const top = most(x, at, count);
  let sum = 0;
  for (let n = at; n < at + count; n++) sum += Math.exp(x[n]! - top);
  const log = Math.log(sum);
  for (let n = at; n < at + count; n++) out[n] = x[n]! - top - log;
};
const hardmax: RowWork = (x, at, count, out) => {
  let best = at;
  for (let n = at + 1; n < at + count; n++) if (x[n]! > x[best]!) best = n;
  if (count > 0) out[best] = 1;
};
const lpNormalize =
  (p: number): RowWork =>
  (x, at, count, out) => {
    let sum = 0;
    for (let n = at; n < at + count; n++) sum += p === 1 ? Math.abs(x[n]!) : x[n]! * x[n]!;
    const norm = p === 1 ? sum : Math.sqrt(sum);
    for (let n = at; n < at + count; n++) out[n] = norm === 0 ? 0 : x[n]! / norm;
  };

/** (x - mean) / (sqrt(variance + epsilon) + more) of each run of `length` elements, then scaled and shifted by channel. */
function standardize(
  x: NdArray,
  length: number,
  epsilon: number,
  channelOf: ((at: number) => number) | undefined,
  scale?: NdArray,
  bias?: NdArray,
  more = 0,
): NdArray {
  const data = floats(x);
  const out = allocate(x.dtype, data.length) as Floats;
  for (let at = 0; length > 0 && at < data.length; at += length) {
    let sum = 0;
    for (let n = at; n < at + length; n++) sum += data[n]!;
    const mean = sum / length;
    let squares = 0;
    for (let n = at; n < at + length; n++) squares += (data[n]! - mean) ** 2;
    const factor = 1 / (Math.sqrt(squares / length + epsilon) + more);
    for (let n = at; n < at + length; n++) {
      const channel = channelOf === undefined ? 0 : channelOf(n);
      const s = scale === undefined ? 1 : (scale.data[channel] as number);
      const b = bias === undefined ? 0 : (bias.data[channel] as number);
      out[n] = (data[n]! - mean) * factor * s + b;
    }
  }
  return settled(x.dtype, x.dims, out);
}

function instanceNorm(op: OpContext, x: NdArray, scale: NdArray, bias: NdArray): NdArray {
  const size = product(x.dims, 2);
  const channels = x.dims[1]!;
  return standardize(
    x,
    size,
    op.float('epsilon', 1e-5),
    (at) => Math.floor(at / size) % channels,
    scale,
    bias,
  );
}

/** Scale and bias are one per channel; before opset 21 they were one per group. */
function groupNorm(op: OpContext, x: NdArray, scale: NdArray, bias: NdArray): NdArray {
  const groups = op.int('num_groups', 1);
  const channels = x.dims[1]!;
  const size = product(x.dims, 2);
  const perGroup = channels / groups;
  const channelOf = (at: number): number => {
    const channel = Math.floor(at / size) % channels;
    return op.opset >= 21 ? channel : Math.floor(channel / perGroup);
  };
  return standardize(x, perGroup * size, op.float('epsilon', 1e-5), channelOf, scale, bias);
}

/** Mean and variance of each channel over everything else. */
function moments(x: NdArray): readonly [Float64Array, Float64Array] {
  const data = floats(x);
  const [batch, channels, size] = [x.dims[0]!, x.dims[1] ?? 1, product(x.dims, 2)];
  const means = new Float64Array(channels);
  const variances = new Float64Array(channels);
  const count = batch * size;
  for (let channel = 0; channel < channels; channel++) {
    const each = (visit: (value: number) => void): void => {
      for (let image = 0; image < batch; image++) {
        const at = (image * channels + channel) * size;
        for (let n = at; n < at + size; n++) visit(data[n]!);
      }
    };
    let sum = 0;
    each((value) => {
      sum += value;
    });
    means[channel] = sum / count;
    let squares = 0;
    each((value) => {
      squares += (value - means[channel]!) ** 2;
    });
    variances[channel] = squares / count;
  }
  return [means, variances];
}

function batchNorm(
  op: OpContext,
  x: NdArray,
  scale: NdArray,
  bias: NdArray,
  mean: NdArray,
  variance: NdArray,
): readonly (NdArray | undefined)[] {
  const data = floats(x);
  const epsilon = op.float('epsilon', Math.fround(1e-5));
  const training = op.int('training_mode', 0) === 1 && op.opset >= 14;
  const [means, variances] = training ? moments(x) : [mean.data as Floats, variance.data as Floats];
  const [channels, size] = [x.dims[1] ?? 1, product(x.dims, 2)];
  const out = allocate(x.dtype, data.length) as Floats;
  for (let at = 0, row = 0; size > 0 && at < data.length; row++) {
    const channel = row % channels;
    const factor = (scale.data[channel] as number) / Math.sqrt(variances[channel]! + epsilon);
    const shift = (bias.data[channel] as number) - means[channel]! * factor;
    for (const end = at + size; at < end; at++) out[at] = data[at]! * factor + shift;
  }
  const y = settled(x.dtype, x.dims, out);
  if (!training) return [y];
  const momentum = op.float('momentum', Math.fround(0.9));
  const running = (old: NdArray, fresh: ArrayLike<number>): NdArray => {
    const next = allocate(old.dtype, channels) as Floats;
    for (let n = 0; n < channels; n++)
      next[n] = (old.data[n] as number) * momentum + fresh[n]! * (1 - momentum);
    return settled(old.dtype, old.dims, next);
  };
  return [y, running(mean, means), running(variance, variances)];
}

function meanVarianceNorm(op: OpContext, x: NdArray): NdArray {
  const axes = op.ints('axes', [0, 2, 3]).map((axis) => axisOf(axis, x.dims.length));
  const { data, length, order } = rowsOf(x, axes);
  const rows = { ...x, dims: order.map((axis) => x.dims[axis]!), data };
  // As the operator's function body has it; the formula of its text does not.
  const result = standardize(rows, length, 0, undefined, undefined, undefined, 1e-9);
  return fromRows({ ...result, dims: x.dims }, order, x.dims);
}

/** Each element over the squares of its neighbours in other channels. */
function localResponse(op: OpContext, x: NdArray): NdArray {
  const data = floats(x);
  const size = op.int('size', 1);
  const [alpha, beta, bias] = [
    op.float('alpha', Math.fround(1e-4)),
    op.float('beta', 0.75),
    op.float('bias', 1),
  ];
  const [channels, inside] = [x.dims[1]!, product(x.dims, 2)];
  const out = allocate(x.dtype, data.length) as Floats;
  for (let at = 0; at < data.length; at++) {
    const channel = Math.floor(at / inside) % channels;
    const first = Math.max(0, channel - Math.floor((size - 1) / 2));
    const last = Math.min(channels - 1, channel + Math.ceil((size - 1) / 2));
    let sum = 0;
    for (let other = first; other <= last; other++) sum += data[at + (other - channel) * inside]! ** 2;
    out[at] = data[at]! / (bias + (alpha / size) * sum) ** beta;
  }
  return settled(x.dtype, x.dims, out);
}

export const normalization = kernels('', {
  Softmax: overRows(softmax),
  LogSoftmax: overRows(logSoftmax),
  Hardmax: overRows(hardmax),
  LpNormalization: (op: OpContext, x: NdArray) =>
    alongAxis(x, axisOf(op.int('axis', -1), x.dims.length), lpNormalize(op.int('p', 2))),
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  BatchNormalization: batchNorm,
  MeanVarianceNormalization: meanVarianceNorm,
  LRN: localResponse,
});
