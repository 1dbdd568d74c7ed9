// What peers that run the same program on the same backend share: it is decoded and loaded once for all of them.

import type { DataValue } from '../../../ir/data.ts';
import type { Backend } from '../../backend.ts';
import type { LoadedBundle } from '../../bundle.ts';
import type { Components } from '../../component.ts';
import type { DeskMaker } from '../../components/desk.ts';
import type { Program } from '../../instruction.ts';
import { packed } from '../../packed.ts';
import { decodeProgram } from '../../program.ts';
import { checkComponents, inside, outside, within } from '../components.ts';
import { originOf } from '../finite.ts';
import { loadSegments, releaseSegments, type Segments } from '../segments.ts';
import { type Watching, Workbench, type WorkbenchOptions, watchingOf } from '../workbench.ts';
import { modelledComponents, modelledSegments } from './modelled.ts';
import type { WorldOptions } from './world.ts';

export class Worker {
  readonly bundle: LoadedBundle;
  readonly program: Program;
  #segments: Segments;
  readonly #watching: Watching;
  readonly #backend: Backend;
  readonly #components: Map<string, Components>;

  constructor(bundle: LoadedBundle, program: Program, segments: Segments, backend: Backend) {
    this.bundle = bundle;
    this.program = program;
    this.#segments = segments;
    this.#watching = watchingOf(program);
    this.#backend = backend;
    this.#components = new Map();
  }

  /** What a peer has of its own. */
  give(peer: string, components: Components): void {
    this.#components.set(peer, components);
  }

  /** Those within its node, made anew. */
  inside(peer: string, seed: bigint): DeskMaker | undefined {
    return inside(this.#components.get(peer) ?? {}, seed);
  }

  /** Computes no segment twice for the same inputs, as their key says. */
  remember(keyOf: (inputs: readonly DataValue[]) => string): void {
    this.#segments = remembering(this.#segments, keyOf);
  }

  workbench(peer: string, reclaim: (buffer: ArrayBuffer) => void): Workbench {
    const { bundle, program } = this;
    const origin: WorkbenchOptions['originOf'] = (segment, inputs) =>
      originOf(bundle, this.#backend, segment, inputs);
    const options = {
      program,
      segments: this.#segments,
      components: outside(this.#components.get(peer) ?? {}),
      originOf: origin,
      reclaim,
    };
    return new Workbench(options, this.#watching);
  }

  async release(): Promise<void> {
    await releaseSegments(this.#segments);
  }
}

/** One for each peer, in their order. Rejects with DiagnosticError BB622, BB703, BB837 or BB838. */
export async function prepareWorkers({ peers, compute }: WorldOptions): Promise<readonly Worker[]> {
  const known = new Map<LoadedBundle, Map<Backend, Worker>>();
  const all: Worker[] = [];
  const made: Worker[] = [];
  try {
    for (const { id, bundle, backend, components: given = {} } of peers) {
      const components = compute === 'modelled' ? { ...modelledComponents(bundle), ...within(given) } : given;
      checkComponents(id, bundle, components);
      const byBackend = known.get(bundle) ?? new Map<Backend, Worker>();
      known.set(bundle, byBackend);
      let worker = byBackend.get(backend);
      if (worker === undefined) {
        const program = decodeProgram(bundle);
        const segments =
          compute === 'modelled'
            ? modelledSegments(bundle)
            : await loadSegments(id, bundle, backend, { lane: 0, takesTurns: true });
        worker = new Worker(bundle, program, segments, backend);
        byBackend.set(backend, worker);
        made.push(worker);
      }
      if (Object.keys(components).length > 0) worker.give(id, components);
      all.push(worker);
    }
  } catch (error) {
    await Promise.all(made.map((one) => one.release()));
    throw error;
  }
  return all;
}

function remembering(segments: Segments, keyOf: (inputs: readonly DataValue[]) => string): Segments {
  const known = new Map<string, readonly DataValue[]>();
  return new Map(
    [...segments].map(([name, segment]) => [
      name,
      {
        async run(inputs: readonly DataValue[]) {
          const key = `${name} ${keyOf(inputs)}`;
          const outputs = known.get(key) ?? (await segment.run(inputs));
          known.set(key, outputs);
          // What is given away is another's.
          return outputs.map((one) => packed(one));
        },
        release: () => segment.release(),
      },
    ]),
  );
}
