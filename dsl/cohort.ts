// Cohorts: which members of a class a place means.

import {
  type Binder,
  each,
  type Place as IrPlace,
  packStrings,
  tensorType,
  type ValueId,
} from '../ir/index.ts';
import { addConstant } from './constant.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { type Place, toPlace } from './place.ts';
import { type Recorder, recorder } from './recorder.ts';
import { type Picker, self, view } from './sets.ts';
import { Variable } from './state.ts';
import type { Checked, DTypeError, ElementOf, Many, PlaceOf, Tensor, Value } from './types.ts';
import { factOf, isValue } from './value.ts';

/** Ids of peers, in order and without duplicates, or who picks them of the class's view. */
export type PeerSet = Tensor | Picker;

export type SetErrors<S> = S extends Tensor
  ? ElementOf<S> extends 'string'
    ? never
    : DTypeError<`a set is of peer ids, strings, not of ${ElementOf<S>}`>
  : never;

/** A place that a set binds: where each of many has a set of its own, within theirs. */
export type Bound<S, P extends string> = S extends Tensor
  ? PlaceOf<S> extends Many
    ? `${PlaceOf<S>}/${P}`
    : P
  : P;

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
   * The same set is the same place. Written at a cohort, each member of it has its own: what these have is collected there.
   * Fails (BB341) for what is no list of peer ids.
   */
  one<const S extends PeerSet>(
    set: Checked<S, SetErrors<S>>,
    options?: BindOptions,
  ): Place<Bound<S, `${Name}.one`>>;
  /** The members that are in a set of peers, in its order; else as `one`. */
  some<const S extends PeerSet>(
    set: Checked<S, SetErrors<S>>,
    options?: BindOptions,
  ): Place<Bound<S, `${Name}.some`>>;
  /** One other member than me: the first that the selector picks of the view without me. */
  neighbour(selector: Picker, options?: BindOptions): Place<`${Name}.one`>;
  /** Ids of the members of the class, as the peer that asks sees it now: string[k]. */
  view(): Value<'string', [number], 'any'>;
}

/** Participants of one kind: the class `name` of the topology, however many members it has. */
export function cohort<const Name extends string>(name: Name): Cohort<Name> {
  const bound = (kind: 'one' | 'some', set: unknown, { sticky = false }: BindOptions = {}): never => {
    const [taken, within] = takenSet(name, kind, set, sticky);
    const binder: Binder = { kind, set: taken, sticky };
    return toPlace({ class: name, binder, ...(within !== undefined && { within }) }) as never;
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

/** The set, and where each of many has its own. */
function takenSet(
  name: string,
  kind: 'one' | 'some',
  set: unknown,
  sticky: boolean,
): readonly [ValueId, IrPlace | undefined] {
  const owner = recorder(kind);
  return owner.call(takenSet, () => {
    const value = isValue(set) ? set : (set as Picker).pick(view(name));
    const fact = factOf(value, kind);
    const dims = dimsIn(fact.type);
    if ((dtypeIn(fact.type) ?? 'string') !== 'string' || (dims !== undefined && dims.length !== 1))
      owner.fail('BB341', { place: `${name}.${kind}`, reason: 'a set is a list of peer ids, string[k]' });
    const within = owner.meet(kind, [fact]);
    return [sticky ? keptSet(owner, `${name}.${kind}`, value, within ?? owner.place) : fact.id, within];
  });
}

/** The set of the session's first flow, in state of the session, where the set is made. */
function keptSet(owner: Recorder, name: string, fresh: Tensor, place: IrPlace | undefined): ValueId {
  if (place === undefined)
    owner.fail('BB341', { place: name, reason: 'it is sticky: say with on where that is kept' });
  // State of a session is one at a member, whoever bound it.
  if (place.within !== undefined)
    owner.fail('BB341', { place: name, reason: 'it is sticky: a place within another keeps no set' });
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
