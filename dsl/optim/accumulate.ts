// One update for several gradients.

import type { Value } from '../types.ts';
import { type Counter, type Optimizer, type Real, zerosLike } from './optimizer.ts';

/**
 * An optimiser that updates at every `every`-th gradient, with the mean of the last ones; between, parameters stay. What it
 * has gathered is in the slot `gathered`. The inner optimiser counts its own updates.
 */
export function accumulate(inner: Optimizer, every: number): Optimizer {
  return {
    slots: (param) => ({ ...inner.slots(param), gathered: zerosLike(param) }),
    update({ param, grad, slots, step }) {
      const { gathered, ...kept } = slots;
      const sum = (gathered as Real).add((grad as Real).mul(1 / every)) as Real;
      const due = step.add(1).mod(every).equal(0) as Value<'bool', [], 'any'>;
      const next = inner.update({ param, grad: sum, slots: kept, step: step.div(every) as Counter });
      const either = (then: unknown, otherwise: unknown): Real => due.where(then as Real, otherwise as Real);
      const chosen = Object.entries(kept).map(
        ([name, old]) => [name, either(next.slots[name], old)] as const,
      );
      return {
        param: either(next.param, param) as never,
        slots: { ...Object.fromEntries(chosen), gathered: either(sum.mul(0), sum) },
      };
    },
  };
}
