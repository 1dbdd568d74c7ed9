// What gradients compute again instead of storing it.

import { recorder } from './recorder.ts';

/**
 * Records `body`, and has its values computed again where gradients read them, from what it reads itself: they need not
 * be kept until then. What others read of it is kept. The numbers are the same, bit for bit; what draws random numbers
 * is kept, too. Several calls are computed again one by one: a call for each block of a deep model is a good choice.
 * Within another `recompute` it is part of that one.
 * @param name What it is called in the graph: `recompute` by default, with the scope around it.
 */
export function recompute<R>(body: () => R): R;
export function recompute<R>(name: string, body: () => R): R;
export function recompute<R>(...given: [() => R] | [string, () => R]): R {
  const [name, body] = given.length === 1 ? (['recompute', given[0]] as const) : given;
  return recorder('recompute').recomputing(name, body);
}
