// What the compiler emits and the runtime reads beside ONNX: manifests and the plan.
//
// A program is an ONNX model whose main graph holds, in schedule order:
//   ai.bytesandbrains.segment  <name>     call of a segment: a model-local function of plain ONNX ops. Inputs are
//                                         run-time values and weights (initializers of the program). With `fold`: the
//                                         number of its results, which are its first inputs, too; then come the fields
//                                         of a Collect, which stand for one answer. It is called for each, with the
//                                         results of the call before
//   ai.bytesandbrains.wire     Send       (x, members?)  edge, envelope: ships x; sends of one envelope leave together.
//                                         A scatter's row i goes to member i, or to the i-th of `members` (peer ids).
//                                         On a trigger edge x may be left out: it leaves when the flow starts
//                              Recv       () → x  edge, deadline_ns; a trigger edge's x is a bool scalar
//                              Collect    () → (field…, senders, missing)  edges (one per field), at_least,
//                                         deadline_ns: stacks each field of the members' records on a new first
//                                         axis, in set order. senders, missing: string[k] peer ids
//   ai.bytesandbrains.core     Invoke     (initial…) → (started, argument…)  entry, arguments, limit: true in each flow;
//                                         arguments as `Next` gave them, in a flow that was called the initial ones
//                              Next       (condition, argument…)  entry: starts a flow of the session when its
//                                         fragment has committed, once fewer than `limit` are open
//                              StateRead  (initial) → x  key
//                              StateAssign (x)  key
//                              When (x, condition) → x; OrElse (x, y) → x or y; Present (x) → bool scalar;
//                              Reason (x) → string scalar, "" if present
//                              Flow () → int64 scalar: another one in each flow, and at each member
//   ai.bytesandbrains.role.<role>         the role's methods (ir/roles/table.ts), each with the slot that it asks, such as
//                              data_source Batch (index, size) → (field…)  slot, fields, last; Size () → int64 scalar;
//                              a protocol's are its own, and say their `kind`
// Graph inputs are what enters at this peer, graph outputs what leaves here. Every op carries its fragment as
// node metadata (`METADATA.fragment`, a decimal number).

import type { Binder } from './place.ts';
import type { PlanReasons } from './reasons.ts';
import type { MethodKind } from './roles/declaration.ts';
import type { RoleName } from './roles/table.ts';
import type { Traffic } from './traffic.ts';
import { type Dim, type DType, tensorType, type ValueType } from './types.ts';

export const MANIFEST_VERSION = 1;
export const PLAN_VERSION = 1;
/** Version of frames and envelopes. */
export const WIRE_VERSION = 1;

/** A value at a boundary. `shape` null: rank unknown; the shape then travels with the value. */
export interface Port {
  readonly name: string;
  readonly dtype: DType | null;
  readonly shape: readonly Dim[] | null;
  /** Of what is no dense tensor; `dtype` and `shape` are null then. */
  readonly type?: ValueType;
  /** Of an input: the host draws it, uniformly random bits for each flow; nobody gives it. */
  readonly entropy?: boolean;
}

/** One end of an edge: a class and which of its members. Reserved binders: `me`, `one`, `some`. */
export type BinderKind = Binder['kind'];

export interface End {
  readonly class: string;
  readonly binder: BinderKind;
  /** Of the class's program; absent where it has one seat only. */
  readonly seat?: string;
  /** Classes of the members that bound it, each bound by the one before; absent where nobody of many did. */
  readonly within?: readonly string[];
}

export type EdgeKind =
  /** one member to one member */
  | 'send'
  /** one member to every member of a cohort */
  | 'broadcast'
  /** every member of a cohort to one member */
  | 'collect'
  /** no value, wakes a place that no arriving value would */
  | 'trigger'
  /** one member to every member of a cohort, row i to member i */
  | 'scatter'
  /** every member of a cohort to every member of a cohort */
  | 'exchange'
  /** from one seat of a member to another of the same member: what a cohort has, used on some of it */
  | 'local';

