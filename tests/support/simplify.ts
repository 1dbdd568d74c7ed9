// Simplified models against the original ones: their ops, and what they compute.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Case, readValues } from '../../cli/conformance/cases.ts';
import { difference, sameBits } from '../../cli/conformance/compare.ts';
import { compareRuns } from '../../cli/run/verify.ts';
import { opCounts } from '../../cli/simplify.ts';
import { tensorFrom } from '../../cli/tensors/elements.ts';
import { randomInputs } from '../../cli/tensors/inputs.ts';
import { checkModel, type Simplified, simplifyModel } from '../../compiler/index.ts';
import { exportModel, isTensor, type Model, type Port, sortModel, type Tensor } from '../../ir/index.ts';
import { cpuEvaluator } from '../../stdlib/backends/cpu/index.ts';
import type { OnnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { importFile, joined } from './onnx-files.ts';

/** Inputs with which a real model runs: sizes of open dimensions, and whole numbers that are not to be made up. */
interface Given {
  readonly sizes: Readonly<Record<string, number>>;
  readonly numbers?: Readonly<Record<string, number>>;
}
/** By the model's short name. The voice detectors take another branch for each sample rate. */
export const givenInputs: Readonly<Record<string, readonly Given[]>> = {
  cls: [{ sizes: { 'x.0': 2, 'x.2': 48, 'x.3': 192 } }],
  det: [{ sizes: { 'x.2': 64, 'x.3': 96 } }],
  rec: [{ sizes: { 'x.0': 2, 'x.3': 160 } }],
  'silero-v5': [
    { sizes: { 'input.1': 288 }, numbers: { sr: 8000 } },
    { sizes: { 'input.1': 576 }, numbers: { sr: 16000 } },
  ],
  'silero-v6': [
    { sizes: { 'input.1': 288 }, numbers: { sr: 8000 } },
    { sizes: { 'input.1': 576 }, numbers: { sr: 16000 } },
  ],
  'silero-legacy': [
    { sizes: { batch: 2, sequence: 768 }, numbers: { sr: 8000 } },
    { sizes: { batch: 2, sequence: 1536 }, numbers: { sr: 16000 } },
  ],
};

const evaluate = cpuEvaluator();

export function simplifyFile(file: string): Simplified & { readonly original: Model } {
  const { model } = importFile(file);
  const original = sortModel(model!).model;
  return { ...simplifyModel(original, { evaluate }), original };
}

/** Operators of which `ours` has more than `theirs`, and the sum if it is larger. */
export function worseCounts(
  ours: ReadonlyMap<string, number>,
  theirs: Readonly<Record<string, number>>,
): string[] {
  const sum = (counts: Iterable<number>): number => [...counts].reduce((a, b) => a + b, 0);
  const rows: [string, number, number][] = [...ours].map(([name, count]) => [name, count, theirs[name] ?? 0]);
  rows.push(['all', sum(ours.values()), sum(Object.values(theirs))]);
  return rows
    .filter(([, our, their]) => our > their)
    .map(([name, our, their]) => `${name}: ${our} against ${their}`);
}

export const countsOf = (file: string): Record<string, number> =>
  Object.fromEntries(opCounts(importFile(file).model!));

const run = async (
  backend: OnnxRuntimeBackend,
  model: Uint8Array | string,
  inputs: ReadonlyMap<string, Tensor>,
) => {
  const loaded = await backend.loadModel(model);
  try {
    return await loaded.run(inputs);
  } finally {
    await loaded.release();
  }
};
const bytesOf = (model: Model): Uint8Array =>
  new Uint8Array(joined(exportModel(model, { external: 'inline' }).pieces));

/** The largest difference of outputs for each seed and each of the model's inputs. */
export async function differences(
  backend: OnnxRuntimeBackend,
  name: string,
  file: string,
  model: Model,
  seeds: readonly number[],
): Promise<(number | null)[]> {
  const original = importFile(file).model!;
  const ports = original.mainGraph.inputs
    .map((id) => original.value(id))
    .filter(({ weight }) => weight === undefined)
    .map(({ name, type }): Port => {
      if (type?.kind !== 'tensor') throw new Error(`input ${name} is no tensor`);
      return { name, dtype: type.dtype ?? null, shape: type.dims ?? null };
    });
  const bytes = bytesOf(model);
  const found: (number | null)[] = [];
  for (const seed of seeds) {
    for (const { sizes, numbers = {} } of givenInputs[name]!) {
      const inputs = randomInputs(ports, seed, new Map(Object.entries(sizes))) as Map<string, Tensor>;
      for (const [input, number] of Object.entries(numbers))
        inputs.set(input, tensorFrom('int64', [], [number]));
      const whole = await run(backend, file, inputs);
      found.push(compareRuns(await run(backend, bytes, inputs), whole).maxAbsDiff);
    }
  }
  return found;
}

export interface CaseResult {
  readonly status: 'unchanged' | 'equal' | 'not run' | 'wrong';
  readonly reason: string;
}

/** Simplifies the model of a conformance case, checks the result, and compares on the case's own data. */
export async function simplifyCase(
  folder: string,
  one: Case,
  backend: OnnxRuntimeBackend,
): Promise<CaseResult> {
  const file = path.join(folder, one.path, 'model.onnx');
  const { model, original } = simplifyFile(file);
  if (model === original) return { status: 'unchanged', reason: '' };
  const before = new Set(checkModel(original).map(({ code }) => code));
  const problem = checkModel(model).find(({ code }) => !before.has(code));
  if (problem !== undefined) return { status: 'wrong', reason: problem.message };
  let whole: ReadonlyMap<string, Tensor>[];
  let data: ReadonlyMap<string, Tensor>[];
  try {
    data = one.data_sets.map((set) => tensorsOf(readValues(folder, one, set, 'inputs')));
    whole = await runAll(backend, readFileSync(file), data);
  } catch (error) {
    return { status: 'not run', reason: String(error) };
  }
  const results = await runAll(backend, bytesOf(model), data);
  for (const [index, expected] of whole.entries()) {
    for (const [name, tensor] of expected) {
      const actual = results[index]!.get(name);
      if (actual === undefined) return { status: 'wrong', reason: `output ${name} is missing` };
      if (!sameBits(actual, tensor))
        return { status: 'wrong', reason: `${name}: ${difference(actual, tensor, { rtol: 0, atol: 0 })}` };
    }
  }
  return { status: 'equal', reason: '' };
}

async function runAll(
  backend: OnnxRuntimeBackend,
  model: Uint8Array,
  data: readonly ReadonlyMap<string, Tensor>[],
) {
  const outputs = [];
  for (const inputs of data) outputs.push(await run(backend, model, inputs));
  return outputs;
}

function tensorsOf(values: ReturnType<typeof readValues>): ReadonlyMap<string, Tensor> {
  return new Map(
    [...values].map(([name, value]) => {
      if (!isTensor(value)) throw new Error(`${name} is a ${value.kind}`);
      return [name, value];
    }),
  );
}
