// One flow in one seat.

import { type FlowId, flowKey, startersOf, underOf } from './flow-id.ts';
import { type Collect, isBootstrap, type Recv, type SeatProgram, shiftOf } from './instruction.ts';
import type { Cause } from './io.ts';
import type { LateAnswer } from './late.ts';
import type { Held, Slot } from './lease.ts';
import type { Missing } from './value.ts';

/** Answers of a collect so far: fields in edge order, members in set order. */
export interface Answers {
  /** Peer ids in set order. */
  readonly members: readonly string[];
  readonly fields: (Slot | undefined)[][];
  /** Fields still open, by member. */
  readonly open: number[];
  /** Members with an open field. */
  waiting: number;
  /** By member: whether all of its fields are present, or a late answer of it has joined. */
  readonly answered: boolean[];
  /** How many have. */
  present: number;
  /** Members without an open field, as they came. */
  readonly came: number[];
  /** Of earlier flows. */
  readonly late: LateAnswer[];
  /** Of a fold: the member whose turn it is. */
  turn: number;
  /** Answers whose turn has come, until they are folded; held. `fields` keeps their types. */
  readonly ready: (readonly Held[])[];
  /** Types of the first of them. */
  model: readonly Held[] | undefined;
}

/** Where a flow stands in its session, and what it was started with. */
export interface FlowHead {
  readonly id: FlowId;
  /** The first flow of the session. */
  readonly session: FlowId;
  /** 0 in the first. */
  readonly step: number;
  /** Goes with its messages; see trace.ts. */
  readonly trace?: Uint8Array | undefined;
}

export interface FlowStart extends FlowHead {
  /** How many flows of the session may begin from here on, with this one, as its caller says. */
  readonly flows?: number | undefined;
  /** The session of the flow that began this one's, if a flow did. */
  readonly opener?: FlowId | undefined;
  /** Arguments of the entry, as `next` or the caller gave them; held. Undefined: as the author wrote. */
  readonly given?: readonly (Slot | undefined)[] | undefined;
}

/** A value from a peer of which is not known yet whether it belongs to the set that is waited for. */
export interface Early {
  readonly from: string;
  readonly field: number;
  /** Held. */
  readonly slot: Slot;
}

/** Equal exactly for the same flow in the same seat. */
export const seatKey = (id: FlowId, seat: Pick<SeatProgram, 'index'>): string =>
  `${flowKey(id)}/${seat.index}`;

export class Flow implements FlowStart {
  readonly seat: SeatProgram;
  readonly id: FlowId;
  readonly session: FlowId;
  readonly step: number;
  readonly flows: number;
  given: readonly (Slot | undefined)[] | undefined;
  /** By Next instruction: arguments of a flow that is to follow, until its fragment has committed. */
  readonly nexts = new Map<number, readonly Slot[]>();
  /** By wait: the set that it is for, where a value says so. */
  readonly bound = new Map<number, readonly string[]>();
  /** By wait: what came before its set, by field and sender. */
  readonly early = new Map<number, Map<string, Early>>();
  /** Flows that follow this one. */
  followers = 0;
  readonly trace: Uint8Array | undefined;
  readonly key: string;
  readonly learnedNs: number;
  /** The peer whose frame made it open here. */
  openedBy: string | undefined;
  /** Indexed by slot; freed when its last reader has fired. */
  readonly values: (Slot | undefined)[];
  /** Indexed by slot: readers that have not fired. */
  readonly uses: Uint32Array;
  /** Indexed by instruction: inputs and gates it still waits for. */
  readonly pending: Uint32Array;
  /** Indexed by instruction: 1 once it has fired. */
  readonly fired: Uint8Array;
  /** Indexed by graph input: 1 once it has a value. */
  readonly supplied: Uint8Array;
  /** Indexed by fragment: what it waits for before it claims. */
  readonly gates: number[];
  /** Indexed by fragment: its ops that are not done. */
  readonly inside: number[];
  /** Of a bootstrap: all keys that its fragments claim; it has them from its beginning to its end. */
  holds: readonly string[] | undefined;
  /** By fragment: why it must leave nothing behind. */
  readonly voided = new Map<number, Missing>();
  /** By instruction: the state a read finds when its fragment begins. */
  readonly found = new Map<number, Held>();
  /** By instruction: values assigned, to be committed. */
  readonly assigned = new Map<number, Held>();
  /** By instruction: what a component is to be told, on commit. */
  readonly updates = new Map<number, readonly Held[]>();
  /** By instruction: values to be sent, until their envelope leaves. */
  readonly outgoing = new Map<number, Slot>();
  /** By instruction: whom the rows of a scatter are for, until then too. */
  readonly recipients = new Map<number, Slot>();
  /** Indexed by envelope: sends it still waits for. */
  readonly unsent: number[];
  readonly answers = new Map<number, Answers>();
  /** By the call of a fold: its values between two answers; held. */
  readonly folded = new Map<number, readonly Slot[]>();
  readonly causes: Cause[] = [];
  /** Ops and inputs that are not done. */
  left: number;
  /** Position in the program's waits, up to which deadlines have passed. */
  waitsPassed = 0;
  /** Plain ONNX ops that ran. */
  ops = 0;
  /** Whether an output, or a send where there are no outputs, was present. */
  cameOut = false;
  cancelled: Missing | undefined;
  /** Peers that it bound and has sent something. */
  readonly bade = new Set<string>();
  /** Peers that have been sent something; kept where the flow began, to tell them if it is cancelled. */
  readonly told = new Set<string>();
  /** What stands for values that their receiver wants no more. */
  readonly unwanted = new Set<Missing>();
  ended = false;

