// Peers and `on`: where the author wants things to live.

import { type Place as IrPlace, placeKey, samePlace, single } from '../ir/index.ts';
import { type Recorder, recorder } from './recorder.ts';
import type {
  Checked,
  ElementOf,
  Many,
  PartOf,
  PlaceError,
  PlaceOf,
  ShapeOf,
  Tensor,
  Value,
} from './types.ts';
import { defineMethod, factOf, type Handle, toValue } from './value.ts';

declare const place: unique symbol;
const location: unique symbol = Symbol('location');

/** A place by its key: `"server"`, or `"phone.each"` for every member of a cohort. */
export interface Place<out P extends string = string> {
  readonly [place]?: P;
  readonly [location]: IrPlace;
}

/** A participant: the class `name` of the topology, which has exactly one member. */
export const peer = <const Name extends string>(name: Name): Place<Name> => ({ [location]: single(name) });

/** The handle of a place. */
export const toPlace = <P extends string>(place: IrPlace): Place<P> => ({ [location]: place });

/** Whether it is a place, and not a whole class. */
export const isPlace = (thing: object): thing is Place => location in thing;

export const placeOf = (of: Place): IrPlace => of[location];

/** Values of `R`, now known to be at `P`. */
export type Placed<R, P extends string> = R extends Tensor
  ? Value<ElementOf<R>, ShapeOf<R>, P>
  : R extends Place<infer Q>
    ? Place<P extends Many ? (Q extends `${string}/${string}` ? Q : `${P}/${Q}`) : Q>
    : R extends object
      ? { readonly [Key in keyof R]: Placed<R[Key], P> }
      : R;

/** What is wrong with taking values of `R` to `P`. */
export type OnErrors<R, P extends string> = R extends Tensor
  ? PlaceOf<R> extends Many
    ? P extends PlaceOf<R> | PartOf<PlaceOf<R>>
      ? never
      : PlaceError<`a value of ${PlaceOf<R>} is used on ${P}: collect it first`>
    : never
  : R extends Place
    ? never
    : R extends object
      ? { [Key in keyof R]: OnErrors<R[Key], P> }[keyof R]
      : never;

/**
 * Records what `body` does at `place`, and gives what it gives.
 * Ops outside any `on` are left for the compiler to place.
 * Fails (BB306) at an op that reads a cohort's value elsewhere; `collect` brings such values here.
 */
export function on<const P extends string, R>(
  place: Place<P>,
  body: () => Checked<R, OnErrors<R, P>>,
): Placed<R, P> {
  const owner: Recorder = recorder('on');
  return owner.atPlace(placeOf(place), () => body()) as Placed<R, P>;
}

export interface PlaceMethods {
  /** Puts the op that made this value at `place`. */
  at<V extends Tensor, const P extends string>(
    this: V,
    place: Checked<Place<P>, OnErrors<V, P>>,
  ): Placed<V, P>;
  /** Names the value, in place of the author's variable. */
  named<V extends Tensor>(this: V, name: string): V;
}

defineMethod('at', function at(this: Handle, target: Place) {
  const owner: Recorder = recorder('at');
  return owner.call(at, () => {
    const fact = factOf(this, 'at');
    const place = placeOf(target);
    const { def } = owner.editor.value(fact.id);
    if (def.kind !== 'op')
      owner.fail('BB308', { op: 'at', reason: 'only the result of an op can be put somewhere' });
    const op = owner.editor.op(def.op);
    if (op.place !== undefined && !samePlace(op.place, owner.inOpenEntry(place))) {
      owner.fail('BB308', { op: 'at', reason: `the value is at ${placeKey(op.place)} already` });
    }
    const cohort = owner.meet('at', [fact], place);
    owner.editor.setOp(def.op, { place: owner.inOpenEntry(place) });
    return toValue({ ...fact, cohort }, owner);
  });
});

defineMethod('named', function named(this: Handle, name: string) {
  const owner: Recorder = recorder('named');
  return owner.call(named, () => {
    const fact = factOf(this, 'named');
    const { inputs, outputs } = owner.mainGraph;
    if (name === '' || inputs.includes(fact.id) || outputs.includes(fact.id)) {
      owner.fail('BB308', { op: 'named', reason: 'inputs, outputs and empty names stay as they are' });
    }
    owner.rename(fact.id, owner.qualified(name));
    return this;
  });
});
