// Control flow: If, Loop and Scan, their bodies recorded from callbacks as subgraphs. Bodies read values of the
// recording around them as they are; values made in a body stay in it, its results excepted.

import {
  type Attribute,
  type DType,
  formatType,
  type Dim as IrDim,
  NO_VALUE,
  type OpId,
  tensorType,
  type ValueId,
  type ValueType,
} from '../ir/index.ts';
import { addConstant, fromNested } from './constant.ts';
import { dimsIn, dtypeIn } from './core-op.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { AnyShape, ElementOf, Held, Join, PlaceOf, ShapeOf, Tensor, Value } from './types.ts';
import { factOf, isValue, toValue } from './value.ts';

type Values = Readonly<Record<string, Tensor>>;

/** One value of the two branches: what both agree on. */
type Either<A, B, P extends string> = A extends Tensor
  ? B extends Tensor
    ? Value<
        ElementOf<A> & ElementOf<B>,
        ShapeOf<A> extends ShapeOf<B> ? (ShapeOf<B> extends ShapeOf<A> ? ShapeOf<A> : AnyShape) : AnyShape,
        P
      >
    : never
  : { readonly [Key in keyof A & keyof B]: Either<A[Key], B[Key], P> };

/**
 * `then` if `condition` (a bool scalar) holds, else `otherwise`; both give one value, or records with the same keys.
 * Only one of them runs. Fails (BB308) where the branches do not give the same.
 */
export function ifElse<C extends Tensor<'bool'>, A extends Tensor | Values, B extends Tensor | Values>(
  condition: C,
  then: () => A,
  otherwise: () => B,
): Either<A, B, Join<PlaceOf<C>, 'any'>> {
  const owner = recorder('ifElse');
  return owner.call(ifElse, () => {
    const given = factOf(condition, 'ifElse');
    const bodies: readonly (() => Tensor | Values)[] = [then, otherwise];
    let order: readonly string[] = [];
    const branches = bodies.map((body, index) => {
      let result: Branch | undefined;
      const graph = owner.inSubgraph(index === 0 ? 'then' : 'else', () => {
        const made = owner.callback(body);
        result = branch(owner, made, order);
        order = result.keys;
        return close(owner, result.facts);
      });
      return { graph, ...result! };
    });
    const [a, b] = branches as [(typeof branches)[0], (typeof branches)[0]];
    if (a.keys.join() !== b.keys.join()) {
      owner.fail('BB308', { op: 'ifElse', reason: `the branches give [${a.keys}] and [${b.keys}]` });
    }
    const types = a.facts.map((fact, index) => common(owner, fact.type, b.facts[index]!.type));
    const attributes: Attribute[] = [
      { name: 'then_branch', kind: 'graph', value: a.graph },
      { name: 'else_branch', kind: 'graph', value: b.graph },
    ];
    const facts = addControl(
      owner,
      'If',
      [given.id],
      attributes,
      [given, ...a.facts, ...b.facts],
      a.keys,
      types,
    );
    return a.single ? toValue(facts[0]!, owner) : toRecord(owner, a.keys, facts);
  }) as Either<A, B, Join<PlaceOf<C>, 'any'>>;
}

/** A carried value after any number of iterations. */
type Merged<A, B> = A extends Tensor
  ? B extends Tensor
    ? [ElementOf<B>] extends [ElementOf<A>]
      ? Either<A, B, Join<PlaceOf<A>, PlaceOf<B>>>
      : Value<ElementOf<B>, AnyShape, Join<PlaceOf<A>, PlaceOf<B>>>
    : never
  : never;
/** What a body must give of what is carried; of what may be absent at first, what it holds. */
type Carried<State extends Values> = {
  readonly [Key in keyof State]: Tensor<ElementOf<State[Key]> | Held<ElementOf<State[Key]>>>;
};
/** Stacked over iterations, on a new first axis. */
type Rows<V, P extends string> = V extends Tensor
  ? Value<ElementOf<V>, number extends ShapeOf<V>['length'] ? AnyShape : [number, ...ShapeOf<V>], P>
  : never;
type Iterated<State, Given> = {
  readonly [Key in keyof Given as Key extends 'while' ? never : Key]: Key extends keyof State
    ? Merged<State[Key], Given[Key]>
    : Rows<Given[Key], 'any'>;
};
/** Without the first axis. */
type Row<V> = V extends Tensor
  ? Value<
      ElementOf<V>,
      ShapeOf<V> extends readonly [unknown, ...infer Rest extends AnyShape] ? Rest : AnyShape,
      PlaceOf<V>
    >
  : never;

