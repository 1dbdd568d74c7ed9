// What several programs use: peers drawn at random, and data that each member has of its own.

import { digest, type Picker, self, type Tensor, type Value } from '../../../dsl/index.ts';
import { type Key, key, normal, uniform } from '../../../dsl/random/index.ts';

export type Vector = Value<'float32', [number], string>;
export type Column = Value<'float32', [2, 1], string>;
export type Scalar = Value<'float32', [], string>;
export type Count = Value<'int64', [], string>;
export type Truth = Value<'bool', [], string>;

/** The first `count` of a random order of the candidates. */
export const draw = (from: Key, count: number): Picker => ({
  pick(candidates) {
    const order = uniform(from, candidates.shape()).topK([count]).indices;
    return candidates.gather(order as never) as Tensor<'string'>;
  },
});

/** Points on a line with noise, different ones at each member and in each round. */
export function pointsOf(round: Tensor<'int64'>): {
  x: Value<'float32', [8, 2], string>;
  y: Value<'float32', [8, 1], string>;
} {
  const own = key(7).fold(digest(self())).fold(round);
  const x = normal(own, [8, 2]);
  const noise = normal(own.fold('noise'), [8, 1]).mul(0.01);
  return { x, y: x.matmul([[2], [-1]] as never).add(noise as never) } as never;
}
