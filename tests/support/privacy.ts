// Modules that are noised: what goes in and comes out as numbers, with entropy that a test knows.

import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import type { Module } from '../../dsl/index.ts';
import type { Tensor, Topology } from '../../ir/index.ts';
import { type Deployment, startDeployment } from '../../runtime/host/index.ts';
import type { Backend } from '../../runtime/index.ts';
import { compiled, recorded } from './deploy.ts';
import { cpu } from './simulated.ts';

/** Runs a module whose hosts draw what `entropy` gives. */
export async function deployWith(
  source: Module,
  topology: Topology,
  entropy?: (bytes: Uint8Array) => void,
  backend: Backend = cpu,
): Promise<Deployment> {
  const loaded = deploymentInMemory(compiled(recorded(source), topology));
  return startDeployment({ peers: peersOf(loaded), backend, ...(entropy !== undefined && { entropy }) });
}

/** Words 0, 1 · step, 2 · step …, wrapping around. */
export const counting =
  (step: number) =>
  (bytes: Uint8Array): void => {
    const words = Uint32Array.from({ length: bytes.length / 4 }, (_, at) => Math.imul(at, step));
    bytes.set(new Uint8Array(words.buffer));
  };

export const matrix = (rows: readonly (readonly number[])[]): Tensor => ({
  dtype: 'float32',
  dims: [rows.length, rows[0]?.length ?? 0],
  bytes: new Uint8Array(Float32Array.from(rows.flat()).buffer),
});

export const labels = (...values: readonly number[]): Tensor => ({
  dtype: 'int64',
  dims: [values.length],
  bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});
