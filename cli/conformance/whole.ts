// What runs the uncut model of a case, and the segments of the cut one.

import { type DataValue, formatType, isTensor, typeOfData } from '../../ir/index.ts';
import type { Backend } from '../../runtime/backend.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import {
  type LoadedModel,
  type Optimization,
  onnxRuntimeBackend,
} from '../../stdlib/backends/onnxruntime/index.ts';

import { loadOnCpu } from '../load/cpu-model.ts';

export type DataValues = ReadonlyMap<string, DataValue>;

/** The backend cannot run the case, which says nothing about whether it computes right. */
export class Unsupported extends Error {}

export interface WholeModel {
  run(inputs: DataValues): DataValues | Promise<DataValues>;
  release(): Promise<void>;
}
export interface WholeBackend {
  readonly backend: Backend;
  load(file: string): WholeModel | Promise<WholeModel>;
}

export function cpu(): WholeBackend {
  const backend = cpuBackend();
  return {
    backend,
    load: (file) => ({ ...loadOnCpu(backend, file), release: async () => {} }),
  };
}

export function onnxRuntime(optimization: Optimization): WholeBackend {
  const backend = onnxRuntimeBackend({ optimization });
  return {
    backend,
    async load(file) {
      const model = await backend.loadModel(file);
      return { run: (inputs) => runTensors(model, inputs), release: () => model.release() };
    },
  };
}

async function runTensors(model: LoadedModel, inputs: DataValues): Promise<DataValues> {
  for (const [side, ports] of [
    ['input', model.inputs],
    ['output', model.outputs],
  ] as const) {
    const closed = ports.find((port) => port.dtype === null);
    if (closed !== undefined)
      throw new Unsupported(`${side} ${closed.name} is no tensor that ONNX Runtime hands over to JavaScript`);
  }
  const tensors = [...inputs].map(([name, value]) => {
    if (!isTensor(value)) throw new Unsupported(`input ${name} is ${formatType(typeOfData(value))}`);
    return [name, value] as const;
  });
  return model.run(new Map(tensors));
}
