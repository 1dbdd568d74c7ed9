// What was trained as plain ONNX: programs or a module, with the states of a checkpoint for constants.

import { statSync } from 'node:fs';
import path from 'node:path';
import { plainModel } from '../compiler/index.ts';
import {
  type DataValue,
  DiagnosticError,
  diagnostic,
  isExternal,
  isTensor,
  type Model,
  readWeight,
  type Tensor,
  weightOf,
} from '../ir/index.ts';
import type { PeerStates } from '../runtime/host/index.ts';
import { loadDeployment } from '../runtime/host/node-bundle.ts';
import type { CommandContext } from './context.ts';
import { loadSource } from './load.ts';
import { readCheckpoint } from './run/checkpoint.ts';

export interface TrainedOptions {
  /** A checkpoint; undefined: states are as they begin. */
  readonly state?: string;
  /** Whose states, where the members of a cohort differ. */
  readonly peer?: string;
  /** Comma-separated names; undefined: all. */
  readonly outputs?: string;
  readonly check: boolean;
}

/** Throws DiagnosticError BB781, BB783, BB784, and what loading the source throws. */
export async function trainedModel(
  cx: CommandContext,
  source: string,
  { state, peer, outputs, check }: TrainedOptions,
): Promise<Model> {
  const parts = isFolder(source) ? await programsOf(cx, source) : [await loaded(cx, source, check)];
  const states = state === undefined ? new Map<string, Tensor>() : chosen(readCheckpoint(state).states, peer);
  const names = outputs?.split(',').map((name) => name.trim());
  const { model, diagnostics } = plainModel(parts, { state: states, ...(names && { outputs: names }) });
  cx.require(diagnostics);
  return model!;
}

export const isFolder = (source: string): boolean =>
  statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? false;

async function loaded(cx: CommandContext, file: string, check: boolean): Promise<Model> {
  const { model, diagnostics } = await loadSource(file, { check });
  cx.require(diagnostics);
  return model!;
}

/** Every class's program, with its weights inside: those of all programs come together in one file. */
async function programsOf(cx: CommandContext, folder: string): Promise<readonly Model[]> {
  const { plan, bundles } = await loadDeployment(folder);
  const parts: Model[] = [];
  for (const [name, { manifest }] of bundles) {
    const file = path.join(folder, plan.programs[name]!.folder, manifest.files.program.file);
    parts.push(withWeightsInside(await loaded(cx, file, false)));
  }
  return parts;
}

function withWeightsInside(model: Model): Model {
  const editor = model.edit();
  for (const id of model.mainGraph.initializers) {
    const { weight } = model.value(id);
    if (weight !== undefined && isExternal(weight))
      editor.setValue(id, { weight: weightOf(readWeight(weight)) });
  }
  return editor.finish();
}

/** By key; the members of a cohort have each their own. */
function chosen(states: PeerStates, peer: string | undefined): Map<string, Tensor> {
  const found = new Map<string, Map<string, DataValue>>();
  for (const [id, state] of Object.entries(states))
    for (const [key, value] of Object.entries(state))
      found.set(key, (found.get(key) ?? new Map()).set(id, value));
  return new Map(
    [...found].flatMap(([key, byPeer]): [string, Tensor][] => {
      const own = byPeer.get(peer ?? '') ?? only(key, byPeer);
      return isTensor(own) ? [[key, own]] : [];
    }),
  );
}

function only(key: string, byPeer: ReadonlyMap<string, DataValue>): DataValue {
  const [first, ...rest] = byPeer.values();
  if (!rest.every((other) => same(first!, other)))
    throw new DiagnosticError(diagnostic('BB784', { key, peers: [...byPeer.keys()] }));
  return first!;
}

const same = (a: DataValue, b: DataValue): boolean =>
  isTensor(a) && isTensor(b) && Buffer.compare(a.bytes, b.bytes) === 0;
