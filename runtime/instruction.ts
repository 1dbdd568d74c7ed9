// A program as the node executes it: one instruction per op, values as slot numbers.

import type { BinderKind, Edge, Manifest, Port } from '../ir/deployment.ts';
import type { MethodKind } from '../ir/roles/declaration.ts';
import type { RoleName } from '../ir/roles/table.ts';
import type { Tensor } from '../ir/types.ts';
import type { Members } from './members.ts';
import type { NodeKernel } from './sets.ts';

/** Stands where an op leaves an optional output out. */
export const NO_SLOT = -1;

interface Common {
  /** Op name, for messages. */
  readonly name: string;
  /** Index into `fragments` if the op belongs to one that claims state. */
  readonly fragment: number | undefined;
  /** Slots read, in the op's order. */
  readonly inputs: readonly number[];
  /** The same, each once. */
  readonly reads: readonly number[];
  /** Slots written; NO_SLOT where left out. */
  readonly outputs: readonly number[];
}

export interface SegmentCall extends Common {
  readonly kind: 'segment';
  /** Name of the segment function. */
  readonly segment: string;
  /** Plain ONNX ops in it, Constants not counted. */
  readonly ops: number;
  /**
   * The Collect whose answers it folds: it is called for each, in set order. Inputs: the values they are folded into, as many as
   * outputs; the answer's fields; what else it reads. Undefined: it is called once.
   */
  readonly folds?: number;
}
/** A call that folds. */
export type Fold = SegmentCall & { readonly folds: number };
export const isFold = (one: Instruction): one is Fold => one.kind === 'segment' && one.folds !== undefined;
export interface ComponentCall extends Common {
  readonly kind: 'call';
  /** The component that is asked. */
  readonly component: string;
  readonly role: RoleName;
  /** Op type: a method of the slot's role. */
  readonly method: string;
  readonly effect: MethodKind;
  /** What the author chose. */
  readonly options: Readonly<Record<string, string>>;
  /** What it must give, in order. */
  readonly results: readonly Port[];
  /** How long an ask may take; undefined: as long as any work. */
  readonly withinNs: number | undefined;
  /** What its fragment claims: the component, where the program updates it. */
  readonly claim: string | undefined;
}
/** Inputs: the value, then, where the members are bound by a set or a scatter says whom its rows are for, these. */
export interface Send extends Common {
  readonly kind: 'send';
  readonly edge: Edge;
  /** Index into `envelopes`. */
  readonly envelope: number;
}
/** Input: the set whose first member sends, where it is bound by one. */
export interface Recv extends Common {
  readonly kind: 'recv';
  readonly edge: Edge;
  /** `file:line:column` of the author. */
  readonly at: string | undefined;
  readonly deadlineNs: number;
}
/** Input: the set of those who answer, where they are bound by one. */
export interface Collect extends Common {
  readonly kind: 'collect';
  /** One per field. Outputs: the fields, then senders and missing. */
  readonly edges: readonly Edge[];
  /** Peer ids in set order; undefined: those of its input. */
  readonly members: readonly string[] | undefined;
  /** With fewer answers the result is missing. Undefined: as many as are enough. */
  readonly atLeast: number | undefined;
  /** It closes with this many answers, without waiting for more. Undefined: all. */
  readonly enough: number | undefined;
  /** Answers that come too late join the next flow's collect; a last output has the age of each. */
  readonly keepsLate: boolean;
  /** Its rows stand in the order in which they came. */
  readonly asCome: boolean;
  /** It takes only answers whose sender somebody vouches for. */
  readonly vouched: boolean;
  /** The call that folds its answers: its fields are never stacked. */
  readonly fold?: number;
  /** `file:line:column` of the author. */
  readonly at: string | undefined;
  readonly deadlineNs: number;
}
export interface StateRead extends Common {
  readonly kind: 'stateRead';
  readonly key: string;
  /** An assignment of the same variable before it in the same fragment, whose value it reads. */
  readonly after: number | undefined;
}
export interface StateAssign extends Common {
  readonly kind: 'stateAssign';
  readonly key: string;
}
/** A flow begins. Outputs: true, then the arguments; inputs: what they are in a flow that was called. */
export interface Invoke extends Common {
  readonly kind: 'invoke';
  readonly entry: string;
  /** Names of the arguments. */
  readonly arguments: readonly string[];
  /** Flows of the entry that may be open at once. */
  readonly limit: number;
  /** What becomes of one more. */
  readonly policy: LimitPolicy;
  /** What starts it here, besides calls and `next`. */
  readonly trigger: Trigger | undefined;
}
export type LimitPolicy = (typeof limitPolicies)[number];
/** It waits for its turn, is refused, or takes the place of the oldest, which is cancelled. */
export const limitPolicies = ['wait', 'refuse', 'replace'] as const;
export type Trigger =
  | { readonly kind: 'interval' | 'after'; readonly periodNs: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'event'; readonly component: string; readonly event: string };
/** Starts another flow here: the session's next one, or the first of a new session. Inputs: the condition, then the arguments. */
export interface Next extends Common {
  readonly kind: 'next' | 'start';
  readonly entry: string;
}
export interface Judged extends Common {
  readonly kind: 'when' | 'orElse' | 'present' | 'reason';
}
/** What the node computes itself, of values that are there. */
export interface Computed extends Common {
  readonly kind: 'computed';
  readonly kernel: NodeKernel;
  /** Of a View: whose members. */
  readonly class: string | undefined;
}
export type CoreOp = Judged | Computed;
/** What the host does for the node. */
export type Call = SegmentCall | ComponentCall;
export type Instruction = Call | Send | Recv | Collect | StateRead | StateAssign | Invoke | Next | CoreOp;

