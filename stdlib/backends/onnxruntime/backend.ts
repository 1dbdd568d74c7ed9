// ONNX Runtime as a backend: segments are sessions, spread over a pool of worker threads, or on the calling one.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import {
  type ByteSource,
  type DataValue,
  DiagnosticError,
  diagnostic,
  formatType,
  isTensor,
  type Tensor,
  typeOfData,
} from '../../../ir/index.ts';
import type {
  Backend,
  LoadedSegment,
  LoadOptions,
  RunOptions,
  SegmentModel,
} from '../../../runtime/backend.ts';
import { CallingThread } from './calling-thread.ts';
import { type Lane, ThreadLane } from './lane.ts';
import { hasNestedIfs } from './nested-ifs.ts';
import type { Answer, Optimization, RunRequest, SessionPorts, WeightsLocation } from './protocol.ts';

export interface OnnxRuntimeOptions {
  /** How far ONNX Runtime may rewrite a graph; only 'disabled' keeps a cut model's bits. Default 'all'. */
  readonly optimization?: Optimization;
  /**
   * Worker threads, at most; the upper limit is one per core. 0: sessions run on the calling thread, which blocks
   * its event loop while they compute and saves two thread switches each time. Default: one per core, but the
   * calling thread for segments that take turns anyway, such as those of a chain of peers in one process.
   */
  readonly workers?: number;
}

/** A session over a whole model, fed by name. */
export interface LoadedModel extends SessionPorts {
  /** Every output by name, in the model's order. The outputs' buffers belong to the caller. */
  run(inputs: ReadonlyMap<string, DataValue>, options?: RunOptions): Promise<Map<string, Tensor>>;
  release(): Promise<void>;
}

export interface LoadModelOptions extends LoadOptions {
  /** Where external data of a model given as bytes is; of a model given as a file it is beside that. */
  readonly folder?: string;
}

export interface LoadedTensorSegment extends LoadedSegment {
  run(inputs: readonly DataValue[], options?: RunOptions): Promise<readonly Tensor[]>;
}

export interface OnnxRuntimeBackend extends Backend {
  load(segment: SegmentModel, options?: LoadOptions): Promise<LoadedTensorSegment>;
  /** Loads a model that nobody cut: the bytes of an `.onnx` file, or its path. */
  loadModel(model: Uint8Array | string, options?: LoadModelOptions): Promise<LoadedModel>;
}

function tensorOf(value: DataValue): Tensor {
  if (isTensor(value)) return value;
  throw new RunFailed(`ONNX Runtime takes no ${formatType(typeOfData(value))} from JavaScript`);
}

/** Location that the segments' external data names. */
const WEIGHTS_FILE = 'weights.bin';

/**
 * A backend on onnxruntime-node. That package loads in the first worker, on first use: where it is missing,
 * `load` rejects with BB750; where it refuses a model, with BB751 and its own words.
 */
export function onnxRuntimeBackend(options: OnnxRuntimeOptions = {}): OnnxRuntimeBackend {
  return new Pool(options);
}

class Pool implements OnnxRuntimeBackend {
  readonly name = 'onnxruntime';
  readonly #optimization: Optimization;
  readonly #lanes: (ThreadLane | undefined)[];
  /** For segments that take turns, and for all of them without workers. */
  readonly #callingThread = new CallingThread();
  readonly #workers: number | undefined;
  #nextSession = 0;
  #nextLane = 0;
  #closed = false;

  constructor({ optimization = 'all', workers }: OnnxRuntimeOptions) {
    const cores = availableParallelism();
    this.#optimization = optimization;
    this.#workers = workers;
    this.#lanes = new Array(Math.max(1, Math.min(workers ?? cores, cores)));
  }

  async load(segment: SegmentModel, options: LoadOptions = {}): Promise<LoadedTensorSegment> {
    const weights = segment.weights && locate(segment.weights);
    const session = await this.#open(segment.name, segment.onnx, weights, options);
    const inputNames = segment.inputs.map((port) => port.name);
    const outputNames = segment.outputs.map((port) => port.name);
    return {
      run: (inputs, runOptions) => session.run(inputNames, inputs, outputNames, runOptions),
      release: () => session.release(),
    };
  }

