// Draws from a key, as ONNX ops: the same bits on every backend.

import { type DType, elementCount, tensorType } from '../../ir/index.ts';
import { composed } from '../composed.ts';
import { addConstant } from '../constant.ts';
import { dimsIn, dtypeIn } from '../core-op.ts';
import { packElements } from '../elements.ts';
import { where } from '../ops/generated/ops.ts';
import type { Recorder } from '../recorder.ts';
import type { AnyShape, Element, ElementOf, Join, PlaceOf, ShapeOf, Tensor, Value } from '../types.ts';
import { factOf, toValue } from '../value.ts';
import { callFunction } from './function.ts';
import type { Key } from './key.ts';
import { normalNumbers } from './normal.ts';
import { randomWords } from './philox.ts';

/** Of whatever dtype, so that any operator takes it: what enters was checked where the author gave it. */
type Some = Tensor<never>;

type Float = 'float16' | 'float32' | 'float64' | 'bfloat16';

/** Sizes, or a one-dimensional value of sizes. */
type Sizes = readonly number[] | Tensor<'int64'>;
type Drawn<D extends Element, S, P extends string> = S extends readonly number[]
  ? Value<D, [...S], P>
  : Value<D, AnyShape, P>;

/** Random bits: whole numbers from 0 to 2³² − 1, all equally likely. */
export function bits<P extends string, const S extends Sizes>(from: Key<P>, shape: S): Drawn<'uint32', S, P> {
  return composed('bits', bits, (owner) => shaped(owner, words(owner, from, shape), shape)) as never;
}

export interface UniformOptions<D extends Float> {
  /** Default: 0. */
  readonly low?: number;
  /** Not among them. Default: 1. */
  readonly high?: number;
  /** Default: float32. */
  readonly dtype?: D;
}

/** Numbers from `low` to `high`, in 2²⁴ equal steps. */
export function uniform<P extends string, const S extends Sizes, D extends Float = 'float32'>(
  from: Key<P>,
  shape: S,
  { low = 0, high = 1, dtype }: UniformOptions<D> = {},
): Drawn<D, S, P> {
  return composed('uniform', uniform, (owner) => {
    const whole = words(owner, from, shape).bitShift(number(owner, 8, 'uint32'), {
      direction: 'RIGHT',
    }) as Some;
    const to = dtype ?? 'float32';
    // Of 24 bits, float32 holds each; the narrower types round.
    const wide = to === 'float64' ? 'float64' : 'float32';
    const unit = scaled(owner, whole.cast({ to: wide }) as Some, (high - low) * 2 ** -24, low, wide);
    return shaped(owner, to === wide ? unit : (unit.cast({ to }) as Some), shape);
  }) as never;
}

export interface NormalOptions<D extends Float> {
  /** Default: 0. */
  readonly mean?: number;
  /** Standard deviation. Default: 1. */
  readonly scale?: number;
  /** Default: float32. */
  readonly dtype?: D;
}

/** Normally distributed numbers, at most 6.34 standard deviations from the mean; each is the quantile of 32 random bits. */
export function normal<P extends string, const S extends Sizes, D extends Float = 'float32'>(
  from: Key<P>,
  shape: S,
  { mean = 0, scale = 1, dtype }: NormalOptions<D> = {},
): Drawn<D, S, P> {
  return composed('normal', normal, (owner) => {
    const drawn = factOf(words(owner, from, shape), 'normal');
    const standard = callFunction(owner, normalNumbers, [drawn], tensorType('float64', dimsIn(drawn.type)));
    const wide = scaled(owner, toValue(standard, owner), scale, mean, 'float64');
    return shaped(owner, dtype === 'float64' ? wide : (wide.cast({ to: dtype ?? 'float32' }) as Some), shape);
  }) as never;
}