  constructor(start: FlowStart, learnedNs: number, seat: SeatProgram) {
    this.seat = seat;
    this.id = start.id;
    this.session = start.session;
    this.step = start.step;
    this.flows = start.flows ?? Number.POSITIVE_INFINITY;
    this.given = start.given;
    this.trace = start.trace;
    this.key = seatKey(start.id, seat);
    this.learnedNs = learnedNs;
    this.values = seat.constants.map((tensor) => tensor && { data: tensor, lease: undefined });
    this.uses = seat.uses.slice();
    this.pending = seat.pending.slice();
    this.fired = new Uint8Array(seat.instructions.length);
    this.supplied = new Uint8Array(seat.inputs.length);
    this.gates = seat.fragments.map((fragment) => fragment.pending);
    this.inside = seat.fragments.map((fragment) => fragment.gated.length);
    this.unsent = seat.envelopes.map((envelope) => envelope.sends.length);
    this.left = seat.instructions.length + seat.inputs.length;
  }

  /** Who may give a wait its values, in set order; undefined: not known yet. */
  sourcesOf(index: number, one: Recv | Collect): readonly string[] | undefined {
    if (one.inputs.length > 0) return this.bound.get(index);
    if (one.kind === 'collect') return one.members!;
    const { class: name, binder } = one.edge.from;
    // Who bound this place.
    if (shiftOf(one.edge) > 0) return underOf(this.id).slice(-1);
    // Whoever it comes from, the courier lets in only what the peer sent itself.
    if (one.edge.kind === 'local') return this.seat.manifest.members[name] ?? [];
    if (binder === 'me') return startersOf(this.id);
    return this.seat.manifest.members[name]?.slice(0, 1) ?? [];
  }
}

/** For events: the seat, where its program has several, and whether it is a bootstrap. */
export const seatOf = ({ seat }: Flow): { readonly seat?: string; readonly bootstrap?: true } => ({
  ...(seat.name !== '' && { seat: seat.name }),
  ...(isBootstrap(seat) && { bootstrap: true }),
});

/** Whether whoever a flow's id names may have begun it in the entry of this seat, and bound it. */
export function isStartedSo({ members, startedBy, within }: SeatProgram, id: FlowId): boolean {
  const under = underOf(id);
  if (under.length !== within.length || !within.every((name, at) => members.has(name, under[at]!)))
    return false;
  if (id.kind === 'joint') return startedBy.joint && id.class === startedBy.class;
  return !startedBy.joint && members.has(startedBy.class, id.initiator);
}
