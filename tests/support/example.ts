// An example's deployment, compiled as its reader does and run in this process without graph optimizations; and the
// models it is made of, as plain ONNX Runtime sessions.

import path from 'node:path';
import { InferenceSession, type Tensor as OrtTensor } from 'onnxruntime-node';
import { expect } from 'vitest';
import { compileCommand } from '../../cli/commands/compile.ts';
import { peersOf } from '../../cli/run/memory.ts';
import type { Plan, Tensor } from '../../ir/index.ts';
import { type Deployment, startDeployment } from '../../runtime/host/index.ts';
import { type LoadedDeployment, loadDeployment } from '../../runtime/host/node-bundle.ts';
import type { Value } from '../../runtime/index.ts';
import type { OnnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { bbcOf } from './bbc.ts';
import { projectRoot } from './root.ts';

const bbc = bbcOf(compileCommand);
export const exampleFile = (...parts: readonly string[]): string =>
  path.join(projectRoot, 'examples', ...parts);

export async function compileExample(name: string, folder: string): Promise<LoadedDeployment> {
  const [model, topology] = [exampleFile(name, 'model.ts'), exampleFile(name, 'topology.json')];
  const compiled = await bbc('compile', model, '--peers', topology, '--output', folder);
  expect(compiled.err).toBe('');
  return loadDeployment(folder);
}

export async function startExample(
  name: string,
  folder: string,
  backend: OnnxRuntimeBackend,
): Promise<{ readonly plan: Plan; readonly deployment: Deployment }> {
  const loaded = await compileExample(name, folder);
  return { plan: loaded.plan, deployment: await startDeployment({ peers: peersOf(loaded), backend }) };
}

/** What a model of a package computes, uncut and without optimizations. */
export async function plainModel(
  file: string,
): Promise<(inputs: Readonly<Record<string, OrtTensor>>) => Promise<InferenceSession.OnnxValueMapType>> {
  const session = await InferenceSession.create(path.join(projectRoot, 'node_modules', file), {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
  return (inputs) => session.run(inputs);
}

export const tensorOf = (dtype: Tensor['dtype'], dims: readonly number[], data: ArrayBufferView): Tensor => ({
  dtype,
  dims,
  bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
});

/** A float32 result. */
export function floatsOf(value: Value | undefined): Float32Array {
  if (value === undefined || !('bytes' in value)) throw new Error(`no value: ${JSON.stringify(value)}`);
  return new Float32Array(value.bytes.slice().buffer);
}