export const isWait = (one: Instruction): one is Recv | Collect =>
  one.kind === 'recv' || one.kind === 'collect';

/** A fragment that claims state variables. */
export interface Fragment {
  /** Its number in the file. */
  readonly number: number;
  /** Keys it claims. */
  readonly claims: readonly string[];
  /** Assigns a variable: all its ops wait for the claim, and its effects appear at once at its end. */
  readonly writes: boolean;
  /** It claims until its queries have been answered, although it writes nothing. */
  readonly queries: boolean;
  /** Instructions that wait for the claim: all of a writing fragment, else its reads. */
  readonly gated: readonly number[];
  /** Slots made in a writing fragment that others read; they appear on commit. */
  readonly exports: readonly number[];
  /** Number of outside values and earlier fragments it waits for. */
  readonly pending: number;
  /** Fragments of the same flow that must wait for its end. */
  readonly followers: readonly number[];
}

/** Sends that leave together. */
export interface EnvelopeGroup {
  /** In the plan. */
  readonly number: number;
  /** Who of `destinations` gets it: all, the member that started the flow, the first of a set, or a set; or who bound this place. */
  readonly binder: 'all' | 'me' | 'one' | 'some' | 'around';
  /** As {@link shiftOf} its edges. */
  readonly shift: number;
  /** Of the destinations. */
  readonly class: string;
  /** Whether it stays on its peer, which is sent it if it is one of these. */
  readonly local: boolean;
  readonly destinations: readonly string[];
  /** Instruction indexes, in program order. */
  readonly sends: readonly number[];
  /** Their edges. */
  readonly edges: readonly Edge[];
  /** By send: whether each destination gets a row of its own. Empty: none is so. */
  readonly rows: readonly boolean[];
}

/** 1: an edge leads to those whom its sender bound; -1: to whoever bound its sender; 0: to a place beside. */
export const shiftOf = ({ from, to }: Pick<Edge, 'from' | 'to'>): number =>
  (to.within?.length ?? 0) - (from.within?.length ?? 0);

/** Reads of a slot: instruction `reader`, or fragment `~reader` that waits for it. */
export type Reader = number;

/** What one place of one entry does, with slots of its own. */
export interface SeatProgram {
  readonly manifest: Manifest;
  /** Position among the program's seats. */
  readonly index: number;
  /** '' where the program has one seat only. */
  readonly name: string;
  readonly binder: BinderKind;
  /** Classes of those who bound it, the outermost first. */
  readonly within: readonly string[];
  /** The entry that it belongs to; undefined: the program does not begin, and says not to which. */
  readonly entry: string | undefined;
  /** Members of the class at which its flows begin; of joint flows that class itself, whose members all enter them. */
  readonly startedBy: { readonly joint: boolean; readonly class: string };
  readonly instructions: readonly Instruction[];
  readonly fragments: readonly Fragment[];
  readonly envelopes: readonly EnvelopeGroup[];
  /** Indexed by slot. */
  readonly slotNames: readonly string[];
  readonly members: Members;
  /** Of state variables that a member has more than one of. */
  readonly scopes: ReadonlyMap<string, 'peer' | 'session'>;
  /** Indexed by slot: the instruction that makes it. */
  readonly producers: readonly (number | undefined)[];
  /** Indexed by slot: the value, if it is a constant that the node itself reads. */
  readonly constants: readonly (Tensor | undefined)[];
  /** Indexed by slot: who waits for it, except those in `deferred`. */
  readonly readers: readonly (readonly Reader[])[];
  /** Indexed by slot: who gets it only once the fragment that makes it has committed. */
  readonly deferred: readonly (readonly Reader[])[];
  /** Indexed by slot: the fragment on whose commit it appears, if others than that read it. */
  readonly exportedBy: readonly (number | undefined)[];
  /** Indexed by slot: how many instructions read it, plus one if it is an output. */
  readonly uses: Uint32Array;
  /** Indexed by instruction: how many inputs and gates it waits for. */
  readonly pending: Uint32Array;
  /** Assignment to the reads after it in its fragment. */
  readonly rereads: ReadonlyMap<number, readonly number[]>;
  /** Graph inputs in the manifest's order. */
  readonly inputs: readonly { readonly slot: number; readonly port: Port }[];
  readonly outputs: readonly { readonly slot: number; readonly port: Port }[];
  /** Indexed by slot: index into `outputs`; a value may leave under several names. */
  readonly outputsOfSlot: ReadonlyMap<number, readonly number[]>;
  /** How flows begin here; undefined: when they are called, with nothing. */
  readonly invoke: Invoke | undefined;
  /** Recv and Collect instructions, earliest deadline first. */
  readonly waits: readonly number[];
  /** Edge id to the instruction that waits for it. */
  readonly receivers: ReadonlyMap<number, number>;
}

/** Before the name of a component, what is claimed of it. */
export const COMPONENT = 'component ';

/** Whether its flow runs once, before all that touches what it touches. */
export const isBootstrap = ({ invoke }: Pick<SeatProgram, 'invoke'>): boolean =>
  invoke?.trigger?.kind === 'begin';

/** What the members of one class run. */
export interface Program {
  readonly manifest: Manifest;
  readonly members: Members;
  readonly seats: readonly SeatProgram[];
  /** By id. */
  readonly edgesIn: ReadonlyMap<number, Edge>;
  readonly edgesOut: ReadonlyMap<number, Edge>;
  /** Edge id to the seat that waits for it. */
  readonly receivers: ReadonlyMap<number, SeatProgram>;
  /** By the name of the entry: where its flows begin. */
  readonly entries: ReadonlyMap<string, SeatProgram>;
}
