// Differentially private gradients: what one record can change is bounded, and noise covers that much.

import { composed } from '../../dsl/composed.ts';
import { loop } from '../../dsl/control.ts';
import { gradient } from '../../dsl/gradient.ts';
import { bernoulli, type Key } from '../../dsl/random/index.ts';
import { leavesOf } from '../../dsl/structure.ts';
import type { AnyShape, ElementOf, PlaceOf, ShapeOf, Tensor, Value } from '../../dsl/types.ts';
import { isValue } from '../../dsl/value.ts';
import { bounded, type Real } from './clip.ts';
import { refuse } from './noise.ts';
import { alike, checkRelease, type ReleaseOptions, released } from './release.ts';

/** A batch: values that have a row for each record. */
export type Batch = Readonly<Record<string, Tensor>>;
/** A batch of one of its records. */
export type One<B extends Batch> = {
  readonly [Key in keyof B]: Value<
    ElementOf<B[Key]>,
    ShapeOf<B[Key]> extends readonly [unknown, ...infer Rest extends AnyShape] ? [1, ...Rest] : AnyShape,
    PlaceOf<B[Key]>
  >;
};

/**
 * The differentially private gradient of a loss over a batch (Abadi et al., Deep Learning with Differential Privacy, 2016,
 * algorithm 1): of each record the gradient g, shortened to g · min(1, C / ‖g‖) over all parameters together; their sum,
 * plus normal noise of standard deviation σC on each number, over the expected size of a batch.
 *
 * `loss` gets a batch of one record and gives a scalar. Layers that mix the records of a batch, as batchNorm does when it
 * trains, see one record only. The gradients are computed one after the other, in a Loop, which is right for any model: it
 * takes as many forward and backward passes as there are records, none of which profits from a batch, and holds one
 * record's gradient and the sum at a time. Summed in float32 in the order of the batch; the noise is added in float64.
 *
 * With noise of the host the result is declassified and may leave its class; no other gradient may.
 * Fails (BB330) for options that cannot be, (BB308) for what `hostNoise` fails for.
 */
export function privateGradient<const W extends object, const B extends Batch>(
  parameters: W,
  batch: B,
  loss: (parameters: W, one: One<B>) => Tensor,
  options: ReleaseOptions<W>,
): W {
  return composed('privateGradient', privateGradient, (owner) => {
    checkRelease(owner, 'privateGradient', options);
    const { values: weights, around } = leavesOf<Real>(parameters, isValue);
    const zeros = weights.map((one) => one.shape().constantOfShape() as Real);
    const [first] = Object.values(batch) as readonly Real[];
    if (first === undefined) return refuse(owner, 'privateGradient', 'there are no records');
    const count = first.shape().gather(0n) as Value<'int64', []>;
    // A Scan would do as well, but ONNX Runtime has none over no rows, and a sample may be empty.
    const sums = loop(numbered(zeros), { count }, (sum, index) => {
      const row = index.unsqueeze([0]);
      const one = Object.entries(batch).map(([name, value]) => [
        name,
        (value as Real).gather(row, { axis: 0 }),
      ]);
      const given = owner.callback(() => loss(parameters, Object.fromEntries(one) as One<B>));
      const slopes = gradient(given as never, weights as never) as unknown as readonly Real[];
      return numbered(bounded(slopes, options.clip).map((part, at) => sum[`${at}`]!.add(part)));
    });
    const summed = weights.map((one, at) => alike((sums as Readonly<Record<string, Real>>)[`${at}`]!, one));
    return released(owner, around(summed) as W, options);
  });
}

/** In the order of the list, by number: what a loop carries has names. */
const numbered = (values: readonly Real[]): Readonly<Record<string, Real>> =>
  Object.fromEntries(values.map((value, at) => [`${at}`, value]));

/** Any number of its records. */
export type Picked<B extends Batch> = {
  readonly [Key in keyof B]: Value<
    ElementOf<B[Key]>,
    ShapeOf<B[Key]> extends readonly [unknown, ...infer Rest extends AnyShape] ? [number, ...Rest] : AnyShape,
    PlaceOf<B[Key]>
  >;
};

/**
 * Those records of a batch that a coin of this probability picks, each by itself: what the accountant takes a step's
 * records to be (Poisson sampling). None may be picked. For real privacy the key is of secret words, since whoever knows
 * which records were picked gains what sampling hides: `poissonSample(records, rate, key(secret(uint32, [2])))`.
 * Fails (BB330) for what is no probability, (BB308) without records.
 */
export function poissonSample<const B extends Batch>(records: B, rate: number, key: Key): Picked<B> {
  return composed('poissonSample', poissonSample, (owner) => {
    const [first] = Object.values(records) as Real[];
    if (first === undefined) return refuse(owner, 'poissonSample', 'there are no values to pick from');
    const picked = bernoulli(key, first.shape().slice([0n], [1n]), rate);
    const parts = Object.entries(records).map(([name, value]) => [
      name,
      (value as Real).compress(picked, { axis: 0 }),
    ]);
    return Object.fromEntries(parts) as Picked<B>;
  });
}
