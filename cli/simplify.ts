// What `bbc simplify` shows: operators before and after, and whether both models compute the same.

import { chainTopology, compile, passes } from '../compiler/index.ts';
import {
  type DataValue,
  type Diagnostic,
  exportModel,
  type Model,
  type Port,
  readRange,
  statedType,
  subgraphsOf,
} from '../ir/index.ts';
import type { Cell } from './output.ts';
import { type InputOptions, inputsAt } from './run/inputs.ts';
import { compareRuns, runUncut, type Verification } from './run/verify.ts';

/** Runs the passes up to sorted, well-formed graphs. */
export function checkLoaded(model: Model): {
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
} {
  const upToChecked = passes.slice(0, passes.findIndex((pass) => pass.gives === 'checked') + 1);
  const { compilation, diagnostics } = compile(model, { topology: chainTopology(1), passes: upToChecked });
  return { model: compilation.model, diagnostics };
}

/** Ops by operator, those in subgraphs and functions too. */
export function opCounts(model: Model): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const open = [model.main, ...model.functions.map((fn) => fn.graph)];
  for (let graph = open.pop(); graph !== undefined; graph = open.pop()) {
    for (const op of model.opsOf(graph)) {
      const name = op.domain === '' ? op.type : `${op.domain}.${op.type}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      open.push(...subgraphsOf(op));
    }
  }
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const totalOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((a, b) => a + b, 0);

/** One row for each operator, most frequent first, and the sum. */
export function countRows(before: Model, after: Model): Cell[][] {
  const [was, is] = [opCounts(before), opCounts(after)];
  const rows = [...new Set([...was.keys(), ...is.keys()])].map(
    (name) => [name, was.get(name) ?? 0, is.get(name) ?? 0] as const,
  );
  rows.sort((a, b) => b[1] - a[1]);
  return [...rows.map((row) => [...row]), ['all', totalOf(was), totalOf(is)]];
}

export const countsDocument = (model: Model) => {
  const counts = opCounts(model);
  return { total: totalOf(counts), ops: Object.fromEntries(counts) };
};

export interface VerifyOptions extends InputOptions {
  readonly backend: string;
}

/** Runs both models on the same inputs, those not given made up. Throws DiagnosticError if one does not run. */
export async function verifySimplified(
  source: string,
  before: Model,
  after: Model,
  options: VerifyOptions,
): Promise<Verification> {
  const ports = before.mainGraph.inputs
    .map((id) => before.value(id))
    .filter(({ weight }) => weight === undefined)
    .map(({ name, type }): Port => ({ name, ...statedType(type) }));
  const inputs = inputsAt(ports, options);
  if (options.backend === 'cpu')
    return compareRuns(await runOnCpu(after, inputs), await runOnCpu(before, inputs));
  const { onnxRuntimeBackend } = await import('../stdlib/backends/onnxruntime/index.ts');
  // At this level ONNX Runtime computes op by op: what differs is our doing.
  const backend = onnxRuntimeBackend({ optimization: 'disabled' });
  try {
    const whole = await runUncut(backend, source, before, inputs);
    return compareRuns(await runUncut(backend, '', after, inputs), whole);
  } finally {
    await backend.close();
  }
}

async function runOnCpu(
  model: Model,
  inputs: ReadonlyMap<string, DataValue>,
): Promise<ReadonlyMap<string, DataValue>> {
  const { cpuBackend } = await import('../stdlib/backends/cpu/index.ts');
  const pieces = exportModel(model, { external: 'inline' }).pieces;
  const bytes = Buffer.concat(
    pieces.map((piece) => (piece instanceof Uint8Array ? piece : readRange(piece))),
  );
  return cpuBackend().loadModel(bytes).run(inputs);
}