  async loadModel(model: Uint8Array | string, options: LoadModelOptions = {}): Promise<LoadedModel> {
    const { folder } = options;
    const weights: WeightsLocation | undefined =
      folder === undefined ? undefined : { kind: 'folder', folder };
    const name = typeof model === 'string' ? path.basename(model) : 'model';
    const session = await this.#open(name, model, weights, options);
    return {
      ...session.ports,
      run: async (inputs, runOptions) => {
        const outputs = await session
          .run([...inputs.keys()], [...inputs.values()], undefined, runOptions)
          .catch((error: unknown) => {
            if (!(error instanceof RunFailed)) throw error;
            throw new DiagnosticError(diagnostic('BB752', { model: name, reason: error.message }));
          });
        return new Map(session.ports.outputs.map(({ name }, index) => [name, outputs[index]!]));
      },
      release: () => session.release(),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#callingThread, ...this.#lanes].map((lane) => lane?.close()));
  }

  async #open(
    name: string,
    model: Uint8Array | string,
    weights: WeightsLocation | undefined,
    options: LoadOptions,
  ): Promise<Session> {
    if (this.#closed) throw new Error('the backend is closed');
    const lane = this.#laneFor(options);
    const id = this.#nextSession++;
    // Only weights that were read for this call are given away; the model's bytes stay the caller's.
    const transfer = weights?.kind === 'bytes' ? [weights.bytes.buffer as ArrayBuffer] : [];
    const optimization = this.#optimization;
    const without = hasNestedIfs(typeof model === 'string' ? await readFile(model) : model)
      ? ['ConstantFolding']
      : [];
    const answer = await lane.call(
      { kind: 'load', session: id, model: compact(model), weights, optimization, without },
      transfer,
    );
    if (answer.kind === 'failed') throw loadError(name, answer);
    if (answer.kind !== 'loaded') throw new Error(`the worker answered ${answer.kind} to load`);
    return new Session(lane, id, answer.ports);
  }

  #laneFor({ lane = this.#nextLane++, takesTurns = false }: LoadOptions): Lane {
    if (this.#workers === 0 || (takesTurns && this.#workers === undefined)) return this.#callingThread;
    const index = lane % this.#lanes.length;
    // A thread that died lost its sessions, but the next model gets a new one.
    if (this.#lanes[index]?.lost) this.#lanes[index] = undefined;
    this.#lanes[index] ??= new ThreadLane();
    return this.#lanes[index];
  }
}

/** Cloning a view clones its whole buffer, so a small view of a large buffer is copied out first. */
const compact = (model: Uint8Array | string): Uint8Array | string =>
  typeof model === 'string' || model.byteLength === model.buffer.byteLength ? model : new Uint8Array(model);

/** Large enough to be fast, small beside the weights that it helps to read. */
const READ_BYTES = 4 << 20;

/**
 * A file of the right name is left to ONNX Runtime, which maps it. Anything else is read into a buffer that the
 * worker gets: held twice while the session is made, once afterwards.
 */
function locate(source: ByteSource): WeightsLocation {
  if (source.path !== undefined && path.basename(source.path) === WEIGHTS_FILE) {
    return { kind: 'folder', folder: path.dirname(path.resolve(source.path)) };
  }
  const bytes = new Uint8Array(source.byteLength);
  for (let at = 0; at < bytes.byteLength; at += READ_BYTES) {
    bytes.set(source.read(at, Math.min(READ_BYTES, bytes.byteLength - at)), at);
  }
  return { kind: 'bytes', location: WEIGHTS_FILE, bytes };
}

/** ONNX Runtime's own message about a run; whoever knows the place adds it. */
class RunFailed extends Error {}

class Session {
  readonly ports: SessionPorts;
  readonly #lane: Lane;
  readonly #id: number;

  constructor(lane: Lane, id: number, ports: SessionPorts) {
    this.#lane = lane;
    this.#id = id;
    this.ports = ports;
  }

  async run(
    inputNames: readonly string[],
    inputs: readonly DataValue[],
    outputNames: readonly string[] | undefined,
    { transfer = [], reclaim }: RunOptions = {},
  ): Promise<readonly Tensor[]> {
    const buffers = new Set<ArrayBuffer>(transfer);
    const sent = inputs.map(tensorOf).map((tensor) => {
      if (!this.#lane.transfers || buffers.has(tensor.bytes.buffer as ArrayBuffer)) return tensor;
      // The caller keeps this one: one copy here, instead of two and of the whole buffer by cloning.
      const bytes = new Uint8Array(tensor.bytes);
      buffers.add(bytes.buffer);
      return { dtype: tensor.dtype, dims: tensor.dims, bytes };
    });
    const giveBack = reclaim === undefined ? [] : transfer;
    const request: RunRequest = {
      kind: 'run',
      session: this.#id,
      inputNames,
      inputs: sent,
      outputNames,
      giveBack,
    };
    const answer = await this.#lane.call(request, [...buffers]);
    if (reclaim !== undefined && (answer.kind === 'ran' || answer.kind === 'failed')) {
      for (const buffer of answer.givenBack) reclaim(buffer);
    }
    if (answer.kind === 'failed') {
      throw new RunFailed(answer.message);
    }
    if (answer.kind !== 'ran') throw new Error(`the worker answered ${answer.kind} to run`);
    return answer.outputs;
  }

  async release(): Promise<void> {
    // A thread that ended has released everything already.
    if (!this.#lane.lost) await this.#lane.call({ kind: 'release', session: this.#id });
  }
}

function loadError(name: string, failure: Extract<Answer, { kind: 'failed' }>): DiagnosticError {
  return new DiagnosticError(
    failure.missing
      ? diagnostic('BB750', { reason: failure.message })
      : diagnostic('BB751', { segment: name, reason: failure.message }),
  );
}
