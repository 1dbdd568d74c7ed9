// Delta: of a value that changes little from round to round, only how it changed crosses.
//
//   sender     sent ──── v − sent ──codec──┐        sent ← sent + decoded
//   receivers  held ──── held + decoded ◄──┘        held ← held + decoded, where held is what sent was

import {
  type AnyShape,
  broadcast,
  type Cohort,
  type CollectOptions,
  collect,
  constant,
  digest,
  int64,
  on,
  type Place,
  type State,
  scatter,
  state,
  type Tensor,
  type Use,
  type Value,
} from '../../dsl/index.ts';
import { zerosLike } from '../../dsl/optim/index.ts';
import type { ElementOf, ShapeOf } from '../../dsl/types.ts';
import { isValue } from '../../dsl/value.ts';
import { RAW } from '../../ir/index.ts';
import { asReceived, type Sendable } from './feedback.ts';

type Real = Value<'float32', AnyShape, string>;
type Reals = Record<string, Real>;
type Mark = Value<'int64', [], string>;
type Held = State<'float32', AnyShape, string>;

export interface DeltaOptions<Name extends string> {
  /** The one peer that has the value. */
  readonly from: Place<string>;
  /** The class whose members get it. */
  readonly to: Cohort<Name>;
  /** What the differences cross in. Default: as they are. */
  readonly codec?: string | Use;
  /** How long the sender waits to hear who lacks what the difference is of, and these for the whole value. */
  readonly within?: CollectOptions<string>['within'];
}

/** The values where they arrive. */
export type Arrived<V, P extends string> = V extends Tensor
  ? Value<ElementOf<V>, ShapeOf<V>, P>
  : { readonly [Key in keyof V]: Arrived<V[Key], P> };

/**
 * A value, or a record of values, at every member of a class, of which the difference from what was sent before crosses, in
 * a codec. What it took off is in the next difference, as with error feedback: sender and receivers hold the same, bit for
 * bit, which is what arrives.
 *
 * With the difference goes the digest of what it is a difference from. A member that holds something else, since it is
 * new, was away or lost a message, says so, and gets the whole that the others hold by then; so nobody drifts, whatever is
 * lost, and the sender keeps nothing for each member. At first all get it, exactly as it is. This is a collect and a scatter in every flow, of which nearly all is declined.
 * Who gets neither has a missing value.
 *
 * States: `NAME.begun` and `NAME.sent` at the sender, `NAME.held` at the members; of a record `NAME.FIELD.sent` and so on.
 * Fails (BB302) where a shape is not known, (BB313) or (BB350) where the name is taken.
 *
 *     const here = delta('w', weights, { from: server, to: phones, codec: 'int8' });
 */
export function delta<V extends Sendable, Name extends string>(
  name: string,
  values: V,
  { from, to, codec = RAW, within }: DeltaOptions<Name>,
): Arrived<V, `${Name}.each`> {
  const each = to.each as unknown as Place<'some.each'>;
  const waits = within === undefined ? {} : { within };
  const single = isValue(values);
  const fields = (single ? { [name]: values } : values) as unknown as Reals;
  const keyOf = (field: string): string => (single ? name : `${name}.${field}`);

  const names = Object.keys(fields);
  if (names.length === 0) return {} as Arrived<V, `${Name}.each`>;
  const { change, after, mark } = onPlace(from, () => sending(name, fields, keyOf, { at: from, codec }));

  const held = Object.fromEntries(
    names.map((field) => [field, state(`${keyOf(field)}.held`, zerosLike(fields[field]!), { at: to })]),
  ) as unknown as Readonly<Record<string, Held>>;
  const known = onPlace(each, () =>
    names.map((field) => digest(held[field]!.read()).equal(mark[field]!)).reduce((all, one) => all.and(one)),
  );

  const lacking = onPlace(each, () => constant(0n, int64).when(known.not()));
  const { values: firsts, senders } = collect(lacking, { at: from, atLeast: 0, ...waits }) as {
    readonly values: Value<'int64', [number], string>;
    readonly senders: Value<'string', [number], string>;
  };
  const arrived = names.map((field): [string, Real] => {
    const rows = onPlace(from, () => after[field]!.unsqueeze([0n]).gather(firsts, { axis: 0 }));
    const whole = scatter(rows, each, { members: senders, codec: RAW, ...waits });
    const value: Real = onPlace(each, () => {
      const moved = held[field]!.read().add(broadcast(change[field]!, each, { codec }));
      return moved.when(known).orElse(whole);
    });
    held[field]!.assign(value);
    return [field, value];
  });
  return (single ? arrived[0]![1] : Object.fromEntries(arrived)) as unknown as Arrived<V, `${Name}.each`>;
}

/** `on`, for places that only the caller's types know. */
const onPlace = on as unknown as <R>(place: Place<string>, body: () => R) => R;

/** At the sender: what crosses, what everybody has then, and what they must have had. */
function sending(
  name: string,
  fields: Reals,
  keyOf: (field: string) => string,
  at: { readonly at: Place<string>; readonly codec: string | Use },
): { readonly change: Reals; readonly after: Reals; readonly mark: Record<string, Mark> } {
  const [change, after, mark]: [Reals, Reals, Record<string, Mark>] = [{}, {}, {}];
  const before: Reals = {};
  const sent: Record<string, Held> = {};
  const begun = state(`${name}.begun`, constant(false), { at: at.at });
  const isLater = begun.read();
  for (const [field, value] of Object.entries(fields)) {
    const kept = state(`${keyOf(field)}.sent`, zerosLike(value) as Real, { at: at.at });
    sent[field] = kept;
    before[field] = kept.read();
    // At first a mark that nobody has: everybody gets the whole, exactly as it is.
    mark[field] = isLater.where(digest(before[field]!), constant(0n, int64));
    change[field] = value.sub(before[field]!);
  }
  const seen = at.codec === RAW ? change : asReceived(name, change, at);
  for (const [field, value] of Object.entries(fields)) {
    after[field] = isLater.where(before[field]!.add(seen[field]!), value);
    sent[field]!.assign(after[field]);
  }
  begun.assign(constant(true));
  return { change, after, mark };
}
