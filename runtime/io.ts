// What goes into a node and what comes out. Times are in ns, on any clock that never goes back.

import type { DataValue } from '../ir/data.ts';
import type { Port } from '../ir/deployment.ts';
import type { FlowId } from './flow-id.ts';
import type { Missing, Value } from './value.ts';

export type Values = Readonly<Record<string, Value>>;

export type Input =
  /**
   * `from` is the peer as the transport knows it; `vouched`: it has proven to be that peer and no other. `owned`: the buffer
   * is given away, not copied.
   */
  | {
      readonly type: 'frame';
      readonly from: string;
      readonly bytes: Uint8Array;
      readonly vouched?: boolean;
      readonly owned?: boolean;
    }
  /** Starts a flow here; `request` comes back in `flow-started` or `flow-refused`. */
  | {
      readonly type: 'invoke';
      readonly entry: string;
      readonly values: Values;
      readonly request?: number;
      /** How many flows its session may have. Default: as many as `next` starts. */
      readonly flows?: number;
      /** The flow's place in its session, where it goes on with one that was paused. Default: 0. */
      readonly step?: number;
      /** Of the entry; those not named have the author's initial value. */
      readonly arguments?: Values;
      readonly owned?: boolean;
    }
  /** Values that an `input-wanted` event asked for. */
  | {
      readonly type: 'supply';
      readonly flow: FlowId;
      readonly values: Values;
      readonly owned?: boolean;
    }
  /** Values for state variables by key, as if they were committed; before the first flow. */
  | { readonly type: 'restore'; readonly state: Values }
  /** Results in the order of the segment's outputs, or of the method's; their buffers are given away. */
  | {
      readonly type: 'done';
      readonly work: number;
      readonly outputs: readonly DataValue[];
      /** A result that is sent and is not finite, which may be meant. */
      readonly suspect?: NotFinite;
    }
  /** `notFinite`: it did run, and gave a number that its flow must not go on with. */
  | {
      readonly type: 'failed';
      readonly work: number;
      readonly message: string;
      readonly notFinite?: NotFinite;
    }
  /** Everybody is ready: triggers count from now on. */
  | { readonly type: 'begin' }
  /** Ends a flow here; what it has not yet shown it never will. */
  | { readonly type: 'cancel'; readonly flow: FlowId; readonly why?: string }
  /** The transport gave the peer up. Whoever waits for it stops; a frame from it makes it known again. */
  | { readonly type: 'lost'; readonly peer: string }
  /** A peer that was given up is connected again. */
  | { readonly type: 'found'; readonly peer: string }
  /** Whose frames an adaptive network lets in from now on; what is left out stays as it is. */
  | { readonly type: 'policy'; readonly block?: readonly string[]; readonly allow?: readonly string[] }
  /** Cancels every flow and refuses new ones. */
  | { readonly type: 'shutdown' };

export type Output =
  /** Pieces of one frame, valid until the next call of `poll`. */
  | {
      readonly type: 'send';
      readonly to: string;
      readonly pieces: readonly Uint8Array[];
      /** For accounts: absent on the control plane. */
      readonly flow?: FlowId;
      /** Of the plan: which of the flow's messages it is. */
      readonly envelope?: number;
      /** It was sent before, and is not known to have arrived. */
      readonly again?: boolean;
    }
  /** Run a segment; answer with `done` or `failed`. */
  | {
      readonly type: 'work';
      readonly work: number;
      readonly flow: FlowId;
      readonly segment: string;
      readonly inputs: readonly DataValue[];
      /** Buffers that nobody else holds; the host may give them away. The rest is only to be read. */
      readonly transfer: readonly ArrayBuffer[];
    }
  /** Ask a component; answer with `done` or `failed`. */
  | {
      readonly type: 'call';
      readonly work: number;
      readonly flow: FlowId;
      readonly component: string;
      readonly method: string;
      readonly options: Readonly<Record<string, string>>;
      readonly inputs: readonly DataValue[];
      readonly results: readonly Port[];
      /** Buffers that nobody else holds, as for `work`. */
      readonly transfer: readonly ArrayBuffer[];
    }
  /** Nobody needs what a work or a call would give any more; it need not be answered. */
  | { readonly type: 'abort'; readonly work: number }
  /** A buffer given to the node that it holds no more; the host may use it again. */
  | { readonly type: 'release'; readonly buffer: ArrayBuffer }
  | { readonly type: 'event'; readonly event: NodeEvent }
  /** Nothing to do before `until`; undefined: before the next input. */
  | { readonly type: 'idle'; readonly until: number | undefined };

/** Why a flow did not come out complete. */
export interface Cause {
  /** The value that went missing. */
  readonly value: string;
  readonly missing: Missing;
  /** The deadline that passed. */
  readonly deadlineNs?: number;
}

/** A scalar that should be finite, and where the first number that is not came from, as far as that was found. */
export interface NotFinite {
  readonly value: string;
  /** `Log (log_1)` */
  readonly op?: string;
  /** `file:line:column` of the author. */
  readonly at?: string;
  /** It came into the segment from elsewhere, as this. */
  readonly input?: string;
  readonly inputIndex?: number;
}

