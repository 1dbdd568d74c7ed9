// What several programs use: peers drawn at random, and data that each member has of its own.

import type { Picker, Tensor, Value } from '../../../dsl/index.ts';
import { type Key, normal, uniform } from '../../../dsl/random/index.ts';

/** Two numbers, wherever they are. */
export type Pair = Value<'float32', [2], string>;

/** The first `count` of a random order of the candidates that are not among `out`. */
export const draw = (from: Key, count: number, out?: Tensor<'string'>): Picker => ({
  pick(view) {
    const candidates = out === undefined ? view : view.without(out);
    const order = uniform(from, candidates.shape()).topK([count]).indices;
    return candidates.gather(order);
  },
});

/** Points on a line with noise. */
export function pointsOf(from: Key) {
  const x = normal(from, [8, 2]);
  const noise = normal(from.fold('noise'), [8, 1]).mul(0.01);
  return { x, y: x.matmul([[2], [-1]]).add(noise) };
}
