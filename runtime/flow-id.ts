// Names of flows. A flow is one execution of a module over all peers.

export type FlowId =
  | {
      readonly kind: 'initiated';
      readonly initiator: string;
      /** Raised by the initiator's host at each fresh start. */
      readonly incarnation: number;
      /** From 1. */
      readonly counter: number;
    }
  /** Reserved: every member of a class's view enters flow n itself. */
  | { readonly kind: 'joint'; readonly class: string; readonly view: number; readonly n: number };

export type InitiatedFlowId = Extract<FlowId, { kind: 'initiated' }>;

/** Equal exactly for equal flows. */
export const flowKey = (id: FlowId): string =>
  id.kind === 'initiated'
    ? `${id.initiator}:${id.incarnation}:${id.counter}`
    : `${id.class}@${id.view}:${id.n}`;