export interface LoopOptions {
  /** How many times at most. */
  readonly count?: number | Tensor<'int64'>;
  /** Whether to run at all; the body's `while` decides about going on. */
  readonly while?: Tensor<'bool'>;
}

/**
 * Runs `body` again and again. `state` is carried from one iteration to the next; the body gives each of its
 * values anew, `while` (a bool scalar) if it may stop early, and any further values, which are stacked. It is also
 * told its index, and what let it run. What changes its shape from one iteration to the next is carried without one:
 * `{ rows: rows.as(float32, [null, 4]) }`.
 *
 *     const { total, squares } = loop({ total: zero }, { count: 10 }, ({ total }, index) => ({
 *       total: total.add(x),
 *       squares: index.mul(index),
 *     }));
 *
 * Holds plain ONNX ops only. Fails (BB308) where the body does not give what is carried.
 */
export function loop<const State extends Values, Given extends Carried<State> & Values>(
  state: State,
  options: LoopOptions,
  body: (
    state: State,
    index: Value<'int64', [], 'any'>,
    going: Value<'bool', [], 'any'>,
  ) => Given & { readonly while?: Tensor<'bool'> },
): Iterated<State, Given> {
  const owner = recorder('loop');
  return owner.call(loop, () => {
    const keys = Object.keys(state);
    const initial = keys.map((key) => factOf(state[key], 'loop'));
    const count = optionFact(owner, options.count);
    const proceed = options.while === undefined ? undefined : factOf(options.while, 'loop');
    let results: BodyResults | undefined;
    const graph = owner.inSubgraph('loop', (open) => {
      const port = bodyPorts(owner, open.inputs);
      const index = port('index', tensorType('int64', []));
      const on = port('go', tensorType('bool', []));
      const carried = keys.map((key, at) => port(key, initial[at]!.type, initial[at]));
      const state = toRecord(owner, keys, carried) as State;
      const made = owner.callback(() => body(state, toValue(index, owner), toValue(on, owner)));
      results = sortResults(owner, 'loop', keys, made);
      const goOn = (made as Values).while;
      const condition = goOn === undefined ? on : factOf(goOn, 'loop');
      return close(owner, [condition, ...results.carried, ...results.stacked]);
    });
    const inputs = [count?.id ?? NO_VALUE, proceed?.id ?? NO_VALUE, ...initial.map((fact) => fact.id)];
    const around = [count, proceed, ...initial].filter((fact) => fact !== undefined);
    return finishLoop(
      owner,
      'Loop',
      inputs,
      [{ name: 'body', kind: 'graph', value: graph }],
      around,
      keys,
      initial,
      results!,
    );
  }) as Iterated<State, Given>;
}

/** How one sequence is walked, or one result stacked. */
export interface Walk {
  /** Default: 0. */
  readonly axis?: number;
  /** From the last to the first. Default: false. */
  readonly reverse?: boolean;
}
export interface ScanOptions {
  readonly sequences?: Readonly<Record<string, Walk>>;
  readonly results?: Readonly<Record<string, Walk>>;
}
type RowAlong<V, Key, O> = O extends { readonly sequences: Readonly<Record<Key & string, { axis: number }>> }
  ? V extends Tensor
    ? Value<ElementOf<V>, AnyShape, PlaceOf<V>>
    : never
  : Row<V>;

/**
 * Runs `body` over the rows (first axis, unless `options` say otherwise) of `sequences`, all of one length. `state` is
 * carried; the body gives it anew, and any further values, which are stacked. Holds plain ONNX ops only.
 */
export function scan<
  const State extends Values,
  const Sequences extends Values,
  Given extends Carried<State> & Values,
  const O extends ScanOptions = Record<never, never>,
