// What classifiers and regressors of ai.onnx.ml share: rows of features, post transforms, labels.

import { Invalid, type OpContext, Unsupported } from '../kernel.ts';
import { sigmoid } from '../loops/special.ts';
import { familyOf, type NdArray, ndarray } from '../value.ts';

/** Features of one sample each; a vector is one sample. */
export function samplesOf(x: NdArray): Float64Array[] {
  const family = familyOf(x.dtype);
  if (family !== 'float' && family !== 'int' && family !== 'bigint') throw new Unsupported(x.dtype);
  const width = x.dims.at(-1) ?? 1;
  const numbers = Float64Array.from(x.data as ArrayLike<number>, Number);
  const count = x.dims.length < 2 ? 1 : x.dims[0]!;
  return Array.from({ length: count }, (_, row) => numbers.subarray(row * width, (row + 1) * width));
}

/** Scores are float32, whatever the features are; only float64 stays. */
export const scoreType = (x: NdArray): 'float32' | 'float64' =>
  x.dtype === 'float64' ? 'float64' : 'float32';

/** √2 erf⁻¹(2p - 1), by Winitzki's approximation, as ONNX's own implementations have it. */
function probit(probability: number): number {
  const x = 2 * probability - 1;
  const log = Math.log((1 - x) * (1 + x));
  const v = 2 / (Math.PI * 0.147) + 0.5 * log;
  return (x < 0 ? -1 : 1) * Math.SQRT2 * Math.sqrt(-v + Math.sqrt(v * v - log / 0.147));
}

function softmax(scores: readonly number[], keepsZero: boolean): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((one) =>
    keepsZero && Math.abs(one) <= 1e-7 ? one * Math.exp(-top) : Math.exp(one - top),
  );
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((one) => (sum === 0 ? 0.5 : one / sum));
}

export function postTransform(scores: readonly number[], transform: string): readonly number[] {
  switch (transform) {
    case 'NONE':
      return scores;
    case 'LOGISTIC':
      return scores.map(sigmoid);
    case 'SOFTMAX':
      return softmax(scores, false);
    case 'SOFTMAX_ZERO':
      return softmax(scores, true);
    case 'PROBIT':
      return scores.map(probit);
    default:
      throw new Invalid(`no post_transform is called ${transform}`);
  }
}

export const largest = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** The names of classes, or their numbers. */
export type Labels = readonly string[] | readonly bigint[];
export function labelsOf(op: OpContext, ints: string): Labels {
  const strings = op.strings('classlabels_strings');
  return strings !== undefined && strings.length > 0 ? strings : (op.bigints(ints) ?? []);
}

/** One label per sample; `which` is an index, or undefined for no class at all. */
export function labelled(labels: Labels, which: readonly (number | undefined)[]): NdArray {
  if (typeof labels[0] === 'string') {
    const names = which.map((at) => (at === undefined ? '' : String(labels[at])));
    return ndarray('string', [which.length], names);
  }
  const numbers = which.map((at) =>
    at === undefined ? 0n : ((labels[at] as bigint | undefined) ?? BigInt(at)),
  );
  return ndarray('int64', [which.length], BigInt64Array.from(numbers));
}
