// Components: what a peer has beside its graph, asked by name through the methods of its role. What fills a slot is
// said where the program runs; the author says what it must be able to do.
//
//   const near = index('near', { at: phone, use: { kind: 'flat' } });
//   near.add(ids, vectors);                         // update: applied on commit
//   const { ids, distances } = near.search(q, 10);  // query: reads

import {
  type Attribute,
  type Dim,
  type Operand,
  type ProtocolDeclaration,
  ROLE_ATTRIBUTE,
  type RoleMethod,
  type RoleMethods,
  type RoleName,
  roles,
  tensorType,
} from '../ir/index.ts';
import { Bindings } from './bindings.ts';
import type { Component, MethodsOf, Protocol, SlotFields } from './component-types.ts';
import { addConstant, fromNested, type Nested } from './constant.ts';
import { statedDims } from './containers.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { durationNs } from './duration.ts';
import { type Place, placeOf } from './place.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import { recordCall, type SlotUse, takeSlot, textAttribute, type Use } from './role-call.ts';
import type { Tensor } from './types.ts';
import { factOf, isValue } from './value.ts';

export interface ComponentOptions<P extends string> {
  /** The peer, or each member of the cohort, that has it. */
  readonly at: Place<P>;
  /** The component's name, where one object fills several slots. Default: the slot's. */
  readonly component?: string;
  /** What fills the slot unless the deployment says otherwise, with its settings. */
  readonly use?: Use;
}
export interface FieldOptions<F extends SlotFields> {
  /** What the role leaves to the author: names, dtypes and shapes of what it gives. */
  readonly fields?: F;
}

/**
 * Declares a slot of any role at `at`, with the role's methods. What fills it, a component of that name, is said where
 * the program runs, or by `use`.
 * Fails (BB350) if the name is taken; its methods where what they are given does not fit their declaration.
 */
export function component<
  const R extends RoleName,
  const P extends string,
  const F extends SlotFields = Record<never, never>,
>(role: R, name: string, options: ComponentOptions<P> & FieldOptions<F>): Component<MethodsOf<R>, P, F> {
  return declare(component, role, roles[role], name, options) as Component<MethodsOf<R>, P, F>;
}

/** A slot of the role aggregator: `combine(values, weights)` makes one value of what members answered. */
export function aggregator<const P extends string>(
  name: string,
  options: ComponentOptions<P>,
): Component<MethodsOf<'aggregator'>, P> {
  return declare(aggregator, 'aggregator', roles.aggregator, name, options) as never;
}

/** A slot of the role index: `add`, `remove`, `search` and `size` over vectors under ids. */
export function index<const P extends string>(
  name: string,
  options: ComponentOptions<P>,
): Component<MethodsOf<'index'>, P> {
  return declare(index, 'index', roles.index, name, options) as never;
}

/** A slot of the role peer selector: `select(count, { class })` gives a set of peers. */
export function peerSelector<const P extends string>(
  name: string,
  options: ComponentOptions<P>,
): Component<MethodsOf<'peer_selector'>, P> {
  return declare(peerSelector, 'peer_selector', roles.peer_selector, name, options) as never;
}

/** A slot of the role model: what trains and predicts in its own way. `fields`: what `predict` gives. */
export function model<const P extends string, const F extends SlotFields = Record<never, never>>(
  name: string,
  options: ComponentOptions<P> & FieldOptions<F>,
): Component<MethodsOf<'model'>, P, F> {
  return declare(model, 'model', roles.model, name, options) as never;
}

/** A slot for a protocol component: its declaration, often exported beside its class, says what it can be asked. */
export function protocol<const D extends ProtocolDeclaration, const P extends string>(
  name: string,
  declaration: D,
  options: ComponentOptions<P>,
): Protocol<D, P> {
  return declare(protocol, 'protocol', declaration.methods, name, options) as never;
}

type Options = ComponentOptions<string> & FieldOptions<SlotFields>;

function declare(
  caller: (...args: never) => unknown,
  role: RoleName,
  methods: RoleMethods,
  name: string,
  options: Options,
): object {
  const owner = recorder('component');
  return owner.call(caller, () => {
    if (!takeSlot(owner, name))
      owner.fail('BB350', {
        name,
        reason: name === '' ? 'its name is empty' : 'another component is called that',
      });
    for (const [type, { inputs, outputs }] of Object.entries(methods))
      if (inputs.length + outputs.length === 0)
        owner.fail('BB350', {
          name,
          reason: `${type} neither takes nor gives anything: ONNX has no such ops`,
        });
    const place = placeOf(options.at);
    const slot: SlotUse = { owner, role, name, place, component: options.component, use: options.use };
    return Object.fromEntries(
      Object.entries(methods).map(([type, method]) => {
        const call = (...given: readonly unknown[]): unknown =>
          owner.call(call, () => new Calling(slot, type, method, options.fields ?? {}).record(given));
        return [type.charAt(0).toLowerCase() + type.slice(1), call];
      }),
    );
  });
}

