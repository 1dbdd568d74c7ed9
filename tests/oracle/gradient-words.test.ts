// Operators whose gradient is computed in others: ONNX Runtime and the CPU backend agree on it. That it is right, the property
// test over random graphs shows.

import { expect, it } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { gradModel } from '../../compiler/index.ts';
import { formatDiagnostic, isTensor, type Tensor } from '../../ir/index.ts';
import { type Engine, modelOfBytes, onCpu, onOnnxRuntime } from '../support/converted.ts';
import { onnxOf } from '../support/onnx-text.ts';

const product = (dims: readonly number[]): number => dims.reduce((count, size) => count * size, 1);
/** Numbers from -1 to 1, no two alike. */
const spread = (dims: readonly number[], seed: number): Tensor =>
  tensorFrom(
    'float32',
    [...dims],
    Array.from({ length: product(dims) }, (_, at) => Math.sin((at + 1) * 12.9898 + seed * 78.233)),
  );
const whole = (
  dims: readonly number[],
  values: readonly number[],
  dtype: 'int64' | 'int8' = 'int64',
): Tensor => tensorFrom(dtype, [...dims], [...values]);
const regions = (rows: readonly (readonly number[])[]): Tensor =>
  tensorFrom('float32', [rows.length, rows[0]!.length], rows.flat());

interface Case {
  readonly opset: number;
  readonly inputs: string;
  readonly body: string;
  readonly values: Readonly<Record<string, Tensor>>;
  readonly wrt: readonly string[];
}

const images = spread([2, 3, 5, 4], 1);
const grids = (mode: string, padding: string, aligned: number): Case => ({
  opset: 20,
  inputs: 'float[N,C,H,W] x, float[N,P,Q,2] grid',
  body: `y = GridSample <mode = "${mode}", padding_mode = "${padding}", align_corners = ${aligned}> (x, grid)`,
  values: {
    x: images,
    grid: tensorFrom(
      'float32',
      [2, 3, 2, 2],
      elementsOf(spread([2, 3, 2, 2], 2)).map((one) => 1.4 * Number(one)),
    ),
  },
  // Of the nearest element, none of its place.
  wrt: mode === 'nearest' ? ['x'] : ['x', 'grid'],
});

const cases: Readonly<Record<string, Case>> = {
  'GridSample, linear': grids('linear', 'zeros', 0),
  'GridSample, cubic, reflected': grids('cubic', 'reflection', 1),
  'GridSample, nearest, at the border': grids('nearest', 'border', 0),
  'GridSample of volumes': {
    opset: 20,
    inputs: 'float[1,2,3,4,5] x, float[1,2,2,2,3] grid',
    body: 'y = GridSample (x, grid)',
    values: { x: spread([1, 2, 3, 4, 5], 3), grid: spread([1, 2, 2, 2, 3], 4) },
    wrt: ['x', 'grid'],
  },
  DeformConv: {
    opset: 22,
    inputs: 'float[1,4,5,5] x, float[2,2,3,3] w, float[1,36,3,3] offset, float[2] b, float[1,18,3,3] m',
    body: 'y = DeformConv <group = 2, offset_group = 2> (x, w, offset, b, m)',
    values: {
      x: spread([1, 4, 5, 5], 5),
      w: spread([2, 2, 3, 3], 6),
      offset: spread([1, 36, 3, 3], 7),
      b: spread([2], 8),
      m: spread([1, 18, 3, 3], 9),
    },
    wrt: ['x', 'w', 'offset', 'b', 'm'],
  },
  'RoiAlign, means': {
    opset: 16,
    inputs: 'float[2,3,5,4] x, float[R,4] rois, int64[R] at',
    body: 'y = RoiAlign <output_height = 2, output_width = 3> (x, rois, at)',
    values: {
      x: images,
      rois: regions([
        [0.3, 0.2, 3.4, 4.1],
        [-1.2, 1.1, 2.6, 2.3],
        [1.7, 0.4, 5.2, 6.6],
      ]),
      at: whole([3], [1, 0, 1]),
    },
    wrt: ['x', 'rois'],
  },
  MaxRoiPool: {
    opset: 21,
    inputs: 'float[2,3,5,4] x, float[2,5] rois',
    body: 'y = MaxRoiPool <pooled_shape = [2, 2]> (x, rois)',
    values: {
      x: images,
      rois: regions([
        [1, 0, 1, 3, 4],
        [0, 1, 0, 2, 2],
      ]),
    },
    wrt: ['x'],
  },
  'DequantizeLinear, by blocks': {
    opset: 21,
    inputs: 'int8[2,5] q, float[2,3] s, int8[2,3] z',
    body: 'y = DequantizeLinear <axis = 1, block_size = 2> (q, s, z)',
    values: {
      q: whole([2, 5], [3, -4, 7, 1, 0, -9, 2, 5, -6, 8], 'int8'),
      s: spread([2, 3], 10),
      z: whole([2, 3], [1, 0, -1, 2, 0, 3], 'int8'),
    },
    wrt: ['s'],
  },
  'RotaryEmbedding, its angles': {
    opset: 23,
    inputs: 'float[1,3,8] x, float[4,2] c, float[4,2] s, int64[1,3] at',
    body: 'y = RotaryEmbedding <num_heads = 2, interleaved = 1> (x, c, s, at)',
    values: {
      x: spread([1, 3, 8], 11),
      c: spread([4, 2], 12),
      s: spread([4, 2], 13),
      at: whole([1, 3], [2, 0, 3]),
    },
    wrt: ['x', 'c', 's'],
  },
};

async function gradients(of: Case, engine: Engine): Promise<Readonly<Record<string, number[]>>> {
  const text = `<ir_version: 10, opset_import: ["" : ${of.opset}]> agraph (${of.inputs}) => (y) { ${of.body} }`;
  const { model, diagnostics } = gradModel(modelOfBytes('words.onnx', onnxOf(text)), { wrt: of.wrt });
  if (model === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  // The result as its own upstream gradient has its shape.
  const forward = modelOfBytes('words.onnx', onnxOf(text));
  const values = new Map(Object.entries(of.values));
  const y = (await onCpu(forward, values)).get('y');
  if (y === undefined || !isTensor(y)) throw new Error('there is no result');
  const found = await engine(model, new Map([...values, ['grad_of_y', spread(y.dims, 14)]]));
  return Object.fromEntries(
    of.wrt.map((name) => {
      const gradient = found.get(`grad_of_${name}`);
      if (gradient === undefined || !isTensor(gradient)) throw new Error(`no gradient of ${name}`);
      expect(gradient.dims).toEqual(of.values[name]!.dims);
      return [name, elementsOf(gradient).map(Number)];
    }),
  );
}

it.each(Object.keys(cases))('%s', async (name) => {
  const [ours, theirs] = [await gradients(cases[name]!, onCpu), await gradients(cases[name]!, onOnnxRuntime)];
  for (const one of cases[name]!.wrt) {
    expect(ours[one]!.some((number) => Math.abs(number) > 0.01)).toBe(true);
    const far = ours[one]!.findIndex((number, at) => !(Math.abs(number - theirs[one]![at]!) <= 1e-4));
    expect(`${one}: ${far}`).toBe(`${one}: -1`);
  }
});
