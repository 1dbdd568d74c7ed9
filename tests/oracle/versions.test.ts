// Models give the same bits on ONNX Runtime before and after conversion. Needs a build: sessions load from dist/.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inferModel } from '../../compiler/infer/infer.ts';
import { checkModel } from '../../compiler/passes/check.ts';
import { isTensor } from '../../ir/data.ts';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import type { Model } from '../../ir/graph.ts';
import { NEWEST_RUNNABLE_OPSET } from '../../ir/names.ts';
import { compareConverted, convert, madeInputs, modelOfBytes, onOnnxRuntime } from '../support/converted.ts';
import { oldForms } from '../support/old-forms.ts';
import { fixtures } from '../support/onnx-files.ts';

/** ONNX Runtime has no kernel for the newest version of these. */
const withoutNewestKernel = new Set(['RoiAlign 10']);

function converted(model: Model, opset: number): Model {
  const { model: result, diagnostics } = convert(model, opset);
  if (result === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  expect(checkModel(result).map(formatDiagnostic)).toEqual([]);
  expect(inferModel(result).diagnostics.map(formatDiagnostic)).toEqual([]);
  return result;
}

async function bits(model: Model): Promise<Record<string, string>> {
  const outputs = await onOnnxRuntime(model, madeInputs(model));
  return Object.fromEntries(
    [...outputs].map(([name, value]) => {
      if (!isTensor(value)) throw new Error(`${name} is no tensor`);
      const { dtype, dims, bytes } = value;
      return [name, `${dtype}[${dims}] ${Buffer.from(bytes).toString('hex')}`];
    }),
  );
}

describe('an old form gives the same bits after conversion:', () => {
  for (const [name, text] of Object.entries(oldForms)) {
    it(name, async () => {
      const model = modelOfBytes('old.onnxtxt', new TextEncoder().encode(text));
      const before = await bits(model);
      for (const opset of withoutNewestKernel.has(name) ? [21] : [21, NEWEST_RUNNABLE_OPSET]) {
        expect(await bits(converted(model, opset))).toEqual(before);
      }
    });
  }
});

it('conformance models of opset 7 to 20 give the same bits in opset 21', async () => {
  const folder = path.join(fixtures, 'conformance');
  const results = await compareConverted(folder, 21, (opset) => opset >= 7 && opset <= 20);
  const wrong = results.filter(({ outcome }) => outcome !== 'same' && outcome !== 'not run');
  expect(wrong).toEqual([]);
  expect(results.filter(({ outcome }) => outcome === 'same').length).toBeGreaterThan(4);
});
