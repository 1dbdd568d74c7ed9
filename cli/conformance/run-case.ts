// One case: run whole, then cut over nodes if asked, and judged.

import path from 'node:path';
import { chainTopology, compile, passes, placeInParts, singleOpParts } from '../../compiler/index.ts';
import { DiagnosticError, importModel, type Model, type Tensor } from '../../ir/index.ts';
import type { DataValue } from '../../ir/onnx/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { fileSource } from '../../runtime/host/node-source.ts';
import { isMissing } from '../../runtime/value.ts';
import type { LoadedModel, OnnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { deploymentInMemory, peersOf } from '../run/memory.ts';
import { type Case, type DataSet, isRandom, readValues } from './cases.ts';
import { difference, sameBits, typeDifference } from './compare.ts';

export interface Verdict {
  readonly case: string;
  readonly status: 'passed' | 'failed' | 'unsupported';
  readonly reason: string;
}

/** undefined: not cut; `every`: after each op. */
export type Split = number | 'every' | undefined;

type Tensors = ReadonlyMap<string, Tensor>;

class Unsupported extends Error {}
class Failed extends Error {}

export async function runCase(
  folder: string,
  one: Case,
  backend: OnnxRuntimeBackend,
  split: Split,
): Promise<Verdict> {
  try {
    const model = await loadWhole(backend, path.join(folder, one.path, 'model.onnx'));
    try {
      for (const set of one.data_sets) await runSet(folder, one, set, model, backend, split);
    } finally {
      await model.release();
    }
    return { case: one.path, status: 'passed', reason: '' };
  } catch (error) {
    if (error instanceof Unsupported) return { case: one.path, status: 'unsupported', reason: error.message };
    if (error instanceof Failed) return { case: one.path, status: 'failed', reason: error.message };
    throw error;
  }
}

async function runSet(
  folder: string,
  one: Case,
  set: DataSet,
  model: LoadedModel,
  backend: OnnxRuntimeBackend,
  split: Split,
): Promise<void> {
  const inputs = tensors(readValues(folder, one, set, 'inputs'), 'input');
  const expected = readValues(folder, one, set, 'outputs');
  const whole = await runWhole(model, inputs);
  if (split !== undefined) {
    const cut = await runCut(path.join(folder, one.path, 'model.onnx'), backend, split, inputs);
    for (const [name, tensor] of whole) {
      const actual = cut.get(name);
      if (actual === undefined) throw new Failed(`cut: output ${name} did not come out`);
      const wrong = isRandom(one) ? typeDifference(actual, tensor) : bitDifference(actual, tensor);
      if (wrong !== undefined) throw new Failed(`cut, output ${name}: ${wrong}`);
    }
  }
  for (const [name, tensor] of tensors(expected, 'output')) {
    const actual = whole.get(name);
    if (actual === undefined) throw new Failed(`output ${name} did not come out`);
    const wrong = isRandom(one) ? typeDifference(actual, tensor) : difference(actual, tensor, one);
    if (wrong !== undefined) throw new Failed(`output ${name}: ${wrong}`);
  }
}

const bitDifference = (actual: Tensor, whole: Tensor): string | undefined =>
  sameBits(actual, whole)
    ? undefined
    : `not the bits of the uncut run: ${difference(actual, whole, { rtol: 0, atol: 0 }) ?? 'only in NaN or -0'}`;

const messageOf = (error: unknown): string =>
  error instanceof DiagnosticError
    ? error.diagnostics.map(({ message }) => message).join('; ')
    : error instanceof Error
      ? error.message
      : String(error);

async function loadWhole(backend: OnnxRuntimeBackend, file: string): Promise<LoadedModel> {
  try {
    return await backend.loadModel(file);
  } catch (error) {
    throw new Unsupported(messageOf(error));
  }
}

async function runWhole(model: LoadedModel, inputs: Tensors): Promise<Tensors> {
  for (const [side, ports] of [
    ['input', model.inputs],
    ['output', model.outputs],
  ] as const) {
    const closed = ports.find((port) => port.dtype === null);
    if (closed !== undefined) {
      throw new Unsupported(`${side} ${closed.name} is no tensor that ONNX Runtime hands over to JavaScript`);
    }
  }
  try {
    return await model.run(inputs);
  } catch (error) {
    throw new Unsupported(messageOf(error));
  }
}

function tensors(values: ReadonlyMap<string, DataValue>, side: string): Tensors {
  return new Map(
    [...values].map(([name, value]) => {
      if (value.kind !== 'tensor') throw new Unsupported(`${side} ${name} is of kind ${value.kind}`);
      return [name, value.tensor];
    }),
  );
}

/** Runs the model cut, each part on a node of its own, by the real compiler and with real frames. */
async function runCut(
  file: string,
  backend: OnnxRuntimeBackend,
  split: number | 'every',
  inputs: Tensors,
): Promise<Tensors> {
  const deployment = deploymentInMemory(compileCut(importCase(file), split));
  try {
    const running = await startDeployment({ peers: peersOf(deployment), backend });
    try {
      const result = await running.invoke(Object.fromEntries(inputs));
      const outputs = new Map<string, Tensor>();
      for (const [name, value] of Object.entries(result.outputs)) {
        if (isMissing(value))
          throw new Failed(`cut: output ${name} is missing: ${value.reason} ${value.detail ?? ''}`);
        outputs.set(name, value);
      }
      return outputs;
    } finally {
      await running.close();
    }
  } catch (error) {
    throw error instanceof DiagnosticError ? new Failed(`cut: ${messageOf(error)}`) : error;
  }
}

function importCase(file: string): Model {
  const folder = path.dirname(file);
  const source = fileSource(file, path.basename(file));
  const { model, diagnostics } = importModel(source, {
    external: (location) => fileSource(path.join(folder, path.basename(location)), location),
  });
  if (model === undefined) throw new Failed(`cut: ${diagnostics.map(({ message }) => message).join('; ')}`);
  return model;
}

function compileCut(model: Model, split: number | 'every') {
  const count = split === 'every' ? Math.max(1, singleOpParts(model).length) : split;
  const cut = placeInParts(split === 'every' ? 'every' : 'equal');
  const { compilation, diagnostics, ok } = compile(model, {
    topology: chainTopology(count),
    passes: passes.map((one) => (one.name === 'place' ? cut : one)),
  });
  if (!ok) throw new Failed(`cut: ${diagnostics.map(({ message }) => message).join('; ')}`);
  return compilation;
}