/** One call of a method, while it is recorded. */
class Calling {
  readonly #slot: SlotUse;
  readonly #owner: Recorder;
  readonly #type: string;
  readonly #method: RoleMethod;
  readonly #fields: SlotFields;
  readonly #bindings = new Bindings();

  constructor(slot: SlotUse, type: string, method: RoleMethod, fields: SlotFields) {
    this.#slot = slot;
    this.#owner = slot.owner;
    this.#type = type;
    this.#method = method;
    this.#fields = fields;
  }

  record(given: readonly unknown[]): unknown {
    const { inputs, outputs, kind } = this.#method;
    if (given.length < inputs.length || given.length > inputs.length + 1)
      this.#fail(`it takes ${inputs.map(({ name }) => name).join(', ') || 'nothing'}`);
    const facts = inputs.map((operand, at) => this.#operand(operand, given[at]));
    const options = (given[inputs.length] ?? {}) as Readonly<Record<string, unknown>>;
    const attributes = this.#options(options);
    if (this.#slot.role === 'protocol') attributes.push(textAttribute(ROLE_ATTRIBUTE.kind, kind));
    if (outputs === 'fields') return this.#recordFields(facts, attributes);
    const results = outputs.map((output) => {
      const { dtype, dims } = this.#bindings.typeOf(output);
      return { name: output.name, type: tensorType(dtype, dims && [...dims]) };
    });
    const values = recordCall(this.#slot, this.#type, facts, attributes, results);
    if (values.length < 2) return values[0];
    return Object.fromEntries(results.map(({ name }, at) => [name, values[at]]));
  }

  #recordFields(facts: readonly Fact[], attributes: Attribute[]): Readonly<Record<string, Tensor>> {
    const names = Object.keys(this.#fields);
    if (names.length === 0) this.#fail('its slot declares no fields for it to give');
    const value = names.map((name) => new TextEncoder().encode(name));
    attributes.push({ name: ROLE_ATTRIBUTE.fields, kind: 'strings', value });
    const results = names.map((name) => {
      const [dtype, shape] = this.#fields[name]!;
      return { name, type: tensorType(dtype, statedDims(shape) as Dim[]) };
    });
    const values = recordCall(this.#slot, this.#type, facts, attributes, results);
    return Object.fromEntries(names.map((name, at) => [name, values[at]!]));
  }

  #operand(operand: Operand, given: unknown): Fact {
    const dtype = operand.dtype === 'T' || operand.dtype === 'U' ? undefined : operand.dtype;
    const fact = isValue(given)
      ? factOf(given, this.#type)
      : dtype === undefined || given === undefined
        ? this.#fail(`${operand.name} is no value`)
        : addConstant(this.#owner, fromNested(this.#owner, withBigInts(given, dtype), dtype));
    const problem = this.#bindings.bind(operand, dtypeIn(fact.type), dimsIn(fact.type));
    if (problem !== undefined) this.#fail(problem);
    return fact;
  }

  #options({ within, ...options }: Readonly<Record<string, unknown>>): Attribute[] {
    const { options: declared, kind } = this.#method;
    const attributes: Attribute[] = [];
    for (const name of Object.keys(options))
      if (!Object.hasOwn(declared, name)) this.#fail(`it has no option ${name}`);
    for (const [name, words] of Object.entries(declared)) {
      const word = options[name] ?? words[0];
      if (typeof word !== 'string' || (words.length > 0 && !words.includes(word)))
        this.#fail(
          words.length === 0 ? `it needs the option ${name}` : `${name} is one of ${words.join(', ')}`,
        );
      if (word !== words[0]) attributes.push(textAttribute(name, word as string));
    }
    if (within === undefined) return attributes;
    if (kind !== 'ask') this.#fail('only what is asked may take its time: it has no within');
    const value = durationNs(this.#owner, within as Parameters<typeof durationNs>[1]);
    return [...attributes, { name: ROLE_ATTRIBUTE.within, kind: 'int', value }];
  }

  #fail(reason: string): never {
    const method = this.#type.charAt(0).toLowerCase() + this.#type.slice(1);
    return this.#owner.fail('BB350', { name: this.#slot.name, reason: `${method}: ${reason}` });
  }
}

/** Numbers are what authors write for whole numbers too. */
function withBigInts(given: unknown, dtype: string): Nested {
  if (Array.isArray(given)) return given.map((one) => withBigInts(one, dtype));
  return dtype === 'int64' && Number.isSafeInteger(given) ? BigInt(given as number) : (given as Nested);
}
