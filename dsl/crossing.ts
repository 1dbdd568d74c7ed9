// Crossings that the author writes: collect, scatter, and broadcast where it carries a policy. All others are
// inserted by the compiler.

import {
  type Attribute,
  areBeside,
  CORE,
  codecName,
  codecOptions,
  type Dim as IrDim,
  isBoundAt,
  isCohort,
  isInside,
  isMany,
  outerOf,
  placeKey,
  RAW,
  tensorType,
} from '../ir/index.ts';
import { coreOp, dimsIn, dtypeIn } from './core-op.ts';
import { type Duration, durationNs } from './duration.ts';
import { type OnErrors, type Place, placeOf } from './place.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import { textAttribute, type Use } from './role-call.ts';
import type {
  AnyShape,
  AroundOf,
  Checked,
  ElementOf,
  Many,
  PlaceError,
  PlaceOf,
  ShapeOf,
  Tensor,
  Value,
} from './types.ts';
import { defineMethod, factOf, type Handle, isValue, toValue } from './value.ts';

export interface Coded {
  /**
   * How float32 and float64 values are encoded on their way, and decoded; all else crosses as it is. A kind of codec, or one
   * with its settings; `raw` for none, whatever the topology says. What crosses back when this is differentiated is encoded
   * so too.
   */
  readonly codec?: string | Use;
}

/** What becomes of an answer that comes after its collect has closed: dropped unread, or it joins the next flow's. */
export type Late = 'drop' | 'next';

export interface CollectOptions<P extends string, L extends Late = Late> extends Coded {
  /** Where the answers go. Default: the place of the `on` around, else the compiler decides. */
  readonly at?: Place<P>;
  /** How long to wait, counted from when the collecting peer learns of the flow. */
  readonly within?: Duration;
  /** With fewer answers the result is missing. Default: all. */
  readonly atLeast?: number;
  /** Closes after so many answers. Default: all. */
  readonly enough?: number;
  /**
   * In which order rows stand: that of the set, so that nothing depends on who is faster (default), or that of arrival,
   * which is right where what is made of them is the same in any order, as exact sums are.
   */
  readonly order?: 'set' | 'arrival';
  /** Takes only answers of those for whom the transport vouches; others' are dropped, which is an event. */
  readonly vouched?: boolean;
  /** Answers that come too late: dropped (default), or one more row for their sender in the session's next flow, with its age. */
  readonly late?: L;
}

export type Stacked<V, P extends string> = V extends Tensor
  ? Value<ElementOf<V>, number extends ShapeOf<V>['length'] ? AnyShape : [number, ...ShapeOf<V>], P>
  : never;
/** One field per collected one, stacked on a new first axis in member order, and who answered. */
export type Collected<R, P extends string, L extends Late = 'drop'> = (R extends Tensor
  ? { readonly values: Stacked<R, P> }
  : { readonly [Key in keyof R]: Stacked<R[Key], P> }) & {
  /** Peer ids of the rows, in order. */
  readonly senders: Value<'string', [number], P>;
  /** Peer ids of the members that did not answer. */
  readonly missing: Value<'string', [number], P>;
} & ('next' extends L
    ? {
        /** By row: how many steps of the session ago it was asked for; 0 in this flow. */
        readonly ages: Value<'int64', [number], P>;
      }
    : unknown);

/** Where a value, or a record of them, is. */
export type PlaceIn<R> = R extends Tensor
  ? PlaceOf<R>
  : R extends Readonly<Record<string, infer V extends Tensor>>
    ? PlaceOf<V>
    : never;

export type CollectErrors<R> = R extends Tensor
  ? PlaceOf<R> extends Many
    ? never
    : string extends PlaceOf<R>
      ? never
      : PlaceOf<R> extends 'any'
        ? never
        : PlaceError<`collect: a value of ${PlaceOf<R>} is not a cohort's`>
  : R extends Readonly<Record<string, Tensor>>
    ? { [Key in keyof R]: CollectErrors<R[Key]> }[keyof R]
    : never;

export interface CrossingMethods {
  /** Brings the value of every member to one place; see {@link collect}. */
  collect<V extends Tensor, const P extends string = AroundOf<PlaceOf<V>>, const L extends Late = 'drop'>(
    this: Checked<V, CollectErrors<V>>,
    options?: CollectOptions<P, L>,
  ): Collected<V, P, L>;
  /** The value at every member of a cohort, with a policy; see {@link broadcast}. */
  broadcast<V extends Tensor, const P extends Many>(
    this: Checked<V, OnErrors<V, P>>,
    to: Place<P>,
    options?: BroadcastOptions,
  ): Value<ElementOf<V>, ShapeOf<V>, P>;
  /** Row i to member i of a cohort; see {@link scatter}. */
  scatter<V extends Tensor, const P extends Many>(
    this: Checked<V, OnErrors<V, P>>,
    to: Place<P>,
    options?: ScatterOptions,
  ): Row<V, P>;
}

