// Records, compiles and runs a module in this process, each peer a node of its own, on ONNX Runtime.

import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { type Compilation, compile } from '../../compiler/index.ts';
import { type Environment, type Module, record } from '../../dsl/index.ts';
import {
  DiagnosticError,
  formatType,
  isTensor,
  type Model,
  type Plan,
  type Tensor,
  type Topology,
  typeOfData,
  unpackStrings,
} from '../../ir/index.ts';
import { type Deployment, type DeploymentOptions, startDeployment } from '../../runtime/host/index.ts';
import type { Backend, Components, Value } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';

/** Positions are of no interest here, and no file is opened. */
const environment: Environment = {
  file: 'model.ts',
  open: (path) => {
    throw new Error(`no file ${path}`);
  },
  locate: () => undefined,
};

/** Compiles to the end, or throws what the compiler reported. */
export function compiled(model: Model, topology: Topology): Compilation {
  const { compilation, diagnostics, ok } = compile(model, { topology });
  if (!ok) throw new DiagnosticError(diagnostics);
  return compilation;
}

export const recorded = (source: Module): Model => record(source, environment).model;

export async function deploy(
  source: Module,
  topology: Topology,
  backend: Backend,
  options: Pick<DeploymentOptions, 'clock' | 'limits' | 'onEvent'> = {},
  components: (peer: string) => Components = () => ({}),
): Promise<Deployment> {
  return (await deployWithPlan(source, topology, backend, options, components)).deployment;
}

export async function deployWithPlan(
  source: Module,
  topology: Topology,
  backend: Backend,
  options: Parameters<typeof deploy>[3] = {},
  components: Parameters<typeof deploy>[4] = () => ({}),
): Promise<{ readonly plan: Plan; readonly deployment: Deployment }> {
  const loaded = deploymentInMemory(compiled(recorded(source), topology));
  const peers = peersOf(loaded).map((peer) => ({ ...peer, components: components(peer.id) }));
  return { plan: loaded.plan, deployment: await startDeployment({ peers, backend, ...options }) };
}

export const floats = (...values: readonly number[]): Tensor => ({
  dtype: 'float32',
  dims: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

export const truth = (value: boolean): Tensor => ({
  dtype: 'bool',
  dims: [],
  bytes: Uint8Array.of(value ? 1 : 0),
});

/** A result as numbers, or the reason why it is missing. */
export function plain(value: Value | undefined): readonly number[] | string {
  if (value === undefined) return 'no such output';
  if (isMissing(value)) return value.reason;
  if (!isTensor(value)) return formatType(typeOfData(value));
  const { dtype, bytes } = value;
  const copy = new Uint8Array(bytes).buffer;
  if (dtype === 'float32') return [...new Float32Array(copy)];
  if (dtype === 'string') return unpackStrings(bytes, value.dims[0] ?? 1).join();
  if (dtype === 'int64') return [...new BigInt64Array(copy)].map(Number);
  return [...bytes];
}
