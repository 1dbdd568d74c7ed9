// Spans: what an observer is told, as names, times and attributes that every tracer understands.

import { type FlowId, flowKey } from '../../flow-id.ts';
import { causeText } from './cause-text.ts';
import type { FlowEnded, Invocation, Turn } from './observer.ts';

export type Attributes = Readonly<Record<string, string | number>>;

export interface Span {
  readonly name: 'flow' | 'engine.poll' | 'engine.handle' | 'engine.act' | 'engine.invoke';
  readonly flow: FlowId | undefined;
  readonly beganNs: number;
  readonly endedNs: number;
  readonly attributes: Attributes;
  readonly error?: string;
  /** Within it. */
  readonly phases?: readonly Span[];
}

const aboutFlow = (flow: FlowId | undefined): Attributes =>
  flow === undefined ? {} : { flow: flowKey(flow) };

/** `engine.poll` with its phases: `engine.handle` takes the input, `engine.act` does what the node then wants. */
export function turnSpan({ input, flow, beganNs, handledNs, endedNs, sends, works, events }: Turn): Span {
  const phases: readonly Span[] = [
    { name: 'engine.handle', flow, beganNs, endedNs: handledNs, attributes: { input } },
    { name: 'engine.act', flow, beganNs: handledNs, endedNs, attributes: { sends, works, events } },
  ];
  return { name: 'engine.poll', flow, beganNs, endedNs, attributes: { input, ...aboutFlow(flow) }, phases };
}

export function invocationSpan(of: Invocation): Span {
  const { flow, op, kind, domain, component, beganNs, endedNs, failed } = of;
  const attributes = { op, kind, domain, ...aboutFlow(flow), ...(component !== undefined && { component }) };
  const error = failed === undefined ? {} : { error: failed };
  return { name: 'engine.invoke', flow, beganNs, endedNs, attributes, ...error };
}

/** `beganNs`: when the flow was first heard of here. */
export function flowSpan(
  { flow, seat, status, causes, ops }: FlowEnded,
  beganNs: number,
  endedNs: number,
): Span {
  const attributes = { ...aboutFlow(flow), ...(seat !== undefined && { seat }), status, ops };
  const error = status === 'failed' ? { error: causes.map(causeText).join('; ') } : {};
  return { name: 'flow', flow, beganNs, endedNs, attributes, ...error };
}
