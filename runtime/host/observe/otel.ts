// Spans for OpenTelemetry. The tracer, and all that is behind it, is the caller's; this file alone needs
// @opentelemetry/api. Every peer's part of a flow is a span, child of the one that woke it, so that a flow is one trace.

import {
  type Context,
  context,
  type HrTime,
  isSpanContextValid,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type FlowId, flowKey } from '../../flow-id.ts';
import { type FlowBegun, TRACE_BYTES } from '../../trace.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Observer } from './observer.ts';
import { type Attributes, flowSpan, invocationSpan, type Span, turnSpan } from './spans.ts';

export interface OpenTelemetryOptions {
  readonly tracer: Tracer;
  readonly peer: string;
  /** The host's. */
  readonly clock?: Clock;
  /** Time since 1970 in ms. */
  readonly wallMs?: () => number;
  /** Whether each turn of the engine is a span, too: `engine.poll` and its phases. Default: true. */
  readonly turns?: boolean;
}

const PREFIX = 'bytesandbrains.';
/** Sessions whose last flow is remembered, so that the next one links to it. */
const MAX_SESSIONS = 1024;

interface OpenFlow {
  readonly seat: string;
  readonly span: OtelSpan;
  readonly around: Context;
  readonly beganNs: number;
}

/** Tells a tracer of one peer's flows, of what they compute, and of the engine's turns. */
export function openTelemetry(options: OpenTelemetryOptions): Observer {
  return new Bridge(options);
}

class Bridge implements Observer {
  readonly #tracer: Tracer;
  readonly #peer: string;
  readonly #turns: boolean;
  readonly #timeOf: (ns: number) => HrTime;
  /** In each seat of this peer. */
  readonly #flows = new Map<string, readonly OpenFlow[]>();
  /** Flows that ended in this turn, which is yet to be told. */
  #ended: (readonly [key: string, open: OpenFlow])[] = [];
  readonly #sessions = new Map<string, SpanContext>();

  constructor({ tracer, peer, clock = systemClock, wallMs = Date.now, turns = true }: OpenTelemetryOptions) {
    this.#tracer = tracer;
    this.#peer = peer;
    this.#turns = turns;
    this.#timeOf = timesFrom(clock.now(), wallMs());
  }

  began(flow: FlowBegun, came: Uint8Array | undefined, atNs: number): Uint8Array | undefined {
    const parent = came && contextOf(came);
    const [key, session, { seat }] = [flowKey(flow.id), flowKey(flow.session), flow];
    const before = this.#sessions.get(session);
    const span = this.#tracer.startSpan(
      'flow',
      {
        startTime: this.#timeOf(atNs),
        kind: parent === undefined ? SpanKind.INTERNAL : SpanKind.CONSUMER,
        attributes: this.#named({ flow: key, session, step: flow.step, seat }),
        ...(before !== undefined && parent === undefined && { links: [{ context: before }] }),
      },
      // Who calls the first flow has perhaps a span of its own; later ones follow whenever their turn comes.
      parent ?? (flow.step === 0 ? context.active() : ROOT_CONTEXT),
    );
    const open = { seat, span, around: trace.setSpan(ROOT_CONTEXT, span), beganNs: atNs };
    this.#flows.set(key, [...(this.#flows.get(key) ?? []), open]);
    this.#remember(session, span.spanContext());
    return isSpanContextValid(span.spanContext()) ? bytesOf(span.spanContext()) : came;
  }

  ended(event: Parameters<Observer['ended']>[0], atNs: number): void {
    const key = flowKey(event.flow);
    const open = this.#flows.get(key)?.find(({ seat }) => seat === (event.seat ?? ''));
    if (open === undefined) return;
    const { attributes, error } = flowSpan(event, open.beganNs, atNs);
    open.span.setAttributes(this.#named(attributes));
    if (error !== undefined) open.span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    open.span.end(this.#timeOf(atNs));
    this.#ended.push([key, open]);
  }

  invoked(one: Parameters<Observer['invoked']>[0]): void {
    this.#tell(invocationSpan(one), this.#around(one.flow));
  }

  polled(turn: Parameters<Observer['polled']>[0]): void {
    const idle = turn.flow === undefined && turn.sends + turn.works + turn.events === 0;
    if (this.#turns && !idle) this.#tell(turnSpan(turn), this.#around(turn.flow));
    for (const [key, open] of this.#ended) {
      const left = this.#flows.get(key)!.filter((one) => one !== open);
      if (left.length === 0) this.#flows.delete(key);
      else this.#flows.set(key, left);
    }
    this.#ended = [];
  }

  #around(flow: FlowId | undefined): Context {
    return (flow && this.#flows.get(flowKey(flow))?.at(-1)?.around) ?? ROOT_CONTEXT;
  }

  #tell({ name, beganNs, endedNs, attributes, error, phases = [] }: Span, around: Context): void {
    const startTime = this.#timeOf(beganNs);
    const span = this.#tracer.startSpan(name, { startTime, attributes: this.#named(attributes) }, around);
    for (const phase of phases) this.#tell(phase, trace.setSpan(around, span));
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(this.#timeOf(endedNs));
  }

  #named(attributes: Attributes): Attributes {
    const all = Object.entries({ peer: this.#peer, ...attributes });
    return Object.fromEntries(all.map(([name, value]) => [PREFIX + name, value]));
  }

  #remember(session: string, last: SpanContext): void {
    this.#sessions.delete(session);
    this.#sessions.set(session, last);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS) this.#sessions.delete(oldest!);
  }
}

/** Seconds and ns since 1970 of a host's times; as one number they would lose digits. */
function timesFrom(nowNs: number, wallMs: number): (ns: number) => HrTime {
  const [seconds, restNs] = [Math.floor(wallMs / 1e3), Math.round((wallMs % 1e3) * 1e6)];
  return (ns) => {
    const since = restNs + Math.round(ns - nowNs);
    return [seconds + Math.floor(since / 1e9), ((since % 1e9) + 1e9) % 1e9];
  };
}

const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Undefined: no trace context. */
function contextOf(bytes: Uint8Array): Context | undefined {
  if (bytes.length !== TRACE_BYTES) return undefined;
  const [traceId, spanId] = [hexOf(bytes.subarray(0, 16)), hexOf(bytes.subarray(16, 24))];
  const spanContext = { traceId, spanId, traceFlags: bytes[24]!, isRemote: true };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : undefined;
}

function bytesOf({ traceId, spanId, traceFlags }: SpanContext): Uint8Array {
  const bytes = new Uint8Array(TRACE_BYTES);
  const hex = traceId + spanId;
  for (let at = 0; at < TRACE_BYTES - 1; at++) bytes[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  bytes[TRACE_BYTES - 1] = traceFlags;
  return bytes;
}
