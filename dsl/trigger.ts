// What starts flows beside calls and `next`: time, and what components tell.

import { type Attribute, type DType, tensorType, type ValueType } from '../ir/index.ts';
import { type StatedShape, statedDims } from './containers.ts';
import { type Duration, durationNs } from './duration.ts';
import type { Recorder } from './recorder.ts';

/** What an event brings: dtype and shape by name. */
export type EventFields = Readonly<Record<string, readonly [dtype: DType, shape: StatedShape]>>;

/** Starts flows of an entry by itself, at every member that may start them. */
export interface Trigger<out F extends EventFields = EventFields> {
  readonly kind: 'interval' | 'after' | 'event' | 'begin';
  readonly every?: Duration;
  readonly event?: string;
  readonly fields: F;
}

type Nothing = Readonly<Record<never, never>>;

/** A flow every so often. Ticks that were missed become one. */
export const interval = (every: Duration): Trigger<Nothing> => ({ kind: 'interval', every, fields: {} });

/** One flow, so long after the program has started. */
export const after = (delay: Duration): Trigger<Nothing> => ({ kind: 'after', every: delay, fields: {} });

/**
 * A flow for each event of a component, `name.event`, whose values are the entry's arguments:
 * `event('raft.elected', { term: [int64, []] })`.
 */
export const event = <const F extends EventFields = Nothing>(name: string, fields?: F): Trigger<F> => ({
  kind: 'event',
  event: name,
  fields: fields ?? ({} as F),
});

/** Of a bootstrap: one flow, when the node begins. */
export const begin: Trigger<Nothing> = { kind: 'begin', fields: {} };

export const isTrigger = (thing: unknown): thing is Trigger =>
  typeof thing === 'object' && thing !== null && 'kind' in thing && 'fields' in thing;

export const fieldType = ([dtype, shape]: EventFields[string]): ValueType =>
  tensorType(dtype, statedDims(shape));

const text = (name: string, value: string): Attribute => ({
  name,
  kind: 'string',
  value: new TextEncoder().encode(value),
});

/** How the Invoke op says it. */
export function triggerAttributes(owner: Recorder, entry: string, trigger: Trigger): Attribute[] {
  const { kind, every, event: name } = trigger;
  if (kind === 'begin') return [text('trigger', kind)];
  if (kind !== 'event')
    return [text('trigger', kind), { name: 'period_ns', kind: 'int', value: durationNs(owner, every!) }];
  const [component, ...rest] = name!.split('.');
  if (component === '' || rest.join('.') === '')
    owner.fail('BB319', { entry, reason: `"${name}" is no event of a component, such as 'raft.elected'` });
  return [text('trigger', 'event'), text('component', component!), text('event', rest.join('.'))];
}
