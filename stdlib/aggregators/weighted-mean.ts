// What members answered as one value: the mean, weighted (McMahan et al. 2017, Algorithm 1: n_k / n).
//
// Summed in float64 in set order and rounded once, so that every peer that has the same rows gets the same bits.

import type { DataValue, Tensor } from '../../ir/index.ts';
import type { NodeCall, NodeComponent } from '../../runtime/index.ts';
import { tensorOf } from '../tensors.ts';

const arrays = { float32: Float32Array, float64: Float64Array } as const;
type Real = keyof typeof arrays;
const isReal = (dtype: string): dtype is Real => Object.hasOwn(arrays, dtype);

/** Fills slots of the role aggregator. Weights may be of any whole or real type that has one. */
export const weightedMean = (): NodeComponent => new WeightedMean();

class WeightedMean implements NodeComponent {
  readonly roles = ['aggregator'] as const;

  call({ inputs }: NodeCall): readonly DataValue[] {
    const [values, weights] = [tensorOf(inputs[0], 'values'), numbersOf(tensorOf(inputs[1], 'weights'))];
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (weights.length === 0) throw new Error('there are no values');
    if (!(total > 0) || weights.some((weight) => !(weight >= 0)))
      throw new Error(
        `the weights are ${weights.slice(0, 8).join(', ')}: none is below 0, and not all are 0`,
      );
    return [combine(values, weights, total)];
  }
}

function combine({ dtype, dims, bytes }: Tensor, weights: readonly number[], total: number): Tensor {
  if (!isReal(dtype)) throw new Error(`values are ${dtype}, not ${Object.keys(arrays).join(' or ')}`);
  const rows = new arrays[dtype](new Uint8Array(bytes).buffer);
  if (dims[0] !== weights.length) throw new Error(`${dims[0]} values with ${weights.length} weights`);
  const size = rows.length / weights.length;
  const result = new arrays[dtype](size);
  for (let at = 0; at < size; at++) {
    let sum = 0;
    for (let row = 0; row < weights.length; row++) sum += weights[row]! * rows[row * size + at]!;
    result[at] = sum / total;
  }
  return { dtype, dims: dims.slice(1), bytes: new Uint8Array(result.buffer) };
}

const numeric = {
  ...arrays,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

function numbersOf({ dtype, bytes }: Tensor): readonly number[] {
  const array = Object.hasOwn(numeric, dtype) ? numeric[dtype as keyof typeof numeric] : undefined;
  if (array === undefined) throw new Error(`weights are ${dtype}, not numbers`);
  return Array.from(new array(new Uint8Array(bytes).buffer) as ArrayLike<number | bigint>, Number);
}