/** A value crossing from one place to another, as its two ends see it. */
export interface Edge {
  /** Unique in the plan, from 0. */
  readonly id: number;
  /** Name of the value that crosses. */
  readonly value: string;
  readonly kind: EdgeKind;
  readonly from: End;
  readonly to: End;
  readonly dtype: DType | null;
  /** Per member, before any stacking. */
  readonly shape: readonly Dim[] | null;
  /** Of what is no dense tensor; `dtype` and `shape` are null then. */
  readonly type?: ValueType;
  /** Payload bytes of one value, as its codec has it; null where that is not known when compiling. */
  readonly bytes: number | null;
  /** `raw`, or what the slot `codec …` encodes and decodes values with, at both ends. */
  readonly codec: string;
  /** Edges with the same envelope number leave their sender together. */
  readonly envelope: number;
  /** How long after it learns of the flow the receiver waits, in ns. */
  readonly deadlineNs: number;
}

/** The type of a value as ports and edges state it. */
export const statedType = (type: ValueType | undefined): Pick<Port, 'dtype' | 'shape' | 'type'> =>
  type?.kind === 'tensor' || type === undefined
    ? { dtype: type?.dtype ?? null, shape: type?.dims ?? null }
    : { dtype: null, shape: null, type };

/** The type stated; undefined: none is known, and any value may stand there. */
export const typeOfPort = ({
  dtype,
  shape,
  type,
}: Pick<Port, 'dtype' | 'shape' | 'type'>): ValueType | undefined =>
  type ?? (dtype === null && shape === null ? undefined : tensorType(dtype ?? undefined, shape ?? undefined));

