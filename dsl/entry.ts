// Entries: named ways to start the module. What goes on from flow to flow is state, or an argument of the entry.
//
//   entry('round', server, { initial: { round: 0n } }, ({ round }) => {
//     …
//     next('round', { round: round.add(1n) }).when(round.less(50n));
//   });

import { type Attribute, CORE, tensorType } from '../ir/index.ts';
import type { Cohort } from './cohort.ts';
import { addConstant, type DefaultDType, fromNested, type Nested } from './constant.ts';
import type { Known } from './containers.ts';
import { coreOp } from './core-op.ts';
import { type Duration, durationNs } from './duration.ts';
import { isPlace, type Place, placeOf } from './place.ts';
import { type Fact, type RecordedEntry, type Recorder, recorder } from './recorder.ts';
import { type EventFields, fieldType, isTrigger, type Trigger, triggerAttributes } from './trigger.ts';
import type { ElementOf, NestedShape, PlaceError, ShapeOf, Tensor, Value } from './types.ts';
import { factOf, isValue, toValue } from './value.ts';

type Initial = Readonly<Record<string, Tensor | Nested>>;
type Nothing = Readonly<Record<never, never>>;

/**
 * What becomes of a flow that would be one too many: it waits (default), is refused, or replaces the oldest, which is
 * cancelled.
 */
export type LimitPolicy = 'wait' | 'refuse' | 'replace';
const policies: readonly LimitPolicy[] = ['wait', 'refuse', 'replace'];

export interface EntryOptions<A extends Initial = Initial> {
  /** Arguments, with their values in a flow that was called rather than started by `next`. */
  readonly initial?: A;
  /** How many flows of this entry may be open at once, and what becomes of the next one. Default: 1, which waits. */
  readonly limit?: number | readonly [number, LimitPolicy];
  /** How long any wait of its flows lasts that has no `within` of its own, counted from when a peer learns of the flow. */
  readonly within?: Duration;
}

/** An argument of an entry, in the type of its initial value. */
export type Argument<T, P extends string> = T extends Tensor
  ? Value<ElementOf<T>, ShapeOf<T>, P>
  : Value<DefaultDType<T>, NestedShape<T>, P>;
type Arguments<A extends Initial, F extends EventFields, P extends string> = {
  readonly [Key in keyof A]: Argument<A[Key], P>;
} & { readonly [Key in keyof F]: Value<F[Key][0], Known<F[Key][1]>, P> };

/** Where the flows of an entry begin: at one member; at a cohort, at whichever member starts one. */
type StartOf<W> = W extends Place<infer P> ? P : W extends Cohort<infer Name> ? `${Name}.me` : never;
export type EntryPlace<W> = W extends Place<`${string}.one`> | Place<`${string}.some`>
  ? PlaceError<'an entry is at a class, at a cohort, or, joint, at each member of one'>
  : W;

/**
 * Declares a way to start the module: a flow begins at `place`, where `body` records what it does, as in `on`. Outputs
 * are given once for each flow. At a cohort each member starts flows of its own, as `me`; at each member of a cohort flows
 * are joint: every member enters flow n itself. With a trigger flows start by themselves. A module without an entry has
 * one, `main`.
 * Fails (BB319) for a second entry of one name, and where flows cannot start.
 */
export function entry<const W extends Place | Cohort>(
  name: string,
  place: EntryPlace<W> & W,
  body: () => void,
): void;
export function entry<const W extends Place | Cohort, const F extends EventFields>(
  name: string,
  place: EntryPlace<W> & W,
  trigger: Trigger<F>,
  body: (values: Arguments<Nothing, F, StartOf<W>>) => void,
): void;
export function entry<const W extends Place | Cohort, const A extends Initial = Nothing>(
  name: string,
  place: EntryPlace<W> & W,
  options: EntryOptions<A>,
  body: (values: Arguments<A, Nothing, StartOf<W>>) => void,
): void;
export function entry<
  const W extends Place | Cohort,
  const F extends EventFields,
  const A extends Initial = Nothing,
