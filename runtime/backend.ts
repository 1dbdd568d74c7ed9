// What a host asks of a backend: load the segments of its programs, and run them.

import type { ByteSource, DataValue, Port } from '../ir/index.ts';

/** One segment as a model of its own. */
export interface SegmentModel {
  readonly name: string;
  /**
   * A plain ONNX ModelProto whose graph is the segment. Its weights are initializers with `external_data`:
   * location `weights.bin`, offset and length, to be read from `weights`.
   */
  readonly onnx: Uint8Array;
  /** undefined: the model has no external data. */
  readonly weights: ByteSource | undefined;
  /** Run-time inputs only, in the order of `run`. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

export interface LoadOptions {
  /**
   * Segments of one lane run one after another on one worker. A host gives each peer its index, so that peers
   * are pinned to workers: lane modulo pool size.
   */
  readonly lane?: number;
  /** Never does another segment of the host compute while one of this lane does: a thread of its own gains nothing. */
  readonly takesTurns?: boolean;
}

export interface RunOptions {
  /**
   * Buffers that the caller gives away: the backend may transfer them to a worker. Inputs may be views into
   * them, several into one. Inputs in other buffers stay the caller's and are only read.
   */
  readonly transfer?: readonly ArrayBuffer[];
  /** Called at most once for each given buffer, when the backend has it back and needs it no more. */
  readonly reclaim?: (buffer: ArrayBuffer) => void;
}

export interface LoadedSegment {
  /**
   * Inputs and outputs in the order of the segment's ports. The outputs' buffers belong to the caller.
   * Rejects with an Error that carries the backend's message; the segment stays usable.
   */
  run(inputs: readonly DataValue[], options?: RunOptions): Promise<readonly DataValue[]>;
  release(): Promise<void>;
}

export interface Backend {
  /** As in topology.json: `onnxruntime`. */
  readonly name: string;
  /** Rejects if the backend cannot run the segment. */
  load(segment: SegmentModel, options?: LoadOptions): Promise<LoadedSegment>;
  /** Releases every segment and ends the workers; pending runs reject. */
  close(): Promise<void>;
}
