// Events as log lines: one JSON object each, for machines.

import { type FlowId, flowKey } from '../../flow-id.ts';
import { describeData } from '../../manifest.ts';
import type { PeerEvent } from '../peer-host.ts';
import { describeEvent, type EventLevel, levelOf, type Severity, severityOf } from './events.ts';

export interface LogRecord {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: EventLevel;
  readonly severity: Severity;
  readonly kind: PeerEvent['kind'];
  /** Who tells. */
  readonly peer: string;
  /** `INITIATOR:INCARNATION:COUNTER` */
  readonly flow?: string;
  readonly text: string;
  /** What else the event says: flows by name, values by type. */
  readonly event: Readonly<Record<string, unknown>>;
}

const isFlow = (value: object): value is FlowId =>
  'kind' in value && (value.kind === 'initiated' || value.kind === 'joint');
const isTensorLike = (value: object): boolean => 'dtype' in value && 'bytes' in value;
const isContainer = (value: object): boolean =>
  'kind' in value && ['sequence', 'optional', 'sparse'].includes(value.kind as string);

/** A line stays a line, however many members a cohort has. */
const MAX_ITEMS = 32;

/** As JSON has it: a log is no place for a value's elements. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isFlow(value)) return flowKey(value);
  if (isTensorLike(value) || isContainer(value)) return describeData(value as never);
  if (Array.isArray(value)) {
    const more = value.length - MAX_ITEMS;
    return [...value.slice(0, MAX_ITEMS).map(plain), ...(more > 0 ? [`and ${more} more`] : [])];
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

export function logRecord(event: PeerEvent, peer: string, timeMs: number): LogRecord {
  const { kind, ...rest } = event;
  const { flow, ...fields } = plain(rest) as Readonly<Record<string, unknown>>;
  return {
    time: new Date(timeMs).toISOString(),
    level: levelOf(event),
    severity: severityOf(event),
    kind,
    peer,
    ...(typeof flow === 'string' && { flow }),
    text: describeEvent(event),
    event: fields,
  };
}
