// What is learnt, apart from how: parameters, the records that members have, and how wrong parameters are about some of
// them. Any strategy takes any task.

import type { AnyShape, DataSource, Fields, State, Tensor, Value } from '../../dsl/index.ts';
import type { Specs, ValuesOf } from '../../dsl/nn/index.ts';
import { isValue } from '../../dsl/value.ts';

/** A parameter, or what is made of one, as its gradient is. */
export type Weight = Value<'float32', AnyShape, string>;
/** Parameters by name. */
export type Weights = Readonly<Record<string, Weight>>;
/** Weights that members keep. */
export type Variables = Readonly<Record<string, State<'float32', AnyShape, string>>>;
export type Scalar = Value<'float32', [], string>;
export type Count = Value<'int64', [], string>;
/** Records by field; the first axis counts them. */
export type Records<F extends Fields = Fields> = ReturnType<DataSource<F, string>['batch']>;

/** With parameters that are not descended but become something else, such as running means of batches, what they become. */
export type Loss = Scalar | { readonly loss: Scalar; readonly buffers: Weights };

export interface Task {
  /** What layers declare, or the values that parameters start as. */
  readonly parameters: Specs | (() => Readonly<Record<string, Tensor<'float32'>>>);
  /** Seed of what layers declare. Default: 0. */
  readonly seed: number;
  /** Of every member's data, and of those that the result is scored on. */
  readonly fields: Fields;
  /** The mean loss over a batch, a scalar. */
  readonly loss: (weights: Weights, batch: Records) => Loss;
  /** How good parameters are on records that nobody trains with, such as the share that is read rightly: a scalar. */
  readonly score: ((weights: Weights, batch: Records) => Scalar) | undefined;
}

type Start = Specs | (() => Readonly<Record<string, Tensor<'float32'>>>);
/** What parameters are where they are used. */
type Used<P extends Start> = P extends Specs ? ValuesOf<P> : Weights;

/** A task, with the types that its author knows. */
export const taskOf = <const P extends Start, const F extends Fields>(declared: {
  readonly parameters: P;
  readonly seed?: number;
  readonly fields: F;
  readonly loss: (weights: Used<P>, batch: Records<F>) => Loss;
  readonly score?: (weights: Used<P>, batch: Records<F>) => Scalar;
}): Task => ({ seed: 0, score: undefined, ...declared }) as unknown as Task;

export const lossOf = (told: Loss): { readonly loss: Scalar; readonly buffers: Weights } =>
  isValue(told) ? { loss: told, buffers: {} } : told;

/** Those of a record whose names are wanted. */
export const only = <V>(
  record: Readonly<Record<string, V>>,
  wanted: (name: string) => boolean,
): Readonly<Record<string, V>> => Object.fromEntries(Object.entries(record).filter(([name]) => wanted(name)));

/** Every value of a record, changed. */
export const mapped = <V, W>(
  record: Readonly<Record<string, V>>,
  change: (one: V, name: string) => W,
): Readonly<Record<string, W>> =>
  Object.fromEntries(Object.entries(record).map(([name, one]) => [name, change(one, name)]));

/** a - b, parameter by parameter. */
export const minus = (a: Weights, b: Weights): Weights => mapped(a, (one, name) => one.sub(b[name]!));
/** a + b, parameter by parameter. */
export const plus = (a: Weights, b: Weights): Weights => mapped(a, (one, name) => one.add(b[name]!));
/** Each parameter so many times. */
export const times = (a: Weights, factor: number | Scalar): Weights => mapped(a, (one) => one.mul(factor));

/** Groups of parameters as one flat record, `group/name`, which is what crosses. */
export const flat = (groups: Readonly<Record<string, Weights>>): Weights =>
  Object.fromEntries(
    Object.entries(groups).flatMap(([group, weights]) =>
      Object.entries(weights).map(([name, one]) => [`${group}/${name}`, one]),
    ),
  );
/** One group of a flat record. */
export const group = (all: Readonly<Record<string, Tensor>>, name: string): Weights =>
  Object.fromEntries(
    Object.entries(all)
      .filter(([key]) => key.startsWith(`${name}/`))
      .map(([key, one]) => [key.slice(name.length + 1), one as Weight]),
  );
