// What is learnt by a network whose layers are in two places.

import type { Fields } from '../../dsl/index.ts';
import type { Specs, ValuesOf } from '../../dsl/nn/index.ts';
import type { Records, Scalar, Weight, Weights } from './task.ts';

/** A network that is cut in two: the first layers are with whoever has the records. */
export interface CutTask {
  readonly first: Specs;
  readonly rest: Specs;
  readonly seed: number;
  readonly fields: Fields;
  /** Fields that go to the server beside the features, such as labels. */
  readonly told: readonly string[];
  /** What the first layers make of a batch. */
  readonly features: (first: Weights, batch: Records) => Weight;
  /** The mean loss over a batch, of its features and of what is told, a scalar. */
  readonly loss: (rest: Weights, features: Weight, told: Records) => Scalar;
}

/** A task that is cut, with the types that its author knows. */
export const cutTaskOf = <const A extends Specs, const B extends Specs, const F extends Fields>(declared: {
  readonly first: A;
  readonly rest: B;
  readonly seed?: number;
  readonly fields: F;
  readonly told: readonly (keyof F & string)[];
  readonly features: (first: ValuesOf<A>, batch: Records<F>) => Weight;
  readonly loss: (rest: ValuesOf<B>, features: Weight, told: Records<F>) => Scalar;
}): CutTask => ({ seed: 0, ...declared }) as unknown as CutTask;
