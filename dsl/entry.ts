// Rounds: an entry is a named way to start the module, and `next` starts the next flow of the session, in which the
// rounds of training follow each other. What goes on from flow to flow is state, or an argument of the entry.
//
//   entry('round', server, { initial: { round: 0n } }, ({ round }) => {
//     …
//     next('round', { round: round.add(1n) }).when(round.less(50n));
//   });

import { type Attribute, CORE, isCohort, type OpId, placeKey, tensorType } from '../ir/index.ts';
import { addConstant, type DefaultDType, fromNested, type Nested } from './constant.ts';
import { coreOp, dimsIn, dtypeIn } from './core-op.ts';
import { type Place, placeOf } from './place.ts';
import { type Fact, type RecordedEntry, type Recorder, recorder } from './recorder.ts';
import type { NestedShape } from './rules.ts';
import type { Checked, ElementOf, Many, PlaceError, PlaceOf, ShapeOf, Tensor, Value } from './types.ts';
import { factOf, isValue, toValue } from './value.ts';

type Initial = Readonly<Record<string, Tensor | Nested>>;

export interface EntryOptions<A extends Initial = Initial> {
  /** Arguments, with their values in a flow that was called rather than started by `next`. */
  readonly initial?: A;
  /** How many flows of this entry may be open at once; the next one waits. Default: 1. */
  readonly limit?: number;
}

/** An argument of an entry, in the type of its initial value. */
export type Argument<T, P extends string> = T extends Tensor
  ? Value<ElementOf<T>, ShapeOf<T>, P>
  : Value<DefaultDType<T>, NestedShape<T>, P>;
type Arguments<A extends Initial, P extends string> = { readonly [Key in keyof A]: Argument<A[Key], P> };

type EntryPlace<P extends string> = P extends Many
  ? PlaceError<`an entry starts at one member, not at ${P}`>
  : Place<P>;

/**
 * Declares how the module starts: a flow begins at `place`, where `body` records what it does, as in `on`. Outputs
 * are given once for each flow. A module without an entry has one, `main`.
 * Fails (BB319) for a second entry, and at a cohort.
 */
export function entry<const P extends string>(
  name: string,
  place: EntryPlace<P> & Place<P>,
  body: () => void,
): void;
export function entry<const P extends string, const A extends Initial = Readonly<Record<never, never>>>(
  name: string,
  place: EntryPlace<P> & Place<P>,
  options: EntryOptions<A>,
  body: (values: Arguments<A, P>) => void,
): void;
export function entry(
  name: string,
  place: Place,
  first: EntryOptions | ((values: never) => void),
  second?: (values: never) => void,
): void {
  const owner = recorder('entry');
  const body = second ?? (first as (values: never) => void);
  const options = second === undefined ? {} : (first as EntryOptions);
  const declared = owner.call(entry, () => declare(owner, name, place, options));
  const values = [...declared.arguments].map(([key, fact]) => [key, toValue(fact, owner)] as const);
  owner.atPlace(declared.place, () => body(Object.fromEntries(values) as never));
}

const text = new TextEncoder();

function declare(
  owner: Recorder,
  name: string,
  at: Place,
  { initial = {}, limit = 1 }: EntryOptions,
): RecordedEntry {
  const fail = (reason: string): never => owner.fail('BB319', { entry: name, reason });
  const place = placeOf(at);
  if (owner.entry !== undefined) fail(`the module has the entry ${owner.entry.name} already`);
  if (name === '') fail('its name is empty');
  if (isCohort(place)) fail(`${placeKey(place)} is many members; a flow starts at one`);
  if (!Number.isSafeInteger(limit) || limit < 1) fail(`a limit of ${limit} flows is none`);
  const names = Object.keys(initial);
  const inputs = names.map((key): Fact => {
    const value = initial[key];
    if (isValue(value)) return factOf(value, 'entry');
    return addConstant(owner, fromNested(owner, value as Nested, undefined));
  });
  owner.meet('entry', inputs, place);
  const attributes: Attribute[] = [
    { name: 'entry', kind: 'string', value: text.encode(name) },
    { name: 'arguments', kind: 'strings', value: names.map((key) => text.encode(key)) },
    { name: 'limit', kind: 'int', value: BigInt(limit) },
  ];
  const results = [
    { name: 'started', type: tensorType('bool', []) },
    ...inputs.map(({ type }, index) => ({ name: names[index]!, type })),
  ];
  const [started, ...facts] = coreOp(owner, { type: CORE.invoke, inputs, attributes, place }, results);
  owner.entry = {
    name,
    place,
    started: started!,
    arguments: new Map(names.map((key, index) => [key, facts[index]!])),
  };
  return owner.entry;
}

