// Names of flows. A flow is one execution of a module over all peers.

/** A flow that one member started. */
export interface InitiatedFlowId {
  readonly kind: 'initiated';
  readonly initiator: string;
  /** Raised by the initiator's host at each fresh start. */
  readonly incarnation: number;
  /** From 1. */
  readonly counter: number;
}

/** Every member of a class's view enters flow n itself. */
export interface JointFlowId {
  readonly kind: 'joint';
  readonly class: string;
  readonly view: number;
  /** From 1. */
  readonly n: number;
}

export type FlowId = InitiatedFlowId | JointFlowId;

/** Equal exactly for equal flows. */
export const flowKey = (id: FlowId): string =>
  id.kind === 'initiated'
    ? `${id.initiator}:${id.incarnation}:${id.counter}`
    : `${id.class}@${id.view}:${id.n}`;

/** A flow's number among those that its origin counts since it began anew. */
export const countOf = (id: FlowId): readonly [origin: string, epoch: number, counter: number] =>
  id.kind === 'initiated' ? [id.initiator, id.incarnation, id.counter] : [`${id.class}.each`, id.view, id.n];
