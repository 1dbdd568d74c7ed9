// Why a plan is as it is: what the compiler decided from, for people. No runtime reads it.

export type PlacedBecause =
  /** The author put it there. */
  | 'author'
  /** A rule of the topology matched. `about`: the rule. */
  | 'rule'
  /** Joined to its neighbour by a value that may not cross. `about`: the value. */
  | 'uncrossable'
  /** Where another read or assignment of the same state is. `about`: the state's key. */
  | 'state'
  /** Where what it reads comes from. `about`: the op or input that has that place by itself. */
  | 'sources'
  /** Where its results are read. `about`: the op that has that place by itself. */
  | 'readers'
  /** It computes a gradient of an op that is there. `about`: that op. */
  | 'forward'
  /** Everything around it is there. */
  | 'enclosed'
  /** The contiguous cut gave it to this class. */
  | 'cut'
  /** Nothing else was left to decide by: the first class that can take it. */
  | 'rest'
  /** Computed from constants alone: every reader has a copy. */
  | 'constant'
  /** So cheap that it is computed again here instead of being sent. */
  | 'copy';

/** Ops with one reason. */
export interface PlacedGroup {
  readonly class: string;
  readonly because: PlacedBecause;
  readonly about: string | null;
  /** Of the rule, or of the first op in its author's source. */
  readonly at: { readonly file: string; readonly line: number | null; readonly column: number | null } | null;
  /** Names, in execution order; of an op without one `TYPE → VALUE`. */
  readonly ops: readonly string[];
}

export type RejectedBecause =
  /** A value that may not cross would. `about`: the value. */
  | 'uncrossable'
  /** Data would have to flow backwards between placed ops. */
  | 'order'
  /** `about`: the class whose memory it would not fit. */
  | 'memory'
  /** A float16 value would be rounded on its way. */
  | 'rounding'
  /** It would part a product from constants that a backend folds into it. */
  | 'folding'
  /** One class would get more than its share of the work. */
  | 'balance'
  /** More bytes would cross. */
  | 'bytes'
  /** As many bytes, but the work would be shared less evenly. */
  | 'uneven';

/** A place between two ops of the row that was cut. */
export interface CutPoint {
  /** The last op before it and the first behind it. */
  readonly after: string;
  readonly before: string;
  /** Crossing here, at nominal sizes; null where a value may not cross. */
  readonly bytes: number | null;
  /** Of all estimated work, what the two classes would have: 0 to 1. */
  readonly shares: readonly [number, number];
}

/** Where the compiler cut between two classes, and where it did not. */
export interface CutReason extends CutPoint {
  readonly between: readonly [string, string];
  readonly rejected: readonly (CutPoint & {
    readonly because: RejectedBecause;
    readonly about: string | null;
  })[];
}

/** What an edge's time is made of, all in ns from the start of the flow. */
export interface EdgeTiming {
  readonly edge: number;
  /** When its value is made. */
  readonly readyNs: number;
  readonly latencyNs: number;
  /** null: not limited. */
  readonly bytesPerSecond: number | null;
  /** Latency and transfer. */
  readonly transitNs: number;
  /** Where the deadline comes from: the author, the least there is, the critical path times slack, the wait of whom
   * it waits for, or another edge of the same envelope. */
  readonly deadline: 'author' | 'least' | 'path' | 'chain' | 'envelope';
}

export interface PlanReasons {
  readonly placed: readonly PlacedGroup[];
  readonly cuts: readonly CutReason[];
  readonly timings: readonly EdgeTiming[];
}
