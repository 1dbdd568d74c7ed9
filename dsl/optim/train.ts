// Parameters that are states: one call updates them all.

import { placeKey, samePlace } from '../../ir/index.ts';
import { constant } from '../constant.ts';
import { type Recorder, recorder } from '../recorder.ts';
import { type AssignErrors, type HeldBy, type Holder, Variable } from '../state.ts';
import { leavesOf } from '../structure.ts';
import type {
  Checked,
  DTypeError,
  ElementOf,
  PlaceOf,
  ShapeError,
  ShapeOf,
  Tensor,
  Value,
} from '../types.ts';
import { factOf, isValue, toValue } from '../value.ts';
import type { Counter, Optimizer, Slots } from './optimizer.ts';

/** The states that are trained, in arrays and records however deep. */
export type States = Holder | readonly States[] | { readonly [name: string]: States };
/** What they hold, in the same structure. */
export type Held<S> = S extends Holder ? HeldBy<S> : { readonly [Key in keyof S]: Held<S[Key]> };

/** A value for each: a gradient, or what it is to hold. */
type ValuesFor<S> = S extends Holder
  ? Value<ElementOf<HeldBy<S>>, ShapeOf<HeldBy<S>>, string>
  : { readonly [Key in keyof S]: ValuesFor<S[Key]> };

/** Why what `change` gives cannot be assigned. */
type UpdateErrors<S, R> =
  S extends Holder<infer V>
    ? R extends Tensor
      ? AssignErrors<ElementOf<V>, ShapeOf<V>, PlaceOf<V>, R>
      : DTypeError<'update: not a value'>
    : {
        [Key in keyof S]: Key extends keyof R
          ? UpdateErrors<S[Key], R[Key]>
          : ShapeError<`update: nothing is given for ${Key & string}`>;
      }[S extends readonly unknown[] ? number & keyof S : keyof S];

/** What the states hold in this flow, in their structure: what the model is computed with. */
export function read<const S extends States>(states: S): Held<S>;
export function read(states: unknown): unknown {
  const { values, around } = leavesOf<Variable>(states, isState);
  return around(values.map((one) => one.read()));
}

/**
 * Reads states of one place and assigns each what `change` makes of them, in their structure, all in one fragment; gives the
 * new values. A declined value changes nothing.
 * Fails (BB308) if the states are of several places, or what `change` gives has another structure.
 *
 *     update(held, (latest) => orElse(mean, latest));
 */
export function update<const S extends States, const R extends object>(
  states: S,
  change: (latest: Held<S>) => Checked<R, UpdateErrors<S, R>>,
): Held<S>;
export function update(states: unknown, change: (latest: never) => unknown): unknown {
  const owner = recorder('update');
  const fail = (reason: string): never => owner.fail('BB308', { op: 'update', reason });
  return owner.call(update, () => {
    const { values: variables, paths, around } = leavesOf<Variable>(states, isState);
    const [first] = variables;
    if (first === undefined) return states;
    const { place } = first;
    if (variables.some((one) => !samePlace(one.place, place))) fail('the states are of several places');
    const after = Variable.updateTogether(owner, variables, (latest) => {
      const given = owner.atPlace(place, () => owner.callback(() => change(around(latest) as never)));
      const leaves = leavesOf<Tensor>(given, isValue);
      const byPath = new Map(leaves.values.map((one, at) => [leaves.paths[at]!.join('\0'), one]));
      return variables.map(
        ({ key }, at) => byPath.get(paths[at]!.join('\0')) ?? fail(`it gives no value for ${key}`),
      );
    });
    return around(after);
  });
}

const isState = (thing: unknown): boolean => thing instanceof Variable;

/** One state that is trained. */
interface Trained {
  readonly variable: Variable;
  readonly gradient: Tensor;
  readonly slots: readonly (readonly [name: string, variable: Variable])[];
}

/**
 * Updates states by their gradients, which have the same structure, and gives the new values. Each state is read and
 * assigned in one fragment with what the optimiser keeps for it: states `<key>.<slot>`, and `step`, which counts the
 * updates, at the same place; where states are at several places, `step.<class>` at each. `counter` is another name
 * for `step`, where a module trains twice.
 */
export function train<const S extends States>(
  optimizer: Optimizer,
  states: S,
  gradients: ValuesFor<S>,
  options?: { readonly counter?: string },
): Held<S>;
export function train(
  optimizer: Optimizer,
  states: unknown,
  gradients: unknown,
  { counter = 'step' }: { readonly counter?: string } = {},
): unknown {
  const owner = recorder('train');
  return owner.call(train, () => {
    const { values: variables, around } = leavesOf<Variable>(states, isState);
    const { values: given } = leavesOf<Tensor>(gradients, isValue);
    if (given.length !== variables.length)
      owner.fail('BB308', {
        op: 'train',
        reason: `there are ${variables.length} states and ${given.length} gradients`,
      });
    const trained = variables.map((variable, at): Trained => {
      const slots = optimizer.slots(toValue(variable.initial, owner));
      const declared = Object.entries(slots).map(
        ([name, initial]) =>
          [
            name,
            Variable.declare(owner, `${variable.key}.${name}`, factOf(initial, 'train'), variable.at),
          ] as const,
      );
      return { variable, gradient: given[at]!, slots: declared };
    });
    const places = [...new Map(variables.map(({ place }) => [placeKey(place), place])).values()];
    const results = new Map<Variable, Tensor>();
    for (const place of places) {
      const here = trained.filter(({ variable }) => samePlace(variable.place, place));
      const name = places.length === 1 ? counter : `${counter}.${place.class}`;
      owner.atPlace(place, () => updateAll(owner, optimizer, here, name, results));
    }
    return around(variables.map((one) => results.get(one)));
  });
}

/** The states of one place, all in one fragment. */
function updateAll(
  owner: Recorder,
  optimizer: Optimizer,
  trained: readonly Trained[],
  counter: string,
  results: Map<Variable, Tensor>,
): void {
  const { at } = trained[0]!.variable;
  const start = factOf(constant(0, 'int64'), 'train');
  const counted = Variable.declare(owner, owner.qualified(counter), start, at);
  const all = [
    counted,
    ...trained.flatMap(({ variable, slots }) => [variable, ...slots.map(([, one]) => one)]),
  ];
  const after = Variable.updateTogether(owner, all, ([steps, ...before]) => {
    const step = steps as Counter;
    let next = 0;
    const made = trained.flatMap(({ gradient, slots }) => {
      const param = before[next++]!;
      const kept: Slots = Object.fromEntries(slots.map(([name]) => [name, before[next++]!]));
      const updated = optimizer.update({ param, grad: gradient, slots: kept, step });
      return [updated.param, ...slots.map(([name]) => updated.slots[name]!)];
    });
    return [step.add(1n), ...made];
  });
  let next = 1;
  for (const { variable, slots } of trained) {
    results.set(variable, after[next]!);
    next += 1 + slots.length;
  }
}
