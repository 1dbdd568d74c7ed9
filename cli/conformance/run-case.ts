// One case: run whole, then cut over nodes if asked, and judged.

import path from 'node:path';
import { chainTopology, compile, passes, placeInParts, singleOpParts } from '../../compiler/index.ts';
import { commonBoundary, type DataValue, DiagnosticError, importModel, type Model } from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { fileSource } from '../../runtime/host/node-source.ts';
import { isMissing } from '../../runtime/value.ts';
import { deploymentInMemory, peersOf } from '../run/memory.ts';
import { type Case, type DataSet, isRandom, readValues } from './cases.ts';
import { bitDifference, type Compare, dataDifference, difference, typeDifference } from './compare.ts';
import { type DataValues, Unsupported, type WholeBackend, type WholeModel } from './whole.ts';

export interface Verdict {
  readonly case: string;
  readonly status: 'passed' | 'failed' | 'unsupported';
  readonly reason: string;
}

/** undefined: not cut; `every`: after each op. */
export type Split = number | 'every' | undefined;

class Failed extends Error {}

export async function runCase(
  folder: string,
  one: Case,
  backend: WholeBackend,
  split: Split,
): Promise<Verdict> {
  try {
    const model = await computed(() => backend.load(path.join(folder, one.path, 'model.onnx')));
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
  model: WholeModel,
  backend: WholeBackend,
  split: Split,
): Promise<void> {
  const inputs = readValues(folder, one, set, 'inputs');
  const whole = await computed(() => model.run(inputs));
  const random = isRandom(one);
  if (split !== undefined) {
    const cut = await runCut(path.join(folder, one.path, 'model.onnx'), backend, split, inputs);
    judge('cut, output', cut, whole, random ? typeDifference : bitDifference);
  }
  const expected = readValues(folder, one, set, 'outputs');
  judge('output', whole, expected, random ? typeDifference : (a, e) => difference(a, e, one));
}

function judge(what: string, actual: DataValues, expected: DataValues, compare: Compare): void {
  for (const [name, value] of expected) {
    const found = actual.get(name);
    if (found === undefined) throw new Failed(`${what} ${name} did not come out`);
    const wrong = dataDifference(found, value, compare);
    if (wrong !== undefined) throw new Failed(`${what} ${name}: ${wrong}`);
  }
}

const messageOf = (error: unknown): string =>
  error instanceof DiagnosticError
    ? error.diagnostics.map(({ message }) => message).join('; ')
    : error instanceof Error
      ? error.message
      : String(error);

/** What the backend says; whatever it refuses is not supported. */
async function computed<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Unsupported ? error : new Unsupported(messageOf(error));
  }
}

/** Runs the model cut, each part on a node of its own, by the real compiler and with real frames. */
async function runCut(
  file: string,
  backend: WholeBackend,
  split: number | 'every',
  values: DataValues,
): Promise<DataValues> {
  const deployment = deploymentInMemory(compileCut(importCase(file), split, backend.backend.name));
  try {
    const running = await startDeployment({ peers: peersOf(deployment), backend: backend.backend });
    try {
      const result = await running.invoke(Object.fromEntries(values));
      const outputs = new Map<string, DataValue>();
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

function compileCut(model: Model, split: number | 'every', backend: string) {
  const boundary = commonBoundary([backend]);
  const count = split === 'every' ? Math.max(1, singleOpParts(model, boundary).length) : split;
  const cut = placeInParts(split === 'every' ? 'every' : 'equal');
  const { compilation, diagnostics, ok } = compile(model, {
    topology: chainTopology(count, backend),
    passes: passes.map((one) => (one.name === 'place' ? cut : one)),
  });
  if (!ok) throw new Failed(`cut: ${diagnostics.map(({ message }) => message).join('; ')}`);
  return compilation;
}
