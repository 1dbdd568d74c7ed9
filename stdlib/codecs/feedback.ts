// Error feedback: what a codec took off one value is added to the next, so that everything arrives in the end.

import { dimsIn } from '../../dsl/core-op.ts';
import {
  type Cohort,
  component,
  type Place,
  state,
  type Tensor,
  type Use,
  type Value,
} from '../../dsl/index.ts';
import { zerosLike } from '../../dsl/optim/index.ts';
import { factOf, isValue } from '../../dsl/value.ts';
import { codecName, codecSlot, codedBytes } from '../../ir/index.ts';

/** A value, or a record of values. */
export type Sendable = Tensor | Readonly<Record<string, Tensor>>;
type Real = Value<'float32', [], string>;

export interface CodecAt {
  /** Who sends: one peer, or all members of a class. */
  readonly at: Place<string> | Cohort;
  /** What the values cross in; their crossing must say the same. */
  readonly codec: string | Use;
}
export interface FeedbackOptions extends CodecAt {
  /** One memory for each session, or each peer that starts flows there, and not one for all. */
  readonly perSession?: boolean;
  readonly perPeer?: boolean;
}

/**
 * Values with what earlier ones lost in this codec, to be sent in it: v = values + e, and e becomes v − decode(encode(v)).
 * The state `name`, or `name.field` of a record, holds e; it is assigned in the fragment that sends, so a message and what
 * it lacks are committed, saved and restored as one. Encoding is done by the very component of the crossing, which gives the
 * same bytes for the same value: what the receiver decodes is what was taken off, bit for bit.
 *
 * Where the crossing is never made, as in a round that was closed without this member, what was in it is lost but for e.
 * Seide et al., 1-bit stochastic gradient descent, 2014, section 3; Karimireddy et al., Error feedback fixes SignSGD and
 * other gradient compression schemes, 2019, algorithm 2. It needs a codec that takes off less than there is: not `random-k` with
 * `unbiased`.
 *
 * Fails (BB302) where a shape is not known, (BB313) or (BB350) where the name is taken.
 *
 *     const codec = { kind: 'top-k', share: 0.01 };
 *     const sent = on(phones.each, () => withFeedback('lost', change, { at: phones.each, codec }));
 *     const { values } = collect(sent, { codec });
 */
export function withFeedback<V extends Sendable>(name: string, values: V, options: FeedbackOptions): V {
  const through = codecOf(name, options);
  const { at, perSession = false, perPeer = false } = options;
  return mapped(values, name, (value, key) => {
    const lost = state(key, zerosLike(value), { at: at as Place<string>, perSession, perPeer });
    const sent = value.add(lost.read() as Real) as unknown as Real;
    lost.assign(sent.sub(through(sent)) as never);
    return sent;
  });
}

/** What comes out where a crossing in this codec ends, bit for bit, at the place that it begins. Fails (BB350) as above. */
export const asReceived = <V extends Sendable>(name: string, values: V, options: CodecAt): V =>
  mapped(values, name, codecOf(name, options));

/** There and back by the component that the edges of this codec have at this end. */
function codecOf(name: string, { at, codec }: CodecAt): (value: Real) => Real {
  const use = typeof codec === 'string' ? { kind: codec } : codec;
  const place = 'each' in at ? at.each : at;
  const slot = component('codec', `${name}.codec`, {
    at: place as Place<string>,
    use,
    component: codecSlot(codecName(use)),
  });
  return (value) => {
    const dims = dimsIn(factOf(value, 'codec').type);
    const bytes = dims && codedBytes(codecName(use), dims);
    const encoded = slot.encode(value as never) as Value<'uint8', [number], string>;
    // Without it nobody could tell how much memory the program needs.
    const sized = typeof bytes === 'number' ? encoded.as('uint8', [bytes]) : encoded;
    return slot.decode(sized as never, value as never) as unknown as Real;
  };
}

function mapped<V extends Sendable>(values: V, name: string, change: (value: Real, key: string) => Real): V {
  if (isValue(values)) return change(values as unknown as Real, name) as unknown as V;
  const fields = Object.entries(values as Readonly<Record<string, Tensor>>).map(
    ([field, one]) => [field, change(one as unknown as Real, `${name}.${field}`)] as const,
  );
  return Object.fromEntries(fields) as unknown as V;
}
