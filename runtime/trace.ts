// Trace context: what a tracer needs to join what peers do in one flow into one trace. The node carries it unread.

import type { FlowHead } from './flow.ts';

/** Trace id, span id and flags, as in W3C's `traceparent` of version 0. */
export const TRACE_BYTES = 25;

/** A flow that begins at a peer, in one seat of it. */
export interface FlowBegun extends FlowHead {
  /** '' where the program has one seat only. */
  readonly seat: string;
}

/**
 * Called when a flow begins here, with the context that its first message brought, if any; gives what its messages shall
 * carry. The only thing that a node asks its host for: what it answers is sent and decides nothing.
 */
export type Traces = (flow: FlowBegun, came: Uint8Array | undefined) => Uint8Array | undefined;