export type DropReason =
  | 'malformed'
  | 'version'
  | 'deployment'
  | 'type'
  /** The envelope's sender is not the peer that the transport knows, or an old incarnation of it. */
  | 'sender'
  /** Nobody vouches for its sender, as a collect demands. */
  | 'unvouched'
  /** The fill's edge does not begin at the sender, or does not end here. */
  | 'binding'
  | 'duplicate'
  /** Its flow or its collect has ended. */
  | 'late'
  | 'limit'
  /** A frame of ours was given up: no room to wait in, or never acknowledged; `from` is who should have it. */
  | 'unsent'
  /** Reserved parts of the wire format. */
  | 'unsupported';

/** Tables whose oldest entries go where there are too many. */
export type EvictionTable =
  /** Whose late answers are awaited, so that they can be told as such. */
  | 'late'
  /** Late answers that were kept for a flow to come. */
  | 'kept'
  /** What sessions and peers have each of their own of a state. */
  | 'state'
  /** Work that was told to stop and may answer all the same. */
  | 'aborted'
  /** Flows that never showed before later ones ended: they count as ended. */
  | 'gaps';

export type NodeEvent =
  /** `session` and `step`, from 1: it follows others, and the session is known by its first flow. */
  | {
      readonly kind: 'flow-started';
      readonly flow: FlowId;
      readonly request?: number;
      readonly session?: FlowId;
      readonly step?: number;
      /** The session of the flow that began this one's, if one did. */
      readonly opener?: FlowId;
      /** Which of the program's seats, where it has several. */
      readonly seat?: string;
      /** Nobody asked for it: it comes before all that touches what it touches. */
      readonly bootstrap?: true;
    }
  | { readonly kind: 'flow-refused'; readonly request?: number; readonly why: string }
  | { readonly kind: 'input-wanted'; readonly flow: FlowId; readonly inputs: readonly Port[] }
  | {
      readonly kind: 'output';
      readonly flow: FlowId;
      readonly name: string;
      readonly value: Value;
    }
  /**
   * complete: nothing went missing but by `when`; failed: nothing came out (outputs, or sends where there are
   * none); partial: in between.
   */
  | {
      readonly kind: 'flow-ended';
      readonly flow: FlowId;
      readonly status: 'complete' | 'partial' | 'failed';
      readonly causes: readonly Cause[];
      /** Plain ONNX ops that ran here. */
      readonly ops: number;
      /** Flows of its session that it starts, if any, less those that others would have started and that never begin. */
      readonly followers?: number;
      readonly seat?: string;
      readonly bootstrap?: true;
    }
  /** `next` started no flow, since its session has had as many as its caller wanted; this is what it would have been given. */
  | {
      readonly kind: 'session-paused';
      readonly flow: FlowId;
      readonly step: number;
      readonly arguments: Values;
    }
  /** A collect closed with too few answers: what it gives is missing. */
  | {
      readonly kind: 'quorum-missed';
      readonly flow: FlowId;
      /** Where it collects. */
      readonly peer: string;
      /** The op's name. */
      readonly collect: string;
      /** `file:line:column` of the author. */
      readonly at?: string;
      /** Members whose answer came, how many it takes, and how many there are. */
      readonly arrived: number;
      readonly needed: number;
      readonly known: number;
      /** Why the others' did not, in set order. */
      readonly causes: readonly Missing[];
    }
  /** An answer came after its collect had closed: dropped unread, or kept for the session's next flow. */
  | {
      readonly kind: 'late-answer';
      readonly flow: FlowId;
      readonly session: FlowId;
      readonly collect: string;
      readonly from: string;
      readonly kept: boolean;
    }
  /** What is sent from here is NaN or infinite somewhere; told the first time only. It may be meant, as in masks. */
  | ({ readonly kind: 'suspect'; readonly flow: FlowId; readonly peer: string } & NotFinite)
  /** A loss is NaN or infinite: its flow is cancelled, and its session ends. */
  | ({
      readonly kind: 'not-finite';
      readonly flow: FlowId;
      readonly peer: string;
      readonly segment: string;
    } & NotFinite)
  | {
      readonly kind: 'work-failed';
      readonly flow: FlowId;
      /** The segment, or the component that was asked. */
      readonly segment: string;
      readonly message: string;
    }
  /** A component raised one of its events. */
  | {
      readonly kind: 'component-event';
      readonly component: string;
      readonly event: string;
      readonly values: Values;
    }
  /** A component threw where nobody waits for its answer. */
  | { readonly kind: 'component-failed'; readonly component: string; readonly message: string }
  | {
      readonly kind: 'dropped';
      readonly reason: DropReason;
      readonly from: string;
      readonly message: string;
      readonly edge?: number;
      /** Earlier drops that were not reported one by one. */
      readonly unreported: number;
    }
  /** Entries of a table had to go. Told once at a time, of as many as there were by then. */
  | { readonly kind: 'evicted'; readonly table: EvictionTable; count: number }
  /** A peer has been silent for longer than is usual for it: whoever waits for it stops. */
  | { readonly kind: 'peer-suspected'; readonly peer: string; readonly silentNs: number }
  /** A peer did too much that it should not; nothing of it is let in until then. `why`: the last of it. */
  | {
      readonly kind: 'peer-shut-out';
      readonly peer: string;
      readonly why: DropReason;
      readonly untilNs: number;
    }
  /** A peer speaks another version, or means something else by an edge or message; both are named. */
  | {
      readonly kind: 'mismatch';
      readonly peer: string;
      readonly what: 'version' | 'type';
      readonly message: string;
    }
  /** A peer says that it does not understand us. */
  | { readonly kind: 'peer-error'; readonly from: string; readonly code: number; readonly message: string };
