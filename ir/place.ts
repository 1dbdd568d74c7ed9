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
}

export const single = (className: string): Place => ({ class: className, binder: { kind: 'single' } });
export const each = (className: string): Place => ({ class: className, binder: { kind: 'each' } });

/** Equal exactly for equal places; readable: `server`, `phone.each`, `phone.some(%12)`. */
export function placeKey(place: Place): string {
  const { binder } = place;
  const outer = place.within === undefined ? '' : `${placeKey(place.within)}/`;
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
