// State that a member keeps from flow to flow.

import { type Attribute, CORE, type Place as IrPlace, placeKey, type StateVariable } from '../ir/index.ts';
import { addConstant, fromNested, type Nested } from './constant.ts';
import { coreOp, dimsIn, dtypeIn } from './core-op.ts';
import { isPlace, type Place, placeOf } from './place.ts';
import { differsByFlow } from './random/key.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { Broadcast } from './rules.ts';
import type {
  AnyShape,
  Checked,
  ClassOf,
  DTypeErrors,
  Element,
  ElementOf,
  Many,
  PlaceError,
  PlaceOf,
  ShapeError,
  ShapeOf,
  Tensor,
  Value,
} from './types.ts';
import { factOf, isValue, toValue } from './value.ts';

declare const held: unique symbol;
/** What is known of a state without its methods, which types of several states cannot afford to compare. */
export interface Holder<out V extends Tensor = Tensor> {
  readonly [held]: V;
}
export type HeldBy<H> = H extends Holder<infer V> ? V : never;

/** A variable of one member, or of each member of a cohort. */
export interface State<D extends Element, S extends AnyShape, P extends string>
  extends Holder<Value<D, S, P>> {
  /** What was committed when the flow began to use it; after an assignment in this flow, what was assigned. */
  read(): Value<D, S, P>;
  /** Commits `value` when its fragment ends. A declined value changes nothing. */
  assign<V extends Tensor>(value: Checked<V, AssignErrors<D, S, P, V>>): void;
  /** Reads, and assigns what `change` makes of it, in one fragment; gives the new value. */
  update<V extends Tensor>(
    change: (value: Value<D, S, P>) => Checked<V, AssignErrors<D, S, P, V>>,
  ): Value<D, S, P>;
}

/** Why a value cannot be assigned to a state: the first reason, so that the editor shows its text. */
export type AssignErrors<D extends Element, S extends AnyShape, P extends string, V extends Tensor> = FirstOf<
  DTypeErrors<'assign', D, V>,
  FirstOf<AssignPlaceErrors<P, V>, AssignShapeErrors<S, ShapeOf<V>>>
>;
type FirstOf<A, B> = [A] extends [never] ? B : A;
type AssignPlaceErrors<P extends string, V extends Tensor> =
  PlaceOf<V> extends Many
    ? ClassOf<PlaceOf<V>> extends ClassOf<P>
      ? never
      : P extends 'any'
        ? never
        : PlaceError<`assign: a value of ${PlaceOf<V>} is used on ${P}: collect it first`>
    : never;
type AssignShapeErrors<S extends AnyShape, T extends AnyShape> = number extends S['length']
  ? never
  : number extends T['length']
    ? never
    : S['length'] extends T['length']
      ? Broadcast<S, T> extends string
        ? ShapeError<'assign: the value does not have the shape of the state'>
        : never
      : ShapeError<'assign: the value does not have the rank of the state'>;

/** A whole class, whose members have the state wherever they take part. */
interface AnyMember {
  readonly name: string;
  readonly each: Place;
}

export interface StateOptions<At> {
  /** The member that has it, each member of a cohort, or a cohort, whose members read it in whichever place they are. */
  readonly at: At;
  /** One for each session: what a flow assigns is there in the flows that follow it, and gone with the last. */
  readonly perSession?: boolean;
  /** One for each peer that starts flows here: in its flows, that is what is read. */
  readonly perPeer?: boolean;
}

/**
 * Declares state that starts as `initial`. Its key, stable across versions of the program, is the scope and `name`.
 * Fails (BB313) if another state has this name, or no place is given.
 */
export function state<V extends Tensor>(
  name: string,
  initial: V,
  options: StateOptions<AnyMember>,
): State<ElementOf<V>, ShapeOf<V>, 'any'>;
export function state(
  name: string,
  initial: number | readonly Nested[],
  options: StateOptions<AnyMember>,
): State<'float32', AnyShape, 'any'>;
export function state<V extends Tensor, const P extends string>(
  name: string,
  initial: V,
  options: StateOptions<Place<P>>,
): State<ElementOf<V>, ShapeOf<V>, P>;
export function state<const P extends string>(
  name: string,
  initial: number | readonly Nested[],
  options: StateOptions<Place<P>>,
): State<'float32', AnyShape, P>;
export function state(
  name: string,
  initial: unknown,
  { at, perSession = false, perPeer = false }: StateOptions<Place | AnyMember>,
): State<Element, AnyShape, string> {
  const owner = recorder('state');
  return owner.call(state, () => {
    const key = owner.qualified(name);
    const start = isValue(initial)
      ? factOf(initial, 'state')
      : addConstant(owner, fromNested(owner, initial as Nested, undefined), name);
    if (name === '') owner.fail('BB313', { key, reason: 'its name is empty' });
    // Until it is assigned, each flow reads what it starts as.
    if (differsByFlow(owner, start.id))
      owner.fail('BB313', {
        key,
        reason: 'a key that is another one in each flow draws what it starts as; take fixedKey',
      });
    if (perSession && perPeer)
      owner.fail('BB313', { key, reason: 'it is per session or per peer, not both' });
    const scope = perSession ? 'session' : perPeer ? 'peer' : 'member';
    const place = isPlace(at) ? at : at.each;
    return Variable.declare(owner, key, start, place, scope) as unknown as State<Element, AnyShape, string>;
  });
}

