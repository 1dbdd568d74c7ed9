// One update for several gradients.

import type { Value } from '../types.ts';
import { type Counter, type Optimizer, type Real, zerosLike } from './optimizer.ts';

/**
 * An optimiser that updates at every `every`-th gradient, with the mean of the last ones; between, parameters stay. What it
 * has gathered is in the slot `gathered`. The inner optimiser counts its own updates.
 */
export function accumulate<Name extends string>(
  inner: Optimizer<Name>,
  every: number,
): Optimizer<Name | 'gathered'> {
  return {
    slots: (param) => ({ ...inner.slots(param), gathered: zerosLike(param) }) as never,
    update({ param, grad, slots, step }) {
      const { gathered, ...kept } = slots as unknown as Readonly<Record<string, Real>>;
      const sum = gathered!.add((grad as unknown as Real).mul(1 / every)) as Real;
      const due = step.add(1).mod(every).equal(0) as Value<'bool', [], 'any'>;
      const next = inner.update({
        param,
        grad: sum as never,
        slots: kept as never,
        step: step.div(every) as Counter,
      });
      const after = next.slots as unknown as Readonly<Record<string, Real>>;
      const either = (then: unknown, otherwise: unknown): Real => due.where(then as Real, otherwise as Real);
      const chosen = Object.entries(kept).map(([name, old]) => [name, either(after[name], old)] as const);
      return {
        param: either(next.param, param) as never,
        slots: { ...Object.fromEntries(chosen), gathered: either(sum.mul(0), sum) } as never,
      };
    },
  };
}