/** A flow that is to follow; without a condition it always does. */
export interface Next {
  /** Only if `condition`, a bool scalar, holds; where it is missing, no flow follows. */
  when<C extends Tensor<'bool'>>(condition: Checked<C, ConditionErrors<C>>): void;
}

type ConditionErrors<C extends Tensor> =
  PlaceOf<C> extends Many
    ? PlaceError<`next: a condition of ${PlaceOf<C>} decides nothing elsewhere: collect it`>
    : never;

/**
 * Starts the next flow of this session when what this op stands among has committed: at the same member, with `values`
 * for arguments of the entry. Those that are not named keep the value they have in this flow. If a value is
 * missing, no flow follows, and the session ends.
 * Fails (BB320) where there is no such entry or argument, or the type of a value differs.
 */
export function next(name: string, values: Readonly<Record<string, Tensor>> = {}): Next {
  const owner = recorder('next');
  return owner.call(next, () => {
    const fail = (reason: string): never => owner.fail('BB320', { entry: name, reason });
    const known = owner.entry;
    if (known?.name !== name)
      return fail(known === undefined ? 'the module has no entry' : `the module's entry is ${known.name}`);
    for (const key of Object.keys(values)) if (!known.arguments.has(key)) fail(`${key} is no argument of it`);
    const inputs = [...known.arguments].map(([key, before]) => {
      if (!Object.hasOwn(values, key)) return before;
      const value = factOf(values[key], 'next');
      const problem = difference(before, value);
      if (problem !== undefined) fail(`${key} ${problem}`);
      return value;
    });
    const { place } = known;
    owner.meet('next', inputs, place);
    const attributes: Attribute[] = [{ name: 'entry', kind: 'string', value: text.encode(name) }];
    coreOp(owner, { type: CORE.next, inputs: [known.started, ...inputs], attributes, place }, []);
    owner.goesOn = true;
    return new Following(owner, owner.mainGraph.ops.at(-1)!);
  });
}

function difference(wanted: Fact, value: Fact): string | undefined {
  const [a, b] = [dtypeIn(wanted.type), dtypeIn(value.type)];
  if (a !== undefined && b !== undefined && a !== b) return `is ${a}, the value is ${b}`;
  const [s, t] = [dimsIn(wanted.type), dimsIn(value.type)];
  if (s === undefined || t === undefined) return undefined;
  const clash = s.some(
    (dim, axis) => typeof dim === 'number' && typeof t[axis] === 'number' && dim !== t[axis],
  );
  return s.length !== t.length || clash ? `is [${s.join(', ')}], the value is [${t.join(', ')}]` : undefined;
}

class Following implements Next {
  readonly #owner: Recorder;
  readonly #op: OpId;

  constructor(owner: Recorder, op: OpId) {
    this.#owner = owner;
    this.#op = op;
  }

  when(condition: unknown): void {
    const owner = this.#owner;
    owner.call(this.when, () => {
      const fact = factOf(condition, 'next');
      const { name, place } = owner.entry!;
      const fail = (reason: string): never => owner.fail('BB320', { entry: name, reason });
      const dims = dimsIn(fact.type);
      if ((dtypeIn(fact.type) ?? 'bool') !== 'bool' || (dims !== undefined && dims.length > 0))
        fail('its condition is not a bool scalar');
      const [before, ...values] = owner.editor.op(this.#op).inputs;
      if (before !== owner.entry!.started.id) fail('it has a condition already');
      owner.meet('next', [fact], place);
      owner.editor.setOp(this.#op, { inputs: [fact.id, ...values] });
      // The condition was recorded after the op that reads it.
      const { ops } = owner.mainGraph;
      ops.splice(ops.indexOf(this.#op), 1);
      ops.push(this.#op);
    });
  }
}
