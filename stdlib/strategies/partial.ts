// Messages of a few numbers: of each parameter, those that have changed most since they were last told.

import { constant, type Place, where } from '../../dsl/index.ts';
import { update } from '../../dsl/optim/index.ts';
import { largest } from '../codecs/graph.ts';
import { heldAt, startOf } from './federation.ts';
import { mapped, type Task, type Weight, type Weights } from './task.ts';

/** Chooses what is told of these values; then makes it of them, or of others that are like them. */
export type Told = (values: Weights) => (all: Weights) => Weights;

/**
 * What is told of values of this task: so large a share of each, and 0 for the rest, which crosses in the codec `top-k` of this
 * share without loss. What is not told now has changed all the more the next time. `at`: who tells.
 */
export function tellsMost(task: Task, share: number, at: Place<string>): Told {
  const start = startOf(task);
  const told = heldAt({ ...task, parameters: () => start }, at, undefined, 'told.');
  return (values) => {
    const masks = mapped(values, (one, name) => largest(one.sub(told[name]!.read()) as Weight, share));
    update(told, (before) =>
      mapped(before, (one, name) => where(masks[name]!, values[name]!, one) as Weight),
    );
    return (all) => mapped(all, (one, name) => where(masks[name]!, one, constant(0)) as Weight);
  };
}
