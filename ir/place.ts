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
  /** The place at whose seats the binder was written, if that is a cohort: each head has its own phones. */
  readonly within?: Place;
  /** The entry whose flows pass here; absent where the module has one only. */
  readonly entry?: string;
}

export const single = (className: string): Place => ({ class: className, binder: { kind: 'single' } });
export const each = (className: string): Place => ({ class: className, binder: { kind: 'each' } });

/** Whether a binder of its own picks members of a cohort: each has its own value there already. */
export const isSubset = (part: Place, whole: Place): boolean =>
  part.class === whole.class && part.entry === whole.entry && isCohort(whole) && setOf(part) !== undefined;

/** The peer set that a place is bound to, a value of the graph; undefined where its binder takes none. */
export const setOf = ({ binder }: Place): ValueId | undefined => ('set' in binder ? binder.set : undefined);

/** Equal exactly for equal places; readable: `server`, `phone.each`, `phone.some(%12)`, `round: server`. */
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
