// Each rewrite has a file in simplify/ with models before and after it, in ONNX's textual syntax. Here the rewrite
// runs alone, with the removal of what nothing reads; and both models run on ONNX Runtime, on values that arithmetic
// treats in a special way.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxAbsDiff, sameBits } from '../../cli/conformance/compare.ts';
import { tensorFrom } from '../../cli/tensors/elements.ts';
import { rewrites, simplifyModel } from '../../compiler/index.ts';
import {
  exportModel,
  formatDiagnostic,
  importModel,
  type Model,
  memorySource,
  type Tensor,
} from '../../ir/index.ts';
import { exportText } from '../../ir/text/index.ts';
import { cpuEvaluator } from '../../stdlib/backends/cpu/index.ts';
import { type OnnxRuntimeBackend, onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { joined } from '../support/onnx-files.ts';
import { onnxOf } from '../support/onnx-text.ts';

const folder = path.join(import.meta.dirname, 'simplify');
const tidying = ['dead-op', 'unused-initializers'];
const evaluate = cpuEvaluator();

const toleranceOf = (name: string): number => rewrites.find((one) => one.name === name)!.tolerance;

interface Case {
  readonly title: string;
  readonly before: string;
}

/** `# title`, the model before, `->`, and the model after. */
const casesOf = (file: string): Case[] =>
  readFileSync(path.join(folder, file), 'utf8')
    .split(/^(?=# )/m)
    .map((part) => {
      const [, title, before] = /^# (.*)\n([\s\S]*?)\n->\n/.exec(part) ?? [];
      if (title === undefined || before === undefined) throw new Error(`${file}: no case: ${part}`);
      return { title, before };
    });

function modelOf(text: string): Model {
  const { model, diagnostics } = importModel(memorySource('model.onnx', onnxOf(text)));
  if (model === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return model;
}

function simplified(name: string, text: string): Model {
  const list = rewrites.filter((one) => one.name === name || tidying.includes(one.name));
  const tolerance = toleranceOf(name);
  return simplifyModel(modelOf(text), { rewrites: list, evaluate, tolerance }).model;
}

/** Without the header that every text has. */
const textOf = (model: Model, before: string): string => {
  const { text } = exportText(model);
  return before.startsWith('<') ? text : text.replace(/^<[\s\S]*?>\n/, '');
};

describe.each(rewrites.map(({ name }) => name))('%s', (name) => {
  it('rewrites what its file shows, and nothing else', async () => {
    const file = `${name}.txt`;
    const parts = casesOf(file).map(
      ({ title, before }) => `# ${title}\n${before}\n->\n${textOf(simplified(name, before), before)}`,
    );
    await expect(parts.join('\n')).toMatchFileSnapshot(path.join(folder, file));
  });
});

describe('on ONNX Runtime', () => {
  let backend: OnnxRuntimeBackend;
  beforeAll(() => {
    backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });
  });
  afterAll(() => backend.close());

  const files = readdirSync(folder).sort();
  it.each(files)(
    'both models of every case of %s give the same bits, or what the rewrite allows',
    async (file) => {
      for (const { title, before } of casesOf(file)) {
        const model = modelOf(before);
        const inputs = specialInputs(model);
        const expected = await run(backend, model, inputs);
        const rewrite = file.replace('.txt', '');
        const actual = await run(backend, simplified(rewrite, before), inputs);
        const tolerance = toleranceOf(rewrite);
        for (const [name, tensor] of expected) {
          const one = actual.get(name)!;
          const holds = tolerance === 0 ? sameBits(one, tensor) : maxAbsDiff(one, tensor) <= tolerance;
          expect(holds, `${title}: ${name}`).toBe(true);
        }
      }
    },
  );
});

async function run(backend: OnnxRuntimeBackend, model: Model, inputs: ReadonlyMap<string, Tensor>) {
  const loaded = await backend.loadModel(new Uint8Array(joined(exportModel(model).pieces)));
  try {
    return await loaded.run(inputs);
  } finally {
    await loaded.release();
  }
}

const floats = [1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, -2.25, 1e-40, 3];
const whole = [1, 0, 3, 2, 200];

/** Open dimensions are 3. */
function specialInputs(model: Model): ReadonlyMap<string, Tensor> {
  return new Map(
    model.mainGraph.inputs
      .map((id) => model.value(id))
      .filter(({ weight }) => weight === undefined)
      .map(({ name, type }) => {
        if (type?.kind !== 'tensor' || type.dtype === undefined)
          throw new Error(`input ${name} is no tensor`);
        const dims = (type.dims ?? []).map((dim) => (typeof dim === 'number' ? dim : 3));
        const values = type.dtype.startsWith('float') ? floats : type.dtype === 'bool' ? [1, 0, 0] : whole;
        const count = dims.reduce((product, dim) => product * dim, 1);
        const element = (index: number) =>
          type.dtype === 'int8' ? values[index % values.length]! % 100 : values[index % values.length]!;
        return [
          name,
          tensorFrom(
            type.dtype,
            dims,
            Array.from({ length: count }, (_, index) => element(index)),
          ),
        ];
      }),
  );
}