>(
  state: State,
  sequences: Sequences,
  body: (state: State, row: { readonly [Key in keyof Sequences]: RowAlong<Sequences[Key], Key, O> }) => Given,
  options?: O,
): Iterated<State, Given> {
  const owner = recorder('scan');
  return owner.call(scan, () => {
    const [keys, rows] = [Object.keys(state), Object.keys(sequences)];
    const initial = keys.map((key) => factOf(state[key], 'scan'));
    const scanned = rows.map((key) => factOf(sequences[key], 'scan'));
    let results: BodyResults | undefined;
    const graph = owner.inSubgraph('scan', (open) => {
      const port = bodyPorts(owner, open.inputs);
      const carried = keys.map((key, at) => port(key, initial[at]!.type, initial[at]));
      const elements = rows.map((key, at) => {
        const { type } = scanned[at]!;
        const dims = dimsIn(type);
        const axis = options?.sequences?.[key]?.axis ?? 0;
        const row = dims?.filter((_, index) => index !== (axis < 0 ? axis + dims.length : axis));
        return port(key, tensorType(dtypeIn(type), row), scanned[at]);
      });
      const made = owner.callback(() =>
        body(toRecord(owner, keys, carried) as State, toRecord(owner, rows, elements) as never),
      );
      results = sortResults(owner, 'scan', keys, made);
      return close(owner, [...results.carried, ...results.stacked]);
    });
    const attributes: Attribute[] = [
      { name: 'body', kind: 'graph', value: graph },
      { name: 'num_scan_inputs', kind: 'int', value: BigInt(rows.length) },
      ...walks('scan_input', rows, options?.sequences),
      ...walks('scan_output', results!.extra, options?.results),
    ];
    const around = [...initial, ...scanned];
    const inputs = around.map((fact) => fact.id);
    return finishLoop(owner, 'Scan', inputs, attributes, around, keys, initial, results!);
  }) as Iterated<State, Given>;
}

/** The attributes that say how values are walked, where one is not walked from the front along its first axis. */
function walks(prefix: string, keys: readonly string[], told: ScanOptions['results'] = {}): Attribute[] {
  const attributes: Attribute[] = [];
  const add = (name: string, value: readonly bigint[]): void => {
    if (value.some((one) => one !== 0n)) attributes.push({ name: `${prefix}_${name}`, kind: 'ints', value });
  };
  add(
    'axes',
    keys.map((key) => BigInt(told[key]?.axis ?? 0)),
  );
  add(
    'directions',
    keys.map((key) => (told[key]?.reverse === true ? 1n : 0n)),
  );
  return attributes;
}

interface Branch {
  readonly single: boolean;
  readonly keys: readonly string[];
  readonly facts: readonly Fact[];
}

/** What a branch gives, in the order of the other one if it has the same keys. */
function branch(owner: Recorder, made: unknown, order: readonly string[]): Branch {
  if (isValue(made)) return { single: true, keys: ['ifElse'], facts: [factOf(made, 'ifElse')] };
  if (typeof made !== 'object' || made === null) {
    return owner.fail('BB308', { op: 'ifElse', reason: 'a branch gives no value' });
  }
  const own = Object.keys(made);
  const same = own.length === order.length && own.every((key) => order.includes(key));
  const keys = same ? order : own;
  return { single: false, keys, facts: keys.map((key) => factOf((made as Values)[key], 'ifElse')) };
}

interface BodyResults {
  readonly carried: readonly Fact[];
  readonly extra: readonly string[];
  readonly stacked: readonly Fact[];
}

function sortResults(owner: Recorder, op: string, keys: readonly string[], made: Values): BodyResults {
  const carried = keys.map((key) => {
    if (made[key] === undefined) owner.fail('BB308', { op, reason: `the body does not give ${key}` });
    return factOf(made[key], op);
  });
  const extra = Object.keys(made).filter((key) => !keys.includes(key) && key !== 'while');
  return { carried, extra, stacked: extra.map((key) => factOf(made[key], op)) };
}

function finishLoop(
  owner: Recorder,
  type: string,
  inputs: readonly ValueId[],
  attributes: readonly Attribute[],
  around: readonly Fact[],
  keys: readonly string[],
  initial: readonly Fact[],
  { carried, extra, stacked }: BodyResults,
): Values {
  const names = [...keys, ...extra];
  const count: IrDim[] = [null];
  const types = [
    ...carried.map((fact, index) => common(owner, fact.type, initial[index]!.type)),
    ...stacked.map(({ type: row }) => {
      const dims = dimsIn(row);
      return tensorType(dtypeIn(row), dims && count.concat(dims));
    }),
  ];
  const facts = addControl(
    owner,
    type,
    inputs,
    attributes,
    [...around, ...carried, ...stacked],
    names,
    types,
  );
  return toRecord(owner, names, facts);
}

/** Adds inputs to the subgraph being recorded. */
const bodyPorts =
  (owner: Recorder, inputs: ValueId[]) =>
  (name: string, type: ValueType | undefined, like?: Fact): Fact => {
    const fact = owner.addValue(owner.qualified(name), type, {
      cohort: like?.cohort,
      declinable: like?.declinable ?? false,
    });
    owner.editor.setValue(fact.id, { def: { kind: 'input', index: inputs.length } });
    inputs.push(fact.id);
    return fact;
  };

