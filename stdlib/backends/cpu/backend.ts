// Segments and whole models, run on the calling thread.

import type { DataValue } from '../../../ir/data.ts';
import { DiagnosticError, diagnostic, hasErrors } from '../../../ir/diagnostic.ts';
import type { OpenExternal } from '../../../ir/onnx/external.ts';
import type { Backend, LoadedSegment, SegmentModel } from '../../../runtime/backend.ts';
import { decode } from '../../../runtime/proto/codec.ts';
import { fromData, toData } from './data.ts';
import { runPlan } from './execute.ts';
import { type FindKernel, Invalid, type KernelFamily, kernelFinder } from './kernel.ts';
import { unknownOps, upToNewest } from './names.ts';
import { type Plan, Planner } from './plan.ts';
import { type ModelProto, model as modelTable } from './proto.ts';
import type { Value } from './value.ts';

/** A whole model, fed by name. */
export interface LoadedCpuModel {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Every output by name, in the model's order. Values are tensors, sequences and optionals. Throws DiagnosticError
   * BB754, BB755.
   */
  run(inputs: ReadonlyMap<string, DataValue>): Map<string, DataValue>;
}

export interface CpuBackend extends Backend {
  /**
   * Loads a model that nobody cut, from the bytes of an `.onnx` file. `external` opens files of external data.
   * Throws DiagnosticError BB101 if the bytes are no model, BB102 … BB105 for external data, BB753 for every op without
   * a kernel, BB755.
   */
  loadModel(bytes: Uint8Array, external?: OpenExternal): LoadedCpuModel;
}

/** A backend that knows only the operators of these families: what a bundler then leaves out is not in the page. */
export function cpuBackendOf(families: readonly KernelFamily[]): CpuBackend {
  return new Cpu(upToNewest(kernelFinder(families)));
}

class Cpu implements CpuBackend {
  readonly name = 'cpu';
  readonly #find: FindKernel;
  #closed = false;

  constructor(find: FindKernel) {
    this.#find = find;
  }

  async load(segment: SegmentModel): Promise<LoadedSegment> {
    if (this.#closed) throw new Error('the backend is closed');
    const { proto, plan } = this.#plan(segment.onnx, segment.name, () => segment.weights);
    const names = proto.graph!.input.map(({ name }) => name);
    const places = segment.inputs.map(({ name }) => names.indexOf(name));
    const outputNames = proto.graph!.output.map(({ name }) => name);
    const outputs = segment.outputs.map(({ name }) => outputNames.indexOf(name));
    let released = false;
    return {
      run: async (inputs, { transfer = [], reclaim } = {}) => {
        if (released || this.#closed) throw new Error('the segment was released');
        const values: (Value | undefined)[] = new Array(names.length);
        inputs.forEach((value, index) => {
          values[places[index]!] = fromData(value);
        });
        try {
          const results = runPlan(plan, values);
          return outputs.map((index) => dataAt(results[index], outputNames[index]!));
        } finally {
          if (reclaim !== undefined) transfer.forEach(reclaim);
        }
      },
      release: async () => {
        released = true;
      },
    };
  }

  loadModel(bytes: Uint8Array, external: OpenExternal = () => undefined): LoadedCpuModel {
    const { proto, plan } = this.#plan(bytes, 'model', external);
    const inputs = proto.graph!.input.map(({ name }) => name);
    const outputs = proto.graph!.output.map(({ name }) => name);
    return {
      inputs,
      outputs,
      run(values) {
        const given = inputs.map((name) => {
          const value = values.get(name);
          return value && fromData(value);
        });
        const results = runPlan(plan, given);
        return new Map(outputs.map((name, index) => [name, toData(results[index]!)]));
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #plan(bytes: Uint8Array, file: string, external: OpenExternal): { proto: ModelProto; plan: Plan } {
    const proto = modelOf(bytes, file);
    const problems = unknownOps(proto, this.#find);
    if (hasErrors(problems)) throw new DiagnosticError(problems);
    try {
      return { proto, plan: new Planner(proto, this.#find, external).main() };
    } catch (error) {
      if (error instanceof Invalid || error instanceof RangeError)
        throw new DiagnosticError(diagnostic('BB101', { reason: error.message }, { at: { file } }));
      throw error;
    }
  }
}

function modelOf(bytes: Uint8Array, file: string): ModelProto {
  let reason = 'it has no graph';
  try {
    // As a plain array: parts of a Buffer of Node would not be copied where they must be.
    const proto = decode(modelTable, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (proto.graph !== undefined) return proto;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    reason = error.message;
  }
  throw new DiagnosticError(diagnostic('BB101', { reason }, { at: { file } }));
}

function dataAt(value: Value | undefined, name: string): DataValue {
  if (value === undefined) throw new Error(`output ${name} is not there`);
  return toData(value);
}