/**
 * Brings a value, or a record of values, of every member of a cohort to one place, each stacked on a new first
 * axis in the order of the members (never that of arrival).
 * Missing if fewer than `atLeast` members answer in time. Fails (BB306) if the value is not a cohort's, (BB322) where
 * late answers are to join a flow that never comes.
 */
export function collect<
  R extends Tensor | Readonly<Record<string, Tensor>>,
  const P extends string = AroundOf<PlaceIn<R>>,
  const L extends Late = 'drop',
>(value: Checked<R, CollectErrors<R>>, options: CollectOptions<P, L> = {}): Collected<R, P, L> {
  const owner = recorder('collect');
  return owner.call(collect, () => gather(owner, value, options)) as Collected<R, P, L>;
}

defineMethod('collect', function method(this: Handle, options: CollectOptions<string> = {}) {
  const owner = recorder('collect');
  return owner.call(method, () => gather(owner, this, options));
});

function gather(owner: Recorder, value: unknown, options: CollectOptions<string>): object {
  const record = isValue(value) ? { values: value } : (value as Readonly<Record<string, Tensor>>);
  const names = Object.keys(record);
  const inputs = names.map((name) => factOf(record[name], 'collect'));
  const cohort = owner.meet('collect', inputs, null);
  if (cohort === undefined || !isCohort(cohort))
    return owner.fail('BB308', { op: 'collect', reason: 'no cohort has this value' });
  const target =
    options.at === undefined ? (outerOf(cohort) ?? owner.placeAround(cohort)) : placeOf(options.at);
  if (target !== undefined && !areBeside(cohort, target) && !isBoundAt(cohort, target))
    owner.fail('BB306', { op: 'collect', from: placeKey(cohort), to: placeKey(target) });
  const shared = { cohort: target && isMany(target) ? target : undefined, declinable: false };
  const ids = { ...shared, type: tensorType('string', [null]) };
  const attributes = [
    ...policy(owner, 'collect', options),
    ...latePolicy(owner, options.late),
    ...orderOf(owner, options),
  ];
  const results = [
    ...inputs.map((fact, index) => ({ ...shared, name: names[index]!, type: stacked(fact) })),
    { ...ids, name: 'senders' },
    { ...ids, name: 'missing' },
    ...(options.late === 'next' ? [{ ...shared, type: tensorType('int64', [null]), name: 'ages' }] : []),
  ];
  const facts = coreOp(owner, { type: CORE.collect, inputs, attributes, place: target ?? null }, results);
  return Object.fromEntries(results.map(({ name }, index) => [name, toValue(facts[index]!, owner)]));
}

function orderOf(owner: Recorder, { order = 'set', late }: CollectOptions<string>): Attribute[] {
  if (order === 'set') return [];
  if (order !== 'arrival' || late === 'next')
    owner.fail('BB308', {
      op: 'collect',
      reason:
        late === 'next'
          ? 'late answers stand in the order of the set'
          : `order is 'set' or 'arrival', not ${order}`,
    });
  return [textAttribute('order', 'arrival')];
}

function latePolicy(owner: Recorder, late: Late = 'drop'): Attribute[] {
  if (late === 'drop') return [];
  if (late !== 'next')
    return owner.fail('BB308', { op: 'collect', reason: `late is 'drop' or 'next', not ${late}` });
  const at = owner.site?.at;
  owner.finishers.push(() => {
    if (!owner.goesOn) owner.fail('BB322', undefined, at === undefined ? {} : { at });
  });
  return [{ name: 'late', kind: 'string', value: new TextEncoder().encode('next') }];
}

export function stacked(fact: Fact): ReturnType<typeof tensorType> {
  const dims = dimsIn(fact.type);
  const rows: IrDim[] = [null];
  return tensorType(dtypeIn(fact.type), dims && rows.concat(dims));
}

export function policy(
  owner: Recorder,
  op: string,
  options: Pick<CollectOptions<string>, 'within' | 'atLeast' | 'enough' | 'codec' | 'vouched'>,
): Attribute[] {
  const attributes: Attribute[] = [];
  if (options.vouched === true) attributes.push({ name: 'vouched', kind: 'int', value: 1n });
  if (options.codec !== undefined)
    attributes.push(textAttribute('codec', codecNamed(owner, op, options.codec)));
  if (options.within !== undefined) {
    attributes.push({ name: 'within_ns', kind: 'int', value: durationNs(owner, options.within) });
  }
  for (const [name, count] of [
    ['at_least', options.atLeast],
    ['enough', options.enough],
  ] as const) {
    if (count === undefined) continue;
    if (!Number.isInteger(count) || count < 0) {
      owner.fail('BB308', { op, reason: `${count} is not a number of members` });
    }
    attributes.push({ name, kind: 'int', value: BigInt(count) });
  }
  return attributes;
}