export interface FileReference {
  readonly file: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** What one place of one entry does: the ops of a program that a flow runs in it. */
export interface Seat {
  /** Unique in its program: `round/me`, `round/some.0`. */
  readonly name: string;
  readonly entry: string;
  readonly binder: BinderKind;
  /** Graph inputs that it takes, and outputs that it gives, by name. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export type TriggerKind = (typeof triggerKinds)[number];
/** Every so often; once, after some time; when a component says so; once, before all else: a bootstrap. */
export const triggerKinds = ['interval', 'after', 'event', 'begin'] as const;

export interface Entry {
  readonly name: string;
  /** Class whose member may start it. */
  readonly class: string;
  /** Where it begins; absent where the class's program has one seat only. */
  readonly seat?: string;
  /** Every member of the class enters flow n itself; nobody starts it for the others. */
  readonly joint?: true;
  /** What starts it besides calls; its Invoke says the rest. */
  readonly trigger?: TriggerKind;
  /** What `next` and a caller who resumes give it, if anything. */
  readonly arguments?: readonly Port[];
}

/** A place for a component, and what fills it. */
export interface Slot {
  readonly name: string;
  readonly role: RoleName;
  /** What fills it; several slots of a peer may share one. */
  readonly component: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** What the component must have, as the program states it; of a data source, with the records' axis. */
  readonly fields?: readonly Port[];
  /** Of a protocol: the methods that the program calls. */
  readonly methods?: Readonly<Record<string, SlotMethod>>;
}

/** A method of a protocol, as the program states it. */
export interface SlotMethod {
  readonly kind: MethodKind;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

export interface StateVariable {
  /** Stable key under which snapshots keep it. */
  readonly key: string;
  readonly dtype: DType | null;
  readonly shape: readonly Dim[] | null;
  readonly scope: 'member' | 'peer' | 'session';
}

/** What a peer needs at most with one flow of each entry open; of what sessions keep, one session. */
export interface MemoryEstimate {
  readonly weightBytes: number;
  readonly stateBytes: number;
  /** Values, frames that came and frames that are not acknowledged, as many as can be there at once; null if nobody can say. */
  readonly activationBytes: number | null;
  /** Why nobody can. */
  readonly openBecause?: string;
}

/** manifest.json of a bundle. */
export interface Manifest {
  readonly version: typeof MANIFEST_VERSION;
  /** Hash of the deployment this bundle is part of; every envelope carries it. */
  readonly deployment: string;
  /** Name of the program. */
  readonly program: string;
  readonly class: string;
  /** Every class of the deployment with its members' peer ids, in order: view 0. */
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly files: { readonly program: FileReference; readonly weights: FileReference | null };
  readonly opsets: Readonly<Record<string, number>>;
  /** `domain::Type` (standard ops: `Type`) to count, segments included. */
  readonly ops: Readonly<Record<string, number>>;
  readonly entries: readonly Entry[];
  /** Each op of the program says which it belongs to. Absent: there is one, with all ops, inputs and outputs. */
  readonly seats?: readonly Seat[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly slots: readonly Slot[];
  readonly state: readonly StateVariable[];
  readonly edgesIn: readonly Edge[];
  readonly edgesOut: readonly Edge[];
  readonly memory: MemoryEstimate;
  readonly wire: { readonly version: number };
  /** In no file: of a peer that is in several classes, the manifest of each. The rest is their sum. */
  readonly programs?: readonly Manifest[];
  /** Over the manifest without this field; nobody makes one yet. */
  readonly signature?: { readonly algorithm: string; readonly key: string; readonly value: string };
}

/** The manifest of each program of a peer. */
export const programsOf = (manifest: Manifest): readonly Manifest[] => manifest.programs ?? [manifest];

export const classesOf = (manifest: Manifest): readonly string[] =>
  programsOf(manifest).map((one) => one.class);

/** Whether an entry begins at a peer with this manifest. */
export const beginsHere = (manifest: Manifest, entry: Entry): boolean =>
  classesOf(manifest).includes(entry.class);

export interface PlanProgram {
  /** Folder of the bundle, relative to the plan. */
  readonly folder: string;
  readonly class: string;
  /** Peer ids that run it. */
  readonly peers: readonly string[];
  /** Plain ONNX ops. */
  readonly ops: number;
  readonly weightBytes: number;
  readonly memory: MemoryEstimate;
  /** sha256 of its manifest.json. */
  readonly manifest: string;
}

/** plan.json. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly deployment: string;
  readonly source: string;
  readonly objective: string;
  readonly programs: Readonly<Record<string, PlanProgram>>;
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly entries: readonly Entry[];
  /** Where each graph input enters and each output leaves, by class, in the model's order. */
  readonly inputs: readonly (Port & { readonly at: End })[];
  readonly outputs: readonly (Port & { readonly at: End })[];
  readonly edges: readonly Edge[];
  /** What one flow puts on the wire; a plan of an earlier version does not say. */
  readonly traffic?: Traffic;
  readonly estimate: {
    /** Multiply-adds and elementwise operations of the whole graph; null if unknown. */
    readonly flops: number | null;
    /** Critical path of compute, latency and transfer, in ns. */
    readonly latencyNs: number | null;
    /** Payload bytes of one flow over all edges and members; null if a size is open or unknown. */
    readonly bytes: number | null;
  };
  /** Why all this is so; a plan of an earlier version has none. */
  readonly reasons?: PlanReasons;
}

/**
 * The text whose SHA-256 is a deployment's id: the plan and its manifests, without the id itself and without the
 * manifests' hashes, which cover it. Keys are sorted, so that reading the files gives the same text.
 */
export function deploymentText(
  plan: Omit<Plan, 'deployment'>,
  manifests: readonly Omit<Manifest, 'deployment'>[],
): string {
  const without = <T extends object>(value: T, key: string): T => ({ ...value, [key]: undefined });
  const programs = Object.entries(plan.programs).map(([name, program]) => [
    name,
    without(program, 'manifest'),
  ]);
  const content = {
    plan: without({ ...plan, programs: Object.fromEntries(programs) }, 'deployment'),
    manifests: Object.fromEntries(manifests.map((one) => [one.program, without(one, 'deployment')])),
  };
  return JSON.stringify(content, (_, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
