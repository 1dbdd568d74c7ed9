// What a pass is, and the states of a compilation between passes.
//
// A pass is a pure function from one compilation to the next: it never changes its argument, returns the same
// object if nothing applies, and reports problems instead of throwing, as many as it finds.

import type {
  CutReason,
  Diagnostic,
  Edge,
  EdgeTiming,
  Entry,
  Manifest,
  Model,
  OpId,
  Piece,
  Place,
  Plan,
  Seat,
  Slot,
  StateVariable,
  Topology,
} from '../ir/index.ts';
import type { PlaceReason } from './placing/reasons.ts';

/** In order; each level's invariants hold from the pass that reaches it on (levels.ts). */
export const levels = [
  'recorded',
  'checked',
  'typed',
  'differentiated',
  'simplified',
  'placed',
  'split',
  'guarded',
  'bound',
  'emitted',
] as const;
export type Level = (typeof levels)[number];

/** Where everything of the main graph lives. Ops of subgraphs live where the op that holds them lives. */
export interface Placement {
  /** Indexed by OpId; set for every op of the main graph. */
  readonly ops: readonly (Place | undefined)[];
  /** In the order of the main graph's inputs and outputs: where each enters and leaves. */
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
  /** By OpId, and where the row of unplaced ops was cut; a forced placement has no reasons. */
  readonly reasons?: readonly (PlaceReason | undefined)[];
  readonly cuts?: readonly CutReason[];
  /** Classes whose members may run other programs, too: theirs name seats and segments as no other does. */
  readonly shared?: readonly string[];
}

/** One class's share of the computation: its own model with wire ops, see ir/deployment.ts. */
export interface Program {
  readonly name: string;
  readonly class: string;
  readonly peers: readonly string[];
  readonly model: Model;
  /** Fragment number of each op of the model's main graph, indexed by OpId. */
  readonly fragments: readonly (number | undefined)[];
  /** Where the class has several; by OpId, the name of the seat that an op of the main graph belongs to. */
  readonly seats?: readonly Seat[];
  readonly seatOf?: readonly (string | undefined)[];
  /** Plain ONNX ops that came from the author; Constants and duplicates not counted. */
  readonly ops: number;
  readonly state: readonly StateVariable[];
  readonly slots: readonly Slot[];
}

/** The computation after the cut. */
export interface Deployment {
  readonly programs: readonly Program[];
  readonly edges: readonly Edge[];
  readonly entries: readonly Entry[];
  /** From `guarded` on. */
  readonly estimate?: Omit<Plan['estimate'], 'bytes'>;
  readonly timings?: readonly EdgeTiming[];
}

/** A finished program: files of one bundle, weights as ranges that nobody has read yet. */
export interface Bundle {
  readonly program: string;
  /** program.onnx, in pieces. */
  readonly onnx: readonly Piece[];
  /** weights.bin: each piece at its offset, ascending, gaps are zero. Empty: the bundle has no such file. */
  readonly weights: readonly {
    readonly piece: Piece;
    readonly offset: number;
    readonly byteLength: number;
  }[];
  /** Plain ONNX ops that came from the author. */
  readonly ops: number;
  /** All but what only exists once the files are written. */
  readonly manifest: Omit<Manifest, 'files' | 'deployment'>;
}

export interface Compilation {
  readonly level: Level;
  /** The whole computation, as recorded and refined up to `placed`. */
  readonly model: Model;
  /** From `differentiated` on: by an op that computes a gradient, the op that it computes the gradient of. */
  readonly forwardOf?: ReadonlyMap<OpId, OpId>;
  /** From `placed` on. */
  readonly placement?: Placement;
  /** From `split` on; `guarded` fills deadlines, `bound` codecs, slots and state keys. */
  readonly deployment?: Deployment;
  /** From `emitted` on. */
  readonly bundles?: readonly Bundle[];
  readonly plan?: Omit<Plan, 'deployment' | 'programs'>;
}

export interface PassContext {
  readonly topology: Topology;
  report(problem: Diagnostic): void;
}

export interface Pass {
  readonly name: string;
  readonly needs: Level;
  readonly gives: Level;
  readonly run: (compilation: Compilation, cx: PassContext) => Compilation;
}

/** Declares a pass. */
export const pass = (name: string, definition: Omit<Pass, 'name'>): Pass => ({ name, ...definition });