>(
  name: string,
  place: EntryPlace<W> & W,
  trigger: Trigger<F>,
  options: EntryOptions<A>,
  body: (values: Arguments<A, F, StartOf<W>>) => void,
): void;
export function entry(name: string, place: Place | Cohort, ...rest: readonly unknown[]): void {
  declareEntry(entry, name, place, rest);
}

/** `rest`: trigger and options, if any, and the body. */
export function declareEntry(
  caller: (...args: never) => unknown,
  name: string,
  place: Place | Cohort,
  rest: readonly unknown[],
): void {
  const owner = recorder('entry');
  const body = rest.at(-1) as (values: never) => void;
  const trigger = rest.find(isTrigger);
  const options = rest.slice(0, -1).find((one) => one !== trigger) as EntryOptions | undefined;
  if (owner.openEntry !== undefined)
    owner.fail('BB319', { entry: name, reason: `it is declared in the body of ${owner.openEntry}` });
  owner.inEntry(name, () => {
    const declared = owner.call(caller, () => declare(owner, name, place, trigger, options));
    const values = [...declared.arguments].map(([key, fact]) => [key, toValue(fact, owner)] as const);
    owner.atPlace(declared.place, () => body(Object.fromEntries(values) as never));
  });
}

const text = new TextEncoder();
const int = (name: string, value: number | bigint): Attribute => ({
  name,
  kind: 'int',
  value: BigInt(value),
});

function declare(
  owner: Recorder,
  name: string,
  at: Place | Cohort,
  trigger: Trigger | undefined,
  { initial = {}, limit = 1, within }: EntryOptions = {},
): RecordedEntry {
  const fail = (reason: string): never => owner.fail('BB319', { entry: name, reason });
  const place = placeOf(isPlace(at) ? at : at.me);
  const { kind } = place.binder;
  if (owner.entries.has(name)) fail('another entry has this name');
  if (name === '') fail('its name is empty');
  if (kind === 'one' || kind === 'some') fail(`${place.class}.${kind} is known only when a flow has begun`);
  const [most, policy] = typeof limit === 'number' ? [limit, 'wait' as const] : limit;
  if (!Number.isSafeInteger(most) || most < 1) fail(`a limit of ${most} flows is none`);
  if (!policies.includes(policy)) fail(`a limit waits, refuses or replaces; it does not ${policy}`);
  const names = Object.keys(initial);
  const fields = Object.entries(trigger?.fields ?? {});
  const twice = fields.find(([field]) => names.includes(field));
  if (twice !== undefined) fail(`${twice[0]} is an argument and what the event brings`);
  const inputs = names.map((key): Fact => {
    const value = initial[key];
    if (isValue(value)) return factOf(value, 'entry');
    return addConstant(owner, fromNested(owner, value as Nested, undefined));
  });
  owner.meet('entry', inputs, place);
  const all = [...names, ...fields.map(([field]) => field)];
  const attributes: Attribute[] = [
    { name: 'entry', kind: 'string', value: text.encode(name) },
    { name: 'arguments', kind: 'strings', value: all.map((key) => text.encode(key)) },
    int('limit', most),
    ...(policy === 'wait' ? [] : [{ name: 'policy', kind: 'string', value: text.encode(policy) } as const]),
    ...(within === undefined ? [] : [int('within_ns', durationNs(owner, within))]),
    ...(trigger === undefined ? [] : triggerAttributes(owner, name, trigger)),
  ];
  const cohort = owner.meet('entry', [], place);
  const results = [
    { name: 'started', type: tensorType('bool', []), cohort },
    ...inputs.map(({ type }, index) => ({ name: names[index]!, type, cohort })),
    ...fields.map(([field, type]) => ({ name: field, type: fieldType(type), cohort })),
  ];
  const [started, ...facts] = coreOp(owner, { type: CORE.invoke, inputs, attributes, place }, results);
  const declared: RecordedEntry = {
    name,
    place,
    bootstrap: trigger?.kind === 'begin',
    started: started!,
    arguments: new Map(all.map((key, index) => [key, facts[index]!])),
    initial: new Map(names.map((key, index) => [key, inputs[index]!])),
  };
  owner.entries.set(name, declared);
  return declared;
}
