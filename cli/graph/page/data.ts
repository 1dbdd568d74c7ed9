// What a graph page holds: plain data, made by the command line and read in the browser. Lists are referred to by
// index; texts are shown as they are and never become markup.

export interface PageData {
  readonly title: string;
  /** Short facts for the head of the page: `330 ops`, `3 peers` … */
  readonly facts: readonly string[];
  readonly peers: readonly PagePeer[];
  /** The whole computation. */
  readonly recorded: PageGraph;
  /** One program per peer; absent if nothing was cut. */
  readonly partitioned?: PageGraph;
  /** More boxes than this do not start expanded. */
  readonly maxBoxes: number;
}

/** A class of the topology, with what it was given to do. */
export interface PagePeer {
  readonly name: string;
  /** `phone/0 … phone/4 (5 peers)`; the name again if there is one. */
  readonly members: string;
  readonly facts: readonly string[];
}

export interface PageGraph {
  readonly ops: readonly PageOp[];
  readonly values: readonly PageValue[];
  /** Groups that can be collapsed: regions first, then scopes; a parent stands before its children. */
  readonly groups: readonly PageGroup[];
  readonly crossings: readonly PageCrossing[];
  /** How the graph came to be shown so, such as scopes made up for a graph that has none; may be empty. */
  readonly notes: readonly string[];
}

export type OpKind = 'op' | 'input' | 'output' | 'trigger';

export interface PageOp {
  readonly kind: OpKind;
  /** `Conv`, `ai.onnx.ml.Scaler`; for inputs and outputs their name. */
  readonly type: string;
  readonly name: string;
  /** Beside the type: `3×3` of a Conv, the type of an input. */
  readonly brief: string;
  /** Indices of values; -1 for one that is left out. */
  readonly inputs: readonly number[];
  /** Values that subgraphs of the op read. */
  readonly captures: readonly number[];
  readonly outputs: readonly number[];
  readonly attributes: readonly (readonly [name: string, text: string])[];
  /** `model.ts:22:17`, or the op's number in its file. */
  readonly at: string;
  /** The author's line, if it is at hand. */
  readonly line?: string;
  readonly scope: string;
  /** Index into groups; -1: none. */
  readonly group: number;
  /** Index into peers; -1: not placed. */
  readonly peer: number;
  /** Where it is in its peer's schedule. */
  readonly schedule?: {
    readonly index: number;
    readonly of: number;
    readonly fragment: number;
    readonly segment: string;
  };
}

export interface PageValue {
  readonly name: string;
  /** `float32[1, 3, N]`, `?` if nothing is known. */
  readonly type: string;
  /** `1.2 MiB`; empty if not known. */
  readonly bytes: string;
  /** A weight or constant: it comes from no op. Short contents are shown. */
  readonly constant?: string;
}

export interface PageGroup {
  readonly kind: 'region' | 'scope' | 'block';
  readonly title: string;
  /** `24 ops: Conv ×6, Mul ×4`. */
  readonly detail: string;
  readonly parent: number;
  readonly peer: number;
  /** Regions: the step of the flow in which the fragment can run; -1 otherwise. */
  readonly step: number;
  /** Regions: number of the fragment on its peer. */
  readonly fragment: number;
}

/** A value on its way from one peer to another. */
export interface PageCrossing {
  readonly edge: number;
  readonly kind: string;
  /** Value at the sender and at the receiver. */
  readonly from: number;
  readonly to: number;
  readonly fromRegion: number;
  readonly toRegion: number;
  readonly value: string;
  readonly type: string;
  readonly bytes: string;
  readonly deadline: string;
  readonly envelope: number;
  /** `phone → server`, with binders of cohorts. */
  readonly route: string;
}
