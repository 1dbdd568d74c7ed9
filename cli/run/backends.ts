// Which backend computes what: by the topology, whose answer each manifest carries, or one for all.

import type { DataValue, Manifest } from '../../ir/index.ts';
import type { Backend } from '../../runtime/backend.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { type OnnxRuntimeOptions, onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { UsageError } from '../context.ts';
import { loadOnCpu } from '../load/cpu-model.ts';

/** Runs a model file that nobody cut. */
export interface WholeModels {
  loadModel(file: string): Promise<{
    run(inputs: ReadonlyMap<string, DataValue>): Promise<ReadonlyMap<string, DataValue>>;
    release(): Promise<void>;
  }>;
}

export class Backends {
  readonly #all: string | undefined;
  readonly #ort;
  readonly #cpu = cpuBackend();

  /** `all`: the name that `--backend` gives; without it each program has its own. */
  constructor(all: string | undefined, settings: OnnxRuntimeOptions) {
    if (all !== undefined && all !== 'ort' && all !== 'cpu')
      throw new UsageError(`--backend is ort or cpu, not '${all}'`);
    this.#all = all;
    this.#ort = onnxRuntimeBackend(settings);
  }

  of(manifest: Manifest): Backend {
    return this.#isCpu(manifest) ? this.#cpu : this.#ort;
  }

  /** For the uncut graph: the CPU if all programs compute there. */
  whole(manifests: readonly Manifest[]): WholeModels {
    return manifests.every((one) => this.#isCpu(one)) ? this.#wholeOnCpu() : this.#ort;
  }

  async close(): Promise<void> {
    await Promise.all([this.#ort.close(), this.#cpu.close()]);
  }

  #isCpu({ slots }: Manifest): boolean {
    if (this.#all !== undefined) return this.#all === 'cpu';
    return slots.find(({ role }) => role === 'backend')?.component === 'cpu';
  }

  #wholeOnCpu(): WholeModels {
    return {
      loadModel: async (file) => {
        const model = loadOnCpu(this.#cpu, file);
        return {
          async run(inputs) {
            return model.run(inputs);
          },
          release: async () => {},
        };
      },
    };
  }
}
