// Places: where a value lives. A place is a class of the topology and a binder that says which member.

import type { ValueId } from './graph.ts';

/**
 * Which member of a class. `single`: the class has exactly one. `me`: the member that started the flow.
 * `each`: every member of the class's current view. `one` and `some` take a peer set, a value of the graph.
 */
export type Binder =
  | { readonly kind: 'single' }
  | { readonly kind: 'me' }
  | { readonly kind: 'each' }
  | { readonly kind: 'one'; readonly set: ValueId; readonly sticky: boolean }
  | { readonly kind: 'some'; readonly set: ValueId; readonly sticky: boolean };

export interface Place {
  readonly class: string;
  readonly binder: Binder;
  /** The place at whose members the binder was written, if they are many: each head has its own phones. It says no entry. */
  readonly within?: Place;
  /** The entry whose flows pass here; absent where the module has one only. */
  readonly entry?: string;
}

export const single = (className: string): Place => ({ class: className, binder: { kind: 'single' } });
export const each = (className: string): Place => ({ class: className, binder: { kind: 'each' } });

/** Where a place's binder was written, if that is a place of many members. */
export const outerOf = ({ within, entry }: Place): Place | undefined =>
  within && (entry === undefined ? within : { ...within, entry });

/** How many binders, each written at the members of the one before, led to a place. */
export const depthOf = ({ within }: Place): number => (within === undefined ? 0 : 1 + depthOf(within));

/** Whether two places were bound by the same member, or both by none. */
export const areBeside = (a: Place, b: Place): boolean => {
  const [x, y] = [outerOf(a), outerOf(b)];
  return a.entry === b.entry && (x === undefined || y === undefined ? x === y : samePlace(x, y));
};

/** Whether a binder of its own picks members of a cohort: each has its own value there already. */
export const isSubset = (part: Place, whole: Place): boolean =>
  part.class === whole.class && areBeside(part, whole) && isCohort(whole) && setOf(part) !== undefined;

/** Whether members of `outer` bound a place. */
export const isBoundAt = (inner: Place, outer: Place): boolean => {
  const around = outerOf(inner);
  return around !== undefined && samePlace(around, outer);
};

/** Whether members of `outer`, or of a part of it, bound a place or one around it: their values can be brought there. */
export const isInside = (inner: Place, outer: Place): boolean => {
  const around = outerOf(inner);
  return around !== undefined && (samePlace(around, outer) || isPartOf(around, outer));
};

/** Whether each member of `whole` that has to do with `part` has its own value there, or can bring it. */
export const isPartOf = (part: Place, whole: Place): boolean =>
  isSubset(part, whole) || isInside(part, whole);

/** The peer set that a place is bound to, a value of the graph; undefined where its binder takes none. */
export const setOf = ({ binder }: Place): ValueId | undefined => ('set' in binder ? binder.set : undefined);

/** That, and those of the places around. */
export const setsOf = (place: Place): readonly ValueId[] => {
  const set = setOf(place);
  const around = place.within === undefined ? [] : setsOf(place.within);
  return set === undefined ? around : [set, ...around];
};

/** Equal exactly for equal places; readable: `server`, `phone.each`, `head.each/phone.some(%12)`, `round: server`. */
export function placeKey(place: Place): string {
  const { binder } = place;
  const entry = place.entry === undefined ? '' : `${place.entry}: `;
  const outer = entry + (place.within === undefined ? '' : `${placeKey(place.within)}/`);
  switch (binder.kind) {
    case 'single':
      return outer + place.class;
    case 'me':
    case 'each':
      return `${outer}${place.class}.${binder.kind}`;
    default:
      return `${outer}${place.class}.${binder.kind}(%${binder.set}${binder.sticky ? ', sticky' : ''})`;
  }
}

export const samePlace = (a: Place, b: Place): boolean => a === b || placeKey(a) === placeKey(b);

/** Whether values at this place are many, one per member. */
export const isCohort = (place: Place): boolean =>
  place.binder.kind === 'each' || place.binder.kind === 'some';

/** Whether there are several values of one that lives there: of members, or of those who each bound one. */
export const isMany = (place: Place): boolean => isCohort(place) || place.within !== undefined;

/** Whether values of many that live at `from` can be used at `to` without being collected. */
export const reaches = (from: Place, to: Place): boolean =>
  samePlace(from, to) || isPartOf(to, from) || (!isCohort(from) && isBoundHelper(from, to));

/** One member that another bound: the only one to it, and to all that it bound. */
function isBoundHelper(from: Place, to: Place): boolean {
  const around = outerOf(from);
  return around !== undefined && (areBeside(from, to) || reaches(around, to));
}