/** The subgraph's outputs: what is not made in it, or is there already, is copied. */
function close(owner: Recorder, facts: readonly Fact[]): ValueId[] {
  const outputs: ValueId[] = [];
  for (const { id, type } of facts) {
    const { graph, def, name } = owner.editor.value(id);
    if (graph === owner.graph.id && def.kind === 'op' && !outputs.includes(id)) {
      outputs.push(id);
      continue;
    }
    const copy = owner.addValue(name, type);
    owner.addOp({ type: 'Identity', inputs: [id], outputs: [copy.id] });
    outputs.push(copy.id);
  }
  return outputs;
}

/** The op that holds the subgraphs, and its results. */
function addControl(
  owner: Recorder,
  type: string,
  inputs: readonly ValueId[],
  attributes: readonly Attribute[],
  facts: readonly Fact[],
  keys: readonly string[],
  types: readonly (ValueType | undefined)[],
): Fact[] {
  const cohort = owner.meet(type, facts);
  const declinable = facts.some((fact) => fact.declinable);
  const { name, names } = owner.site ?? {};
  const results = keys.map((key, index) => {
    const own = names?.get(key) ?? (keys.length === 1 && name !== undefined ? name : key);
    return owner.addValue(owner.qualified(own), types[index], { cohort, declinable });
  });
  const op: OpId = owner.addOp({ type, inputs, outputs: results.map((fact) => fact.id), attributes });
  owner.authored.push(op);
  return results;
}

const toRecord = (owner: Recorder, keys: readonly string[], facts: readonly Fact[]): Values =>
  Object.fromEntries(keys.map((key, index) => [key, toValue(facts[index]!, owner)]));

function optionFact(owner: Recorder, count: number | Tensor | undefined): Fact | undefined {
  if (count === undefined) return undefined;
  return typeof count === 'number'
    ? addConstant(owner, fromNested(owner, count, 'int64'))
    : factOf(count, 'loop');
}

/** What two types have in common. Fails if dtypes differ. */
function common(owner: Recorder, a: ValueType | undefined, b: ValueType | undefined): ValueType | undefined {
  const [x, y] = [dtypeIn(a), dtypeIn(b)];
  if (x !== undefined && y !== undefined && x !== y) {
    owner.fail('BB307', {
      op: 'control flow',
      reason: `a value is ${formatType(a)} here and ${formatType(b)} there`,
    });
  }
  const [s, t] = [dimsIn(a), dimsIn(b)];
  if (a?.kind !== 'tensor') return a;
  return tensorType(
    x ?? y,
    s && t && s.length === t.length ? s.map((dim, at) => (dim === t[at] ? dim : null)) : undefined,
  );
}

/** One tensor of a sequence; a tensor beside it as it is. */
type Each<V extends Tensor> =
  ElementOf<V> extends `seq(${infer D extends DType})` ? Value<D, AnyShape, PlaceOf<V>> : V;

/**
 * Applies `body` to each tensor of a sequence, and to the tensors beside it in `others` (sequences of the same
 * length, or tensors that are the same each time). Gives a sequence for each value of the body.
 */
export function sequenceMap<
  const Sequence extends Tensor,
  const Others extends readonly Tensor[],
  Given extends Values,
>(
  sequence: Sequence,
  others: Others,
  body: (element: Each<Sequence>, ...others: { [I in keyof Others]: Each<Others[I]> }) => Given,
): { readonly [Key in keyof Given]: Value<`seq(${ElementOf<Given[Key]> & DType})`, AnyShape, 'any'> } {
  const owner = recorder('sequenceMap');
  return owner.call(sequenceMap, () => {
    const inputs = [sequence, ...others].map((value) => factOf(value, 'sequenceMap'));
    let made: readonly [string, Fact][] = [];
    const graph = owner.inSubgraph('sequenceMap', (open) => {
      const port = bodyPorts(owner, open.inputs);
      const elements = inputs.map((fact) => {
        const type = fact.type?.kind === 'sequence' ? fact.type.elem : fact.type;
        return toValue<Tensor>(port('element', type, fact), owner);
      });
      const results = owner.callback(() => (body as (...all: Tensor[]) => Given)(...elements));
      made = Object.entries(results).map(([key, value]) => [key, factOf(value, 'sequenceMap')]);
      return close(
        owner,
        made.map(([, fact]) => fact),
      );
    });
    const keys = made.map(([key]) => key);
    const types = made.map(([, { type }]): ValueType => ({ kind: 'sequence', elem: type }));
    const attributes: Attribute[] = [{ name: 'body', kind: 'graph', value: graph }];
    const around = [...inputs, ...made.map(([, fact]) => fact)];
    const ids = inputs.map((fact) => fact.id);
    return toRecord(owner, keys, addControl(owner, 'SequenceMap', ids, attributes, around, keys, types));
  }) as never;
}
