// Simplified models against onnxsim's op counts, and against ONNX Runtime on the original. All of it at full size:
// npm run verify -- onnx.6.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIndex } from '../../cli/conformance/cases.ts';
import { opCounts } from '../../cli/simplify.ts';
import { checkModel, simplifyModel } from '../../compiler/index.ts';
import { type OnnxRuntimeBackend, onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { sharedOnnx } from '../support/onnx-files.ts';
import { projectRoot } from '../support/root.ts';
import { differences, simplifyCase, simplifyFile, worseCounts } from '../support/simplify.ts';

const { models } = JSON.parse(readFileSync('tests/fixtures/simplify/onnxsim.json', 'utf8')) as {
  models: Record<string, Record<string, number>>;
};
const locations = (
  JSON.parse(readFileSync('scripts/models.json', 'utf8')) as { models: Record<string, string> }
).models;
const fileOf = (name: string): string => path.join(projectRoot, 'node_modules', locations[name]!);

let backend: OnnxRuntimeBackend;
beforeAll(() => {
  backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });
});
afterAll(() => backend.close());

it.each(Object.keys(models))('leaves %s no more ops than onnxsim does, of any operator', (name) => {
  const { model } = simplifyFile(fileOf(name));
  expect(worseCounts(opCounts(model), models[name]!)).toEqual([]);
  expect(checkModel(model)).toEqual([]);
});

it.each(['cls', 'silero-v5', 'silero-legacy'])('moves no bit of what %s computes', async (name) => {
  const { model } = simplifyFile(fileOf(name));
  const found = await differences(backend, name, fileOf(name), model, [1]);
  expect(found.every((difference) => difference === 0)).toBe(true);
});

it('gives the same model each time, and nothing more to simplify', () => {
  const { model } = simplifyFile(fileOf('silero-legacy'));
  expect(simplifyFile(fileOf('silero-legacy')).model).toEqual(model);
  expect(simplifyModel(model).model).toBe(model);
});

describe('of conformance models', () => {
  const wrong = async (folder: string, step: number): Promise<string[]> => {
    const found: string[] = [];
    for (const [index, one] of readIndex(folder).entries()) {
      if (index % step !== 0) continue;
      const { status, reason } = await simplifyCase(folder, one, backend);
      if (status === 'wrong') found.push(`${one.path}: ${reason}`);
    }
    return found;
  };
  it('those that come with the project keep their outputs', async () => {
    expect(await wrong('tests/fixtures/conformance', 1)).toEqual([]);
  });
  const all = path.join(sharedOnnx, 'conformance');
  it.runIf(existsSync(all))('one in twenty of all keeps them too', async () => {
    expect(await wrong(all, 20)).toEqual([]);
  });
});
