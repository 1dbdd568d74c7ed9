// A deployment as pictures need it: compiled just now, or read from a folder.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Compilation } from '../../compiler/index.ts';
import {
  DiagnosticError,
  diagnostic,
  hasErrors,
  importModel,
  type Model,
  memorySource,
  type Plan,
  readRange,
} from '../../ir/index.ts';
import { loadDeployment } from '../../runtime/host/node-bundle.ts';

export interface CutProgram {
  readonly name: string;
  readonly class: string;
  readonly weightBytes: number;
  readonly onnx: Uint8Array;
}

export interface Cut {
  readonly plan: Pick<Plan, 'source' | 'edges' | 'inputs' | 'outputs' | 'members' | 'estimate'>;
  readonly programs: readonly CutProgram[];
}

export const isFolder = (source: string): boolean =>
  statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;

/** Reads what `bbc compile` wrote. Throws BB881 for a folder of anything else. */
export async function cutOfFolder(folder: string): Promise<Cut> {
  if (!existsSync(path.join(folder, 'plan.json'))) {
    throw new DiagnosticError(diagnostic('BB881', { file: folder }, { at: { file: folder } }));
  }
  const { plan, bundles } = await loadDeployment(folder);
  const programs = Object.entries(plan.programs).map(([name, program]) => ({
    name,
    class: program.class,
    weightBytes: program.weightBytes,
    onnx: bundles.get(name)!.onnx,
  }));
  return { plan, programs };
}

export function cutOf({ bundles, plan }: Compilation): Cut {
  const programs = bundles!.map(({ program, onnx, manifest }) => ({
    name: program,
    class: manifest.class,
    weightBytes: manifest.memory.weightBytes,
    onnx: Buffer.concat(onnx.map((piece) => (piece instanceof Uint8Array ? piece : readRange(piece)))),
  }));
  return { plan: plan!, programs };
}

/** A picture needs no weights; a source of any size that nobody reads stands for them. */
const emptySource = {
  name: 'weights.bin',
  byteLength: Number.MAX_SAFE_INTEGER,
  read: (): Uint8Array => {
    throw new RangeError('a picture reads no weights');
  },
};

export function importProgram({ name, onnx }: CutProgram): Model {
  const source = memorySource(`${name}/program.onnx`, onnx);
  const { model, diagnostics } = importModel(source, { external: () => emptySource });
  if (model === undefined || hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  return model;
}