/** True with a probability of `p`. */
export function bernoulli<P extends string, const S extends Sizes>(
  from: Key<P>,
  shape: S,
  p = 0.5,
): Drawn<'bool', S, P> {
  return composed('bernoulli', bernoulli, (owner) =>
    shaped(owner, happens(owner, words(owner, from, shape), checkProbability(owner, 'bernoulli', p)), shape),
  ) as never;
}

/**
 * Each element is 0 with a probability of `ratio`, the others are divided by 1 − `ratio`. What is dropped depends on the key
 * alone; the gradient takes the same mask.
 */
export function dropout<V extends Tensor, P extends string>(
  x: V,
  from: Key<P>,
  ratio = 0.5,
): Value<ElementOf<V>, ShapeOf<V>, Join<PlaceOf<V>, P>> {
  return composed('dropout', dropout, (owner): Tensor => {
    checkProbability(owner, 'dropout', ratio);
    if (ratio === 0) return x;
    const some = x as Tensor as Some;
    const fact = factOf(some, 'dropout');
    const dims = dimsIn(fact.type);
    const fixed = dims?.every((dim) => typeof dim === 'number') ? (dims as readonly number[]) : undefined;
    const shape = fixed ?? some.shape();
    const kept = shaped(owner, happens(owner, words(owner, from, shape), 1 - ratio), shape);
    const to = dtypeIn(fact.type) ?? 'float32';
    return some.mul(where(kept, number(owner, 1 / (1 - ratio), to), number(owner, 0, to)));
  }) as never;
}

/** As many words as `shape` has elements, in one dimension. */
function words(owner: Recorder, from: Key, shape: Sizes): Some {
  const fixed = Array.isArray(shape) ? elementCount(shape as readonly number[]) : undefined;
  if (fixed !== undefined && !Number.isSafeInteger(fixed)) {
    owner.fail('BB330', { what: 'draw', reason: `[${String(shape)}] is no shape` });
  }
  const count =
    fixed === undefined
      ? (shape as Tensor<'int64'>).reduceProd({ keepdims: false })
      : number(owner, BigInt(fixed), 'int64');
  const inputs = [factOf(from.value, 'draw'), factOf(count, 'draw')];
  return toValue(callFunction(owner, randomWords, inputs, tensorType('uint32', [fixed ?? null])), owner);
}

function shaped(owner: Recorder, flat: Some, shape: Sizes): Some {
  if (!Array.isArray(shape)) return flat.reshape(shape as Tensor<'int64'>) as Some;
  const dims = shape as readonly number[];
  if (dims.length === 1) return flat;
  const to = { dtype: 'int64', dims: [dims.length], bytes: packElements('int64', dims) } as const;
  return flat.reshape(toValue<Tensor<'int64'>>(addConstant(owner, to), owner), {
    allowzero: dims.includes(0),
  }) as Some;
}

/** Whether a word is below p · 2³²: no rounding of floats decides. */
function happens(owner: Recorder, drawn: Some, p: number): Some {
  if (p >= 1) return drawn.equal(drawn) as Some;
  return drawn.less(number(owner, BigInt(Math.min(Math.round(p * 2 ** 32), 2 ** 32 - 1)), 'uint32')) as Some;
}

function scaled(owner: Recorder, x: Some, by: number, plus: number, dtype: DType): Some {
  const stretched = by === 1 ? x : (x.mul(number(owner, by, dtype)) as Some);
  return plus === 0 ? stretched : (stretched.add(number(owner, plus, dtype)) as Some);
}

function number(owner: Recorder, value: number | bigint, dtype: DType): Some {
  return toValue(addConstant(owner, { dtype, dims: [], bytes: packElements(dtype, [value]) }), owner);
}

function checkProbability(owner: Recorder, what: string, p: number): number {
  if (!(p >= 0 && p <= 1)) owner.fail('BB330', { what, reason: `${p} is no probability` });
  if (what === 'dropout' && p === 1)
    owner.fail('BB330', { what, reason: 'a ratio of 1 leaves nothing to divide by' });
  return p;
}
