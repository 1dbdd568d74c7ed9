// Exchange: what every member of a cohort has, to every member.

import { type Attribute, CORE, isCohort, placeKey, tensorType } from '../ir/index.ts';
import { coreOp, dimsIn, dtypeIn } from './core-op.ts';
import { type CollectErrors, type CollectOptions, type PlaceIn, policy, stacked } from './crossing.ts';
import { type Place, placeOf } from './place.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { AnyShape, Checked, ElementOf, Many, ShapeOf, Tensor, Value } from './types.ts';
import { defineMethod, factOf, type Handle, isValue, toValue } from './value.ts';

export interface ExchangeOptions<P extends string = string, Rows extends boolean = boolean>
  extends Pick<CollectOptions<string>, 'within' | 'atLeast' | 'enough' | 'codec' | 'vouched'> {
  /** Whether member i gets row i of each value, and not the whole. */
  readonly rows?: Rows;
  /** Who gets them. Default: the cohort itself. */
  readonly to?: Place<P>;
  /**
   * Neighbours: each member sends to those of a set of its own, and waits for those of the same set, or of another one. Whoever
   * waits for somebody that does not send to it waits in vain, until the deadline. With `rows`, row i is for the i-th that it
   * sends to. Default: everybody.
   */
  readonly among?: Tensor<'string'> | { readonly to: Tensor<'string'>; readonly from: Tensor<'string'> };
}

type RowOf<S extends AnyShape> = S extends readonly [unknown, ...infer Rest extends AnyShape]
  ? Rest
  : AnyShape;
type Exchanged1<V, P extends string, Rows extends boolean> = V extends Tensor
  ? Value<
      ElementOf<V>,
      number extends ShapeOf<V>['length']
        ? AnyShape
        : [number, ...(Rows extends true ? RowOf<ShapeOf<V>> : ShapeOf<V>)],
      P
    >
  : never;
/** At every receiver one field per exchanged one, stacked on a new first axis in the order of the senders, and who sent. */
export type Exchanged<R, P extends string, Rows extends boolean> = (R extends Tensor
  ? { readonly values: Exchanged1<R, P, Rows> }
  : { readonly [Key in keyof R]: Exchanged1<R[Key], P, Rows> }) & {
  readonly senders: Value<'string', [number], P>;
  readonly missing: Value<'string', [number], P>;
};
type Receivers<R, P extends string> = [P] extends [never] ? PlaceIn<R> : P;

export interface ExchangeMethods {
  /** The value of every member, at every member; see {@link exchange}. */
  exchange<V extends Tensor, const P extends Many = never, const Rows extends boolean = false>(
    this: Checked<V, CollectErrors<V>>,
    options?: ExchangeOptions<P, Rows>,
  ): Exchanged<V, Receivers<V, P>, Rows>;
}

/**
 * A collect at every receiver: a value, or a record of values, of every member, each stacked on a new first axis in the
 * order of the members. With `rows`, member i gets row i of what each has: rows that belong together cross once.
 * Missing at a receiver where fewer than `atLeast` answers come in time, so what receivers get may differ.
 * Fails (BB306) if the value is not a cohort's, (BB321) if rows are asked of what has none.
 */
export function exchange<
  R extends Tensor | Readonly<Record<string, Tensor>>,
  const P extends Many = never,
  const Rows extends boolean = false,
>(
  value: Checked<R, CollectErrors<R>>,
  options: ExchangeOptions<P, Rows> = {},
): Exchanged<R, Receivers<R, P>, Rows> {
  const owner = recorder('exchange');
  return owner.call(exchange, () => swap(owner, value, options)) as Exchanged<R, Receivers<R, P>, Rows>;
}

defineMethod('exchange', function method(this: Handle, options: ExchangeOptions = {}) {
  const owner = recorder('exchange');
  return owner.call(method, () => swap(owner, this, options));
});

function swap(owner: Recorder, value: unknown, options: ExchangeOptions): object {
  const record = isValue(value) ? { values: value } : (value as Readonly<Record<string, Tensor>>);
  const names = Object.keys(record);
  const inputs = names.map((name) => factOf(record[name], 'exchange'));
  const sets = neighbours(owner, options.among);
  const from = owner.meet('exchange', [...inputs, ...sets], null);
  if (from === undefined) return owner.fail('BB308', { op: 'exchange', reason: 'no cohort has this value' });
  const place = options.to === undefined ? from : placeOf(options.to);
  if (!isCohort(place)) owner.fail('BB306', { op: 'exchange', from: placeKey(from), to: placeKey(place) });
  const shared = { cohort: place, declinable: false };
  const ids = { ...shared, type: tensorType('string', [null]) };
  const rows: Attribute[] = options.rows === true ? [{ name: 'rows', kind: 'int', value: 1n }] : [];
  if (sets.length > 0) rows.push({ name: 'sets', kind: 'int', value: BigInt(sets.length) });
  const results = [
    ...inputs.map((fact, index) => ({
      ...shared,
      name: names[index]!,
      type: stacked(options.rows === true ? rowOf(owner, fact) : fact),
    })),
    { ...ids, name: 'senders' },
    { ...ids, name: 'missing' },
  ];
  const attributes = [...rows, ...policy(owner, 'exchange', options)];
  const facts = coreOp(
    owner,
    { type: CORE.exchange, inputs: [...inputs, ...sets], attributes, place },
    results,
  );
  return Object.fromEntries(results.map(({ name }, index) => [name, toValue(facts[index]!, owner)]));
}

function neighbours(owner: Recorder, among: ExchangeOptions['among']): readonly Fact[] {
  if (among === undefined) return [];
  const { to, from } = isValue(among) ? { to: among, from: among } : (among as { to: Tensor; from: Tensor });
  return [to, from].map((set) => {
    const fact = factOf(set, 'exchange');
    const rank = dimsIn(fact.type)?.length ?? 1;
    if ((dtypeIn(fact.type) ?? 'string') !== 'string' || rank !== 1)
      owner.fail('BB341', { place: 'exchange', reason: 'neighbours are no list of peer ids' });
    return fact;
  });
}

function rowOf(owner: Recorder, fact: Fact): Fact {
  const dims = dimsIn(fact.type);
  if (dims?.length === 0) owner.fail('BB321', { op: 'exchange', reason: 'a scalar has no rows' });
  return { ...fact, type: tensorType(dtypeIn(fact.type), dims?.slice(1)) };
}
