// Models in old forms of operators give the same bits on ONNX Runtime before and after conversion.
// Needs a build: the session loads from dist/.
import { afterAll, describe, expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { checkModel } from '../../compiler/passes/check.ts';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import type { Model } from '../../ir/graph.ts';
import { exportModel, importModel } from '../../ir/onnx/index.ts';
import { memorySource, readRange } from '../../ir/onnx/source.ts';
import { byteLengthOf, type DType, elementCount, type Tensor } from '../../ir/types.ts';
import { convertModel } from '../../ir/versions/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { oldForms } from '../support/old-forms.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });
afterAll(() => backend.close());

const NEWEST_ON_ONNX_RUNTIME = 26;
/** ONNX Runtime has no kernel for the newest version of these. */
const withoutNewestKernel = new Set(['RoiAlign 10']);

function read(text: string): Model {
  const bytes = new TextEncoder().encode(text);
  const { model, diagnostics } = importModel(memorySource('old.onnxtxt', bytes));
  if (model === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return model;
}

function converted(model: Model, opset: number): Model {
  const { model: result, diagnostics } = convertModel(model, opset, {
    infer: (one) => inferModel(one).model,
  });
  if (result === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  expect(checkModel(result).map(formatDiagnostic)).toEqual([]);
  expect(inferModel(result).diagnostics.map(formatDiagnostic)).toEqual([]);
  return result;
}

/** Numbers of both signs, some of them equal, in the inputs' element types. */
function inputsOf(model: Model): Map<string, Tensor> {
  const open = model.mainGraph.inputs
    .map((id) => model.value(id))
    .filter(({ weight }) => weight === undefined);
  return new Map(
    open.map(({ name, type }) => {
      if (type?.kind !== 'tensor') throw new Error(`${name} is no tensor`);
      const [dtype, dims] = [type.dtype!, type.dims as readonly number[]];
      return [name, { dtype, dims, bytes: numbers(dtype, elementCount(dims)!) }];
    }),
  );
}

function numbers(dtype: DType, count: number): Uint8Array {
  const values = Array.from({ length: count }, (_, at) => (((at * 7919) % 37) - 18) / 8);
  if (dtype === 'float32') return new Uint8Array(Float32Array.from(values).buffer);
  if (dtype === 'float64') return new Uint8Array(Float64Array.from(values).buffer);
  // Halves by their bits: 1.0 and up, with any fraction.
  if (dtype === 'float16')
    return new Uint8Array(
      Uint16Array.from(values, (value, at) => (value < 0 ? 0xbc00 : 0x3c00) + at * 37).buffer,
    );
  return new Uint8Array(byteLengthOf(dtype, count)!);
}

async function run(model: Model, inputs: ReadonlyMap<string, Tensor>): Promise<Record<string, string>> {
  const parts = exportModel(model).pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : readRange(piece),
  );
  const session = await backend.loadModel(Buffer.concat(parts));
  const outputs = await session.run(inputs);
  await session.release();
  return Object.fromEntries(
    [...outputs].map(([name, { dtype, dims, bytes }]) => [
      name,
      `${dtype}[${dims}] ${Buffer.from(bytes).toString('hex')}`,
    ]),
  );
}

describe('an old form gives the same bits after conversion:', () => {
  for (const [name, text] of Object.entries(oldForms)) {
    it(name, async () => {
      const model = read(text);
      const inputs = inputsOf(model);
      const before = await run(model, inputs);
      for (const opset of withoutNewestKernel.has(name) ? [21] : [21, NEWEST_ON_ONNX_RUNTIME]) {
        expect(await run(converted(model, opset), inputs)).toEqual(before);
      }
    });
  }
});
