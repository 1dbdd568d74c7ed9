// What starts another flow when a flow has committed: `next` goes on with its session, `start` opens another one.

import { type Attribute, CORE, type OpId, placeKey } from '../ir/index.ts';
import { coreOp, dimsIn, dtypeIn } from './core-op.ts';
import { type Fact, type RecordedEntry, type Recorder, recorder } from './recorder.ts';
import type { Checked, Many, PlaceError, PlaceOf, Tensor } from './types.ts';
import { factOf } from './value.ts';

/** A flow that is to follow; without a condition it always does. */
export interface Next {
  /** Only if `condition`, a bool scalar, holds; where it is missing, no flow follows. */
  when<C extends Tensor<'bool'>>(condition: Checked<C, ConditionErrors<C>>): void;
}

type ConditionErrors<C extends Tensor> =
  PlaceOf<C> extends Many
    ? PlaceOf<C> extends `${string}.some`
      ? PlaceError<`next: a condition of ${PlaceOf<C>} decides nothing elsewhere: collect it`>
      : never
    : never;

/**
 * Starts the next flow of this session when what this op stands among has committed: at the same member, with `values`
 * for arguments of the entry. It may be another entry of the same class. Arguments that are not named keep the value they
 * have in this flow; those of another entry their initial one. If a value is missing, no flow follows, and the session
 * ends. In a joint entry the next flow is the one with the next number.
 * Fails (BB320) where there is no such entry or argument, or the type of a value differs.
 */
export function next(name: string, values: Readonly<Record<string, Tensor>> = {}): Next {
  const owner = recorder('next');
  return owner.call(next, () => {
    owner.goesOn = true;
    return follow(owner, 'next', CORE.next, name, values);
  });
}

/**
 * As `next`, but the flow begins a session of its own: no order holds between it and this one, and binders are bound anew.
 * Fails (BB320) as `next` does.
 */
export function start(name: string, values: Readonly<Record<string, Tensor>> = {}): Next {
  const owner = recorder('start');
  return owner.call(start, () => follow(owner, 'start', CORE.start, name, values));
}

/** The entry whose flow asks for another. */
function askingEntry(owner: Recorder): RecordedEntry | undefined {
  const only = owner.entries.size === 1 ? [...owner.entries.keys()][0]! : '';
  return owner.entries.get(owner.openEntry ?? only);
}

function follow(
  owner: Recorder,
  what: 'next' | 'start',
  type: string,
  name: string,
  values: Readonly<Record<string, Tensor>>,
): Next {
  const at = owner.site?.at;
  const fail = (reason: string): never =>
    owner.fail('BB320', { what, entry: name, reason }, at === undefined ? {} : { at });
  const from = askingEntry(owner) ?? fail('it stands in no entry');
  const given = new Map(Object.entries(values).map(([key, value]) => [key, factOf(value, what)]));
  const { place } = from;
  owner.meet(what, [...given.values()], place);
  const attributes: Attribute[] = [{ name: 'entry', kind: 'string', value: new TextEncoder().encode(name) }];
  const target = owner.entries.get(name);
  const inputs = target === undefined ? [] : argumentsFor(from, target, given, fail);
  coreOp(owner, { type, inputs: [from.started, ...inputs], attributes, place }, []);
  const op = owner.mainGraph.ops.at(-1)!;
  if (target === undefined) {
    // It may be declared further down.
    owner.finishers.push(() => {
      const known = [...owner.entries.keys()].join(', ');
      const later = owner.entries.get(name) ?? fail(`the module's entries are ${known}`);
      const [condition] = owner.editor.op(op).inputs;
      const rest = argumentsFor(from, later, given, fail).map(({ id }) => id);
      owner.editor.setOp(op, { inputs: [condition!, ...rest] });
    });
  }
  return new Following(owner, op, from, (reason) => fail(reason));
}

/** What the flow to come is given, in the order of its entry's arguments. */
function argumentsFor(
  from: RecordedEntry,
  target: RecordedEntry,
  given: ReadonlyMap<string, Fact>,
  fail: (reason: string) => never,
): readonly Fact[] {
  const [here, there] = [placeKey(from.place), placeKey(target.place)];
  if (here !== there) fail(`it begins at ${there}, and this flow at ${here}`);
  for (const key of given.keys()) if (!target.arguments.has(key)) fail(`${key} is no argument of it`);
  return [...target.arguments].map(([key, argument]) => {
    const before = target === from ? argument : target.initial.get(key);
    const value = given.get(key) ?? before ?? fail(`${key} has no value`);
    const problem = difference(argument, value);
    return problem === undefined ? value : fail(`${key} ${problem}`);
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
  readonly #from: RecordedEntry;
  readonly #fail: (reason: string) => never;

  constructor(owner: Recorder, op: OpId, from: RecordedEntry, fail: (reason: string) => never) {
    this.#owner = owner;
    this.#op = op;
    this.#from = from;
    this.#fail = fail;
  }

  when(condition: unknown): void {
    const owner = this.#owner;
    const { started, place } = this.#from;
    owner.call(this.when, () => {
      const fact = factOf(condition, 'next');
      const dims = dimsIn(fact.type);
      if ((dtypeIn(fact.type) ?? 'bool') !== 'bool' || (dims !== undefined && dims.length > 0))
        this.#fail('its condition is not a bool scalar');
      const [before, ...values] = owner.editor.op(this.#op).inputs;
      if (before !== started.id) this.#fail('it has a condition already');
      owner.meet('next', [fact], place);
      owner.editor.setOp(this.#op, { inputs: [fact.id, ...values] });
      // The condition was recorded after the op that reads it.
      const { ops } = owner.mainGraph;
      ops.splice(ops.indexOf(this.#op), 1);
      ops.push(this.#op);
    });
  }
}
