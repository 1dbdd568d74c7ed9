// One flow as one node sees it.

import type { InitiatedFlowId } from './flow-id.ts';
import type { Program } from './instruction.ts';
import type { Cause } from './io.ts';
import type { LateAnswer } from './late.ts';
import type { Held, Slot } from './lease.ts';
import type { Missing } from './value.ts';

/** Answers of a collect so far: fields in edge order, members in set order. */
export interface Answers {
  readonly fields: (Slot | undefined)[][];
  /** Fields still open, by member. */
  readonly open: number[];
  /** Members with an open field. */
  waiting: number;
  /** By member: whether all of its fields are present, or a late answer of it has joined. */
  readonly answered: boolean[];
  /** How many have. */
  present: number;
  /** Of earlier flows. */
  readonly late: LateAnswer[];
}

/** Where a flow stands in its session, and what it was started with. */
export interface FlowHead {
  readonly id: InitiatedFlowId;
  /** The first flow of the session. */
  readonly session: InitiatedFlowId;
  /** 0 in the first. */
  readonly step: number;
}

export interface FlowStart extends FlowHead {
  /** How many flows of the session may begin from here on, with this one, as its caller says. */
  readonly flows?: number | undefined;
  /** Arguments of the entry, as `next` or the caller gave them; held. Undefined: as the author wrote. */
  readonly given?: readonly (Slot | undefined)[] | undefined;
}

export class Flow implements FlowStart {
  readonly id: InitiatedFlowId;
  readonly session: InitiatedFlowId;
  readonly step: number;
  readonly flows: number;
  given: readonly (Slot | undefined)[] | undefined;
  /** By Next instruction: arguments of a flow that is to follow, until its fragment has committed. */
  readonly nexts = new Map<number, readonly Slot[]>();
  /** Flows that follow this one. */
  followers = 0;
  readonly key: string;
  readonly learnedNs: number;
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
  /** By fragment: why it must leave nothing behind. */
  readonly voided = new Map<number, Missing>();
  /** By instruction: the state a read finds when its fragment begins. */
  readonly found = new Map<number, Held>();
  /** By instruction: values assigned, to be committed. */
  readonly assigned = new Map<number, Held>();
  /** By instruction: values to be sent, until their envelope leaves. */
  readonly outgoing = new Map<number, Slot>();
  /** By instruction: whom the rows of a scatter are for, until then too. */
  readonly recipients = new Map<number, Slot>();
  /** Indexed by envelope: sends it still waits for. */
  readonly unsent: number[];
  readonly answers = new Map<number, Answers>();
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
  ended = false;

  constructor(start: FlowStart, key: string, learnedNs: number, program: Program) {
    this.id = start.id;
    this.session = start.session;
    this.step = start.step;
    this.flows = start.flows ?? Number.POSITIVE_INFINITY;
    this.given = start.given;
    this.key = key;
    this.learnedNs = learnedNs;
    this.values = program.constants.map((tensor) => tensor && { data: tensor, lease: undefined });
    this.uses = program.uses.slice();
    this.pending = program.pending.slice();
    this.fired = new Uint8Array(program.instructions.length);
    this.supplied = new Uint8Array(program.inputs.length);
    this.gates = program.fragments.map((fragment) => fragment.pending);
    this.inside = program.fragments.map((fragment) => fragment.gated.length);
    this.unsent = program.envelopes.map((envelope) => envelope.sends.length);
    this.left = program.instructions.length + program.inputs.length;
  }
}
