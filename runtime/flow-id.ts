// Names of flows. A flow is one execution of a module over all peers.

/**
 * In a place within another a flow is one for each member that bound it: it has the flow's id, and theirs. What a node knows by
 * a flow's id it so keeps apart; only edges between such a place and the one around lead from one id to the other.
 */
interface Bound {
  /** Peers that led there by their binders, the outermost first. Absent: nobody of many did. */
  readonly under?: readonly string[];
}

/** A flow that one member started. */
export interface InitiatedFlowId extends Bound {
  readonly kind: 'initiated';
  readonly initiator: string;
  /** Raised by the initiator's host at each fresh start. */
  readonly incarnation: number;
  /** From 1. */
  readonly counter: number;
}

/** Every member of a class's view enters flow n itself. */
export interface JointFlowId extends Bound {
  readonly kind: 'joint';
  readonly class: string;
  readonly view: number;
  /** From 1. */
  readonly n: number;
}

export type FlowId = InitiatedFlowId | JointFlowId;

/** Names of peers and classes have no spaces. */
const within = (text: string, { under }: FlowId): string =>
  under === undefined ? text : [text, ...under].join(' ');

/** Equal exactly for equal flows. */
export const flowKey = (id: FlowId): string =>
  within(
    id.kind === 'initiated'
      ? `${id.initiator}:${id.incarnation}:${id.counter}`
      : `${id.class}@${id.view}:${id.n}`,
    id,
  );

/** Who started the flow; nobody if its members each entered it. */
export const startersOf = (id: FlowId): readonly string[] => (id.kind === 'initiated' ? [id.initiator] : []);

const nobody: readonly string[] = [];
export const underOf = ({ under = nobody }: FlowId): readonly string[] => under;

/** The flow as those see it whom a peer bound in it. */
export const boundBy = (id: FlowId, peer: string): FlowId => ({ ...id, under: [...underOf(id), peer] });

const withUnder = ({ under: _, ...id }: FlowId, under: readonly string[]): FlowId =>
  under.length === 0 ? id : { ...id, under };

/** The flow as it is for whoever bound the place. */
export const outside = (id: FlowId): FlowId => withUnder(id, underOf(id).slice(0, -1));

/** The flow as it began. */
export const wholeOf = (id: FlowId): FlowId => withUnder(id, []);

/** A flow's number among those that its origin counts since it began anew. */
export function countOf(id: FlowId): readonly [origin: string, epoch: number, counter: number] {
  const origin = within(id.kind === 'initiated' ? id.initiator : `${id.class}.each`, id);
  return id.kind === 'initiated' ? [origin, id.incarnation, id.counter] : [origin, id.view, id.n];
}
