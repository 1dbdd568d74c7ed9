// Cohorts: which members of a class a place means.

import { type Binder, each, packStrings, tensorType, type ValueId } from '../ir/index.ts';
import { addConstant } from './constant.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { type Place, toPlace } from './place.ts';
import { type Recorder, recorder } from './recorder.ts';
import { type Picker, self, view } from './sets.ts';
import { Variable } from './state.ts';
import type { Checked, DTypeError, ElementOf, Many, PlaceError, PlaceOf, Tensor, Value } from './types.ts';
import { factOf, isValue } from './value.ts';

/** Ids of peers, in order and without duplicates, or who picks them of the class's view. */
export type PeerSet = Tensor | Picker;

export type SetErrors<S> = S extends Tensor
  ? ElementOf<S> extends 'string'
    ? PlaceOf<S> extends Many
      ? PlaceError<`each member of ${PlaceOf<S>} has a set of its own: a place takes one`>
      : never
    : DTypeError<`a set is of peer ids, strings, not of ${ElementOf<S>}`>
  : never;

export interface BindOptions {
  /** Whether the set is taken once for a session, and not anew in each of its flows. */
  readonly sticky?: boolean;
}

/** A named kind of participant with any number of members. */
export interface Cohort<Name extends string = string> {
  readonly name: Name;
  /** Every member: a value here exists once per member. */
  readonly each: Place<`${Name}.each`>;
  /** The member that started the flow: of entries at the cohort. */
  readonly me: Place<`${Name}.me`>;
  /**
   * The first of a set of peers. The set is taken once in a flow: who joins it later is not in it, who leaves is missing.
   * The same set is the same place. Fails (BB341) for a set that each of several members has.
   */
  one<const S extends PeerSet>(set: Checked<S, SetErrors<S>>, options?: BindOptions): Place<`${Name}.one`>;
  /** The members that are in a set of peers, in its order; else as `one`. */
  some<const S extends PeerSet>(set: Checked<S, SetErrors<S>>, options?: BindOptions): Place<`${Name}.some`>;
  /** One other member than me: the first that the selector picks of the view without me. */
  neighbour(selector: Picker, options?: BindOptions): Place<`${Name}.one`>;
  /** Ids of the members of the class, as the peer that asks sees it now: string[k]. */
  view(): Value<'string', [number], 'any'>;
}

/** Participants of one kind: the class `name` of the topology, however many members it has. */
export function cohort<const Name extends string>(name: Name): Cohort<Name> {
  const bound = (kind: 'one' | 'some', set: unknown, { sticky = false }: BindOptions = {}): never => {
    const binder: Binder = { kind, set: takenSet(name, kind, set, sticky), sticky };
    return toPlace({ class: name, binder }) as never;
  };
  return {
    name,
    each: toPlace(each(name)),
    me: toPlace({ class: name, binder: { kind: 'me' } }),
    one: (set, options) => bound('one', set, options),
    some: (set, options) => bound('some', set, options),
    neighbour: (selector, options) => bound('one', selector.pick(view(name).without(self())), options),
    view: () => view(name),
  };
}

function takenSet(name: string, kind: 'one' | 'some', set: unknown, sticky: boolean): ValueId {
  const owner = recorder(kind);
  return owner.call(takenSet, () => {
    const fail = (reason: string): never => owner.fail('BB341', { place: `${name}.${kind}`, reason });
    const value = isValue(set) ? set : (set as Picker).pick(view(name));
    const { id, type, cohort: many } = factOf(value, kind);
    const dims = dimsIn(type);
    if ((dtypeIn(type) ?? 'string') !== 'string' || (dims !== undefined && dims.length !== 1))
      fail('a set is a list of peer ids, string[k]');
    if (many !== undefined)
      fail(`each member of ${many.class} has a set of its own; places within places come later`);
    return sticky ? keptSet(owner, `${name}.${kind}`, value) : id;
  });
}

/** The set of the session's first flow, in state of the session, where the set is made. */
function keptSet(owner: Recorder, name: string, fresh: Tensor): ValueId {
  const { place } = owner;
  if (place === undefined)
    owner.fail('BB341', { place: name, reason: 'it is sticky: say with on where that is kept' });
  const count = ((owner.once.get('sticky sets') as number | undefined) ?? 0) + 1;
  owner.once.set('sticky sets', count);
  const empty = addConstant(owner, { dtype: 'string', dims: [0], bytes: packStrings([]) });
  const start = { ...empty, type: tensorType('string', [null]) };
  const key = owner.qualified(`sticky_${count}`);
  const kept = Variable.declare(owner, key, start, toPlace(place), 'session');
  const before = kept.read() as Value<'string', [number], 'any'>;
  const taken = before.when(before.size().greater(0n)).orElse(fresh as Tensor<'string'> as never);
  kept.assign(taken);
  return factOf(taken, name).id;
}