function codecNamed(owner: Recorder, op: string, codec: string | Use): string {
  const name = codecName(typeof codec === 'string' ? { kind: codec } : codec);
  if (name !== RAW && codecOptions(name) === undefined)
    owner.fail('BB308', { op, reason: `${name} is no kind of codec with settings of one word each` });
  return name;
}

export interface BroadcastOptions extends Coded {
  /** How long a member waits for it, counted from when it learns of the flow. */
  readonly within?: Duration;
  /** How the members' gradients are collected and summed, in member order, where this is differentiated. */
  readonly gradient?: Pick<CollectOptions<string>, 'within' | 'atLeast' | 'enough' | 'codec'>;
}

/** The value at every member of a cohort, where the crossing has a policy; without one just use the value there. */
export function broadcast<V extends Tensor, const P extends Many>(
  value: Checked<V, OnErrors<V, P>>,
  to: Place<P>,
  options: BroadcastOptions = {},
): Value<ElementOf<V>, ShapeOf<V>, P> {
  const owner = recorder('broadcast');
  return owner.call(broadcast, () => spread(owner, value, to, options)) as Value<ElementOf<V>, ShapeOf<V>, P>;
}

defineMethod('broadcast', function method(this: Handle, to: Place, options: BroadcastOptions = {}) {
  const owner = recorder('broadcast');
  return owner.call(method, () => spread(owner, this, to, options));
});

function spread(
  owner: Recorder,
  value: unknown,
  to: Place,
  { gradient = {}, ...own }: BroadcastOptions,
): Tensor {
  const coded = own.codec === undefined ? {} : { codec: own.codec };
  const fact = single(owner, 'broadcast', value, to);
  const attributes = [
    ...policy(owner, 'broadcast', own),
    ...policy(owner, 'broadcast', { ...coded, ...gradient }).map((one) => ({
      ...one,
      name: `gradient_${one.name}`,
    })),
  ];
  const place = placeOf(to);
  const result = { name: 'broadcast', type: fact.type, cohort: place };
  return toValue(
    coreOp(owner, { type: CORE.broadcast, inputs: [fact], attributes, place }, [result])[0]!,
    owner,
  );
}

export interface ScatterOptions extends Coded {
  /** How long a member waits for its row, counted from when it learns of the flow. */
  readonly within?: Duration;
  /** Peer ids of the members that get the rows, as `collect` gives its senders. Default: every member, in order. */
  readonly members?: Tensor<'string'>;
}

type Row<V extends Tensor, P extends string> = Value<
  ElementOf<V>,
  ShapeOf<V> extends readonly [unknown, ...infer Rest extends AnyShape] ? Rest : AnyShape,
  P
>;

/**
 * Row i of a value to member i of a cohort: what `collect` stacked, cut up again. A member without a row has a missing
 * value. Fails (BB306) if the value is a cohort's already, (BB321) if it has no rows.
 */
export function scatter<V extends Tensor, const P extends Many>(
  value: Checked<V, OnErrors<V, P>>,
  to: Place<P>,
  options: ScatterOptions = {},
): Row<V, P> {
  const owner = recorder('scatter');
  return owner.call(scatter, () => deal(owner, value, to, options)) as Row<V, P>;
}

defineMethod('scatter', function method(this: Handle, to: Place, options: ScatterOptions = {}) {
  const owner = recorder('scatter');
  return owner.call(method, () => deal(owner, this, to, options));
});

function deal(owner: Recorder, value: unknown, to: Place, { members, ...own }: ScatterOptions): Tensor {
  const inputs = [single(owner, 'scatter', value, to)];
  const { type, declinable } = inputs[0]!;
  const dims = dimsIn(type);
  if (dims?.length === 0) owner.fail('BB321', { reason: 'a scalar has no rows' });
  if (members !== undefined) {
    const ids = single(owner, 'scatter', members, to);
    if ((dtypeIn(ids.type) ?? 'string') !== 'string')
      owner.fail('BB321', { reason: 'members are peer ids, a tensor of strings' });
    inputs.push(ids);
  }
  const place = placeOf(to);
  const attributes = policy(owner, 'scatter', own);
  const row = { name: 'scatter', type: tensorType(dtypeIn(type), dims?.slice(1)), cohort: place };
  const result = { ...row, declinable: declinable || members !== undefined };
  return toValue(coreOp(owner, { type: CORE.scatter, inputs, attributes, place }, [result])[0]!, owner);
}

/** A value of one member, that is to go to those of a cohort. */
function single(owner: Recorder, op: string, value: unknown, to: Place): Fact {
  const fact = factOf(value, op);
  if (fact.cohort !== undefined && !isInside(placeOf(to), fact.cohort))
    owner.fail('BB306', { op, from: placeKey(fact.cohort), to: placeKey(placeOf(to)) });
  return fact;
}