/** What every {@link State} is when recording. */
export class Variable {
  readonly #owner: Recorder;
  readonly key: string;
  readonly initial: Fact;
  /** Where it was declared. */
  readonly at: Place;
  readonly #scope: StateVariable['scope'];
  /** By place and entry: what was read there, and what a read gives from now on. */
  readonly #read = new Map<string, Fact>();
  readonly #now = new Map<string, Fact>();

  private constructor(owner: Recorder, key: string, initial: Fact, at: Place, scope: StateVariable['scope']) {
    this.#owner = owner;
    this.key = key;
    this.initial = initial;
    this.at = at;
    this.#scope = scope;
  }

  /** Fails (BB313) if another state has this key. */
  static declare(
    owner: Recorder,
    key: string,
    initial: Fact,
    at: Place,
    scope: StateVariable['scope'] = 'member',
  ): Variable {
    if (owner.keys.has(key)) owner.fail('BB313', { key, reason: 'another state has this name' });
    owner.keys.add(key);
    return new Variable(owner, key, initial, at, scope);
  }

  /** The place around where that is a member that has it, else where it was declared. */
  get place(): IrPlace {
    const stated = placeOf(this.at);
    const around = this.#owner.place;
    return around?.class === stated.class ? around : stated;
  }

  /**
   * Reads several states of one place, and assigns each what `change` makes of them, all in one fragment; gives the new
   * values.
   */
  static updateTogether(
    owner: Recorder,
    variables: readonly Variable[],
    change: (values: readonly Tensor[]) => readonly Tensor[],
  ): readonly Tensor[] {
    const number: Attribute = { name: 'update', kind: 'int', value: BigInt(owner.updates++) };
    const before = variables.map((one) => one.#readCommitted([number]));
    const after = change(before.map((fact) => toValue(fact, owner)));
    variables.forEach((one, index) => {
      one.#assign(factOf(after[index], 'update'), before[index], [number]);
    });
    return variables.map((one) => toValue(one.#current(), owner));
  }

  read(): Tensor {
    return this.#owner.call(this.read, () => toValue(this.#current(), this.#owner));
  }

  assign(value: unknown): void {
    this.#owner.call(this.assign, () => this.#assign(factOf(value, 'assign')));
  }

  update(change: (value: Tensor) => Tensor): Tensor {
    const owner = this.#owner;
    // A value read or assigned before may by then be older than what other flows have committed: an update
    // reads for itself, in the fragment that assigns.
    return owner.call(this.update, () => {
      const inside = (value: Tensor): Tensor =>
        owner.atPlace(this.place, () => owner.callback(() => change(value)));
      return Variable.updateTogether(owner, [this], ([value]) => [inside(value!)])[0]!;
    });
  }

  #attributes(): Attribute[] {
    const text = (name: string, value: string): Attribute => ({
      name,
      kind: 'string',
      value: new TextEncoder().encode(value),
    });
    return [text('key', this.key), ...(this.#scope === 'member' ? [] : [text('scope', this.#scope)])];
  }

  #readCommitted(extra: readonly Attribute[] = []): Fact {
    const { place } = this;
    return coreOp(
      this.#owner,
      {
        type: CORE.stateRead,
        inputs: [this.initial],
        attributes: [...this.#attributes(), ...extra],
        place,
      },
      [
        {
          name: this.key.split('.').at(-1)!,
          type: this.initial.type,
          cohort: this.#owner.meet('state', [this.initial], place),
          declinable: false,
        },
      ],
    )[0]!;
  }

  /** What is read and assigned is so in one place of one entry. */
  get #here(): string {
    return placeKey(this.#owner.inOpenEntry(this.place));
  }

  #current(): Fact {
    const here = this.#here;
    const read = this.#read.get(here) ?? this.#readCommitted();
    this.#read.set(here, read);
    const now = this.#now.get(here) ?? read;
    this.#now.set(here, now);
    return now;
  }

  #assign(value: Fact, read?: Fact, extra: readonly Attribute[] = []): void {
    const owner = this.#owner;
    const [want, have] = [this.initial.type, value.type];
    const [a, b] = [dtypeIn(want), dtypeIn(have)];
    const [s, t] = [dimsIn(want), dimsIn(have)];
    if (a !== undefined && b !== undefined && a !== b) {
      owner.fail('BB313', { key: this.key, reason: `it holds ${a}, the value is ${b}` });
    }
    const clash = (dim: number | string | null, index: number): boolean =>
      typeof dim === 'number' && typeof t?.[index] === 'number' && dim !== t[index];
    if (s !== undefined && t !== undefined && (s.length !== t.length || s.some(clash))) {
      owner.fail('BB313', {
        key: this.key,
        reason: `its shape is [${s.join(', ')}], the value's [${t.join(', ')}]`,
      });
    }
    const { place } = this;
    owner.meet('assign', [value], place);
    // A later read in this flow sees what was there before if this assignment is declined.
    const before = value.declinable ? (read ?? this.#current()) : undefined;
    const attributes = [...this.#attributes(), ...extra];
    coreOp(owner, { type: CORE.stateAssign, inputs: [value], attributes, place }, []);
    this.#now.set(
      this.#here,
      before === undefined
        ? { ...value, cohort: owner.meet('assign', [value], place) }
        : this.#either(value, before),
    );
  }

  #either(value: Fact, before: Fact): Fact {
    const { place } = this;
    const result = {
      name: this.key.split('.').at(-1)!,
      type: value.type,
      cohort: before.cohort,
      declinable: before.declinable,
    };
    return coreOp(this.#owner, { type: CORE.orElse, inputs: [value, before], place }, [result])[0]!;
  }
}
