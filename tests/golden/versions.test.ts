// What conversion makes of ops, before and after, in ONNX's textual syntax.
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../ir/diagnostic.ts';
import type { Model } from '../../ir/graph.ts';
import { exportText } from '../../ir/text/index.ts';
import { convert, modelOfBytes } from '../support/converted.ts';

const read = (opset: number, text: string, more = ''): Model =>
  modelOfBytes(
    'm.onnxtxt',
    new TextEncoder().encode(`<ir_version: 10, opset_import: ["" : ${opset}${more}]>\n${text}`),
  );

/** The body of the converted main graph, one line an op, constants first. */
function converted(opset: number, text: string, target: number): string[] {
  const { model, diagnostics } = convert(read(opset, text), target);
  if (model === undefined) return diagnostics.map(({ code, message }) => `${code} ${message}`);
  const lines = exportText(model).text.split('\n').slice(5);
  return lines.map((line) => line.trim()).filter((line) => !/^[{}]?$/.test(line));
}
const up = (opset: number, text: string): string[] => converted(opset, text, 21);

describe('upwards', () => {
  it('what an attribute told is told by an input', () => {
    expect(
      up(9, 'g (float[4,6] x) => (float[2,6] y) { y = Slice<starts = [1], ends = [3]>(x) }'),
    ).toMatchInlineSnapshot(`
      [
        "<int64[1] starts = {1}, int64[1] ends = {3}>",
        "y = Slice (x, starts, ends)",
      ]
    `);
    expect(
      up(10, 'g (float[2,3] x) => (float[4,3] y) { y = Pad<pads = [1, 0, 1, 0], value = 1.5>(x) }'),
    ).toMatchInlineSnapshot(`
      [
        "<int64[4] pads = {1,0,1,0}, float value = {1.5}>",
        "y = Pad (x, pads, value)",
      ]
    `);
    expect(
      up(11, 'g (float[6,4] x) => (float[1,4] a, float[5,4] b) { a, b = Split<split = [1, 5]>(x) }'),
    ).toMatchInlineSnapshot(`
      [
        "<int64[2] split = {1,5}>",
        "a, b = Split (x, split)",
      ]
    `);
    expect(up(7, 'g (double[4] x) => (double[4] y) { y = Clip<max = 6.0>(x) }')).toMatchInlineSnapshot(`
      [
        "<double max = {6}>",
        "y = Clip (x, "", max)",
      ]
    `);
    expect(up(7, 'g (float16[4] x) => (float16[4] y) { y = Clip<max = 6.0>(x) }')).toMatchInlineSnapshot(`
      [
        "<float max = {6}>",
        "max_cast = Cast <to: int = 10> (max)",
        "y = Clip (x, "", max_cast)",
      ]
    `);
  });

  it('the same constant is made once', () => {
    expect(
      up(
        11,
        'g (float[1,3,1] x) => (float y) { a = Squeeze<axes = [0]>(x)  b = ReduceSum<axes = [0]>(a)  y = ReduceMax<axes = [0]>(b) }',
      ),
    ).toMatchInlineSnapshot(`
      [
        "<int64[1] axes = {0}>",
        "a = Squeeze (x, axes)",
        "b = ReduceSum (a, axes)",
        "y = ReduceMax (b, axes)",
      ]
    `);
  });

  it('a softmax over everything behind an axis is one over a flat matrix, or over the last axis', () => {
    expect(up(11, 'g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }')).toMatchInlineSnapshot(`
      [
        "x_shape = Shape (x)",
        "x_flat = Flatten (x)",
        "y_flat = Softmax <axis: int = -1> (x_flat)",
        "y = Reshape <allowzero: int = 1> (y_flat, x_shape)",
      ]
    `);
    expect(up(11, 'g (float[2,3] x) => (float[2,3] y) { y = Softmax(x) }')).toMatchInlineSnapshot(`
      [
        "y = Softmax <axis: int = -1> (x)",
      ]
    `);
  });

  it('a resize states its coordinates; axes that grow and axes that shrink take two', () => {
    expect(
      up(7, 'g (float[1,1,2,2] x) => (float[1,1,4,4] y) { y = Upsample<scales = [1.0, 1.0, 2.0, 2.0]>(x) }'),
    ).toMatchInlineSnapshot(`
      [
        "<float[4] scales = {1,1,2,2}>",
        "y = Resize <coordinate_transformation_mode: string = "asymmetric", nearest_mode: string = "floor"> (x, "", scales)",
      ]
    `);
    expect(
      up(10, 'g (float[1,1,2,2] x, float[4] s) => (float[N,C,H,W] y) { y = Resize(x, s) }'),
    ).toMatchInlineSnapshot(`
      [
        "<float one = {1}>",
        "s_down = Min (s, one)",
        "s_up = Max (s, one)",
        "y_smaller = Resize <coordinate_transformation_mode: string = "asymmetric", nearest_mode: string = "ceil"> (x, "", s_down)",
        "y = Resize <coordinate_transformation_mode: string = "asymmetric", nearest_mode: string = "floor"> (y_smaller, "", s_up)",
      ]
    `);
  });

  it('a mask of the type of the data is cast', () => {
    expect(up(7, 'g (float[4] x) => (float[4] y, float[4] m) { y, m = Dropout(x) }')).toMatchInlineSnapshot(`
      [
        "y, m_bool = Dropout (x)",
        "m = Cast <to: int = 1> (m_bool)",
      ]
    `);
  });

  it('training that outputs told is told by an attribute', () => {
    expect(
      up(
        9,
        'g (float[2,3] x, float[3] s) => (float[2,3] y, float[3] m, float[3] v, float[3] b) { y, m, v, b = BatchNormalization(x, s, s, s, s) }',
      ),
    ).toMatchInlineSnapshot(`
      [
        "<int64[3] shape = {0,0,-1}, int64[2] axes = {0,2}>",
        "y, m, v = BatchNormalization <training_mode: int = 1> (x, s, s, s, s)",
        "x_flat = Reshape (x, shape)",
        "b = ReduceMean <keepdims: int = 0> (x_flat, axes)",
      ]
    `);
  });

  it('indices that were out of range do not count from the end', () => {
    expect(
      up(9, 'g (int64[N] i, float[2] v) => (float[N,4] y) <int64[1] d = {4}> { y = OneHot(i, d, v) }'),
    ).toMatchInlineSnapshot(`
      [
        "<int64[1] d = {4}, int64 out_of_range = {4611686018427387903}, int64 zero = {0}>",
        "i_int64 = Cast <to: int = 7> (i)",
        "i_negative = Less (i_int64, zero)",
        "i_in_range = Where (i_negative, out_of_range, i_int64)",
        "y = OneHot (i_in_range, d, v)",
      ]
    `);
  });

  it('indices that count from the end are counted from the front, for those who know none', () => {
    expect(
      converted(
        11,
        'g (int64[N] i, float[2] v) => (float[N,4] y) <int64[1] d = {4}> { y = OneHot(i, d, v) }',
        9,
      ),
    ).toMatchInlineSnapshot(`
      [
        "<int64[1] d = {4}, int64[0] no_dimensions = {}, int64 zero = {0}>",
        "i_int64 = Cast <to: int = 7> (i)",
        "d_int64 = Cast <to: int = 7> (d)",
        "d_scalar = Reshape (d_int64, no_dimensions)",
        "i_negative = Less (i_int64, zero)",
        "i_from_front = Add (i_int64, d_scalar)",
        "i_in_range = Where (i_negative, i_from_front, i_int64)",
        "y = OneHot (i_in_range, d, v)",
      ]
    `);
  });

  it('groups have a scale for each channel', () => {
    expect(
      up(
        18,
        'g (float16[2,6,3] x, float16[2] s) => (float16[2,6,3] y) { y = GroupNormalization<num_groups = 2>(x, s, s) }',
      ),
    ).toMatchInlineSnapshot(`
      [
        "<int64[1] groups = {2}, int64[2] column = {-1,1}, int64[1] flat = {-1}>",
        "y_channels = Shape <start: int = 1, end: int = 2> (x)",
        "y_per_group = Div (y_channels, groups)",
        "y_repeats = Concat <axis: int = 0> (groups, y_per_group)",
        "s_column = Reshape (s, column)",
        "s_rows = Expand (s_column, y_repeats)",
        "s_channels = Reshape (s_rows, flat)",
        "s_column_1 = Reshape (s, column)",
        "s_rows_1 = Expand (s_column_1, y_repeats)",
        "s_channels_1 = Reshape (s_rows_1, flat)",
        "y = GroupNormalization <num_groups: int = 2, stash_type: int = 10> (x, s_channels, s_channels_1)",
      ]
    `);
  });

  it('a scan over a batch is a scan over its rows', () => {
    expect(
      up(
        8,
        'g (float[2,3] i, float[2,4,3] x) => (float[2,3] t) { t = Scan<num_scan_inputs = 1, body = b (float[3] s, float[3] e) => (float[3] u) { u = Add(s, e) }>("", i, x) }',
      ),
    ).toMatchInlineSnapshot(`
      [
        "t = Scan (i, x) <body: graph = b_rows (float[3] i_row, float[4,3] x_row) => (float[3] t_row)",
        "t_row = Scan (i_row, x_row) <body: graph = b (float[3] s, float[3] e) => (float[3] u)",
        "u = Add (s, e)",
        "}, num_scan_inputs: int = 1>",
        "}, num_scan_inputs: int = 2>",
      ]
    `);
    expect(
      up(
        8,
        'g (int64[2] n, float[2,3] i, float[2,4,3] x) => (float[2,3] t) { t = Scan<num_scan_inputs = 1, body = b (float[3] s, float[3] e) => (float[3] u) { u = Add(s, e) }>(n, i, x) }',
      ),
    ).toMatchInlineSnapshot(`
      [
        "BB230 Scan of opset 8 of ai.onnx has no form in opset 21: it scans rows of different lengths (sequence_lens)",
      ]
    `);
  });

  it('functions are converted too; attributes they pass on stay passed on', () => {
    const text = `g (float[2,3] x) => (float[3] y) { y = my.f<at = [0]>(x) }
      <domain: "my", opset_import: ["" : 12]> f<at>(a) => (c) { b = Clip(a)  c = ReduceSum<axes: ints = @at, keepdims = 0>(b) }`;
    const { model } = convert(read(12, text, ', "my" : 1'), 21);
    expect(exportText(model!).text.split('\n').slice(9)).toMatchInlineSnapshot(`
      [
        "   domain: "my",",
        "   opset_import: ["" : 21]",
        ">",
        "f <at> (a) => (c)",
        "{",
        "   b = Clip (a)",
        "   c_axes = Constant <value_ints = @at> ()",
        "   c = ReduceSum <keepdims: int = 0> (b, c_axes)",
        "}",
        "",
      ]
    `);
  });
});

describe('downwards', () => {
  it('what inputs tell is told by attributes, and constants that nobody reads go', () => {
    expect(
      converted(
        21,
        'g (float[4,6] x) => (float[6] y) <int64[1] axes = {0}> { y = ReduceSum<keepdims = 0>(x, axes) }',
        11,
      ),
    ).toMatchInlineSnapshot(`
      [
        "y = ReduceSum <keepdims: int = 0, axes: ints = [0]> (x)",
      ]
    `);
    expect(
      converted(
        21,
        'g (float[4,6] x) => (float[4,6] y) <float low = {0}, float high = {6}> { y = Clip(x, low, high) }',
        7,
      ),
    ).toMatchInlineSnapshot(`
      [
        "y = Clip <min: float = 0.0, max: float = 6.0> (x)",
      ]
    `);
    expect(
      converted(
        21,
        'g (float[4,6] x) => (float[5,6] y) <int64[2] p = {0, 1}, int64[1] a = {0}> { y = Pad(x, p, "", a) }',
        11,
      ),
    ).toMatchInlineSnapshot(`
      [
        "<int64[4] pads = {0,0,1,0}>",
        "y = Pad (x, pads)",
      ]
    `);
  });

  it('a softmax is over the last axis', () => {
    expect(
      converted(21, 'g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis = 1>(x) }', 11),
    ).toMatchInlineSnapshot(`
      [
        "x_turned = Transpose <perm: ints = [0, 2, 1]> (x)",
        "y_turned = Softmax <axis: int = 2> (x_turned)",
        "y = Transpose <perm: ints = [0, 2, 1]> (y_turned)",
      ]
    `);
    expect(
      converted(21, 'g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }', 7),
    ).toMatchInlineSnapshot(`
      [
        "y = Softmax <axis: int = 2> (x)",
      ]
    `);
  });

  it('older names of the same are used', () => {
    expect(
      converted(21, 'g (float[3,3] x, int64[3,3] i) => (float[3,3] y) { y = ScatterElements(x, i, x) }', 9),
    ).toMatchInlineSnapshot(`
      [
        "y = Scatter (x, i, x)",
      ]
    `);
    expect(
      converted(
        21,
        'g (float[1,1,2,2] x) => (float[1,1,4,4] y) <float[4] s = {1, 1, 2, 2}> { y = Resize<coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, "", s) }',
        7,
      ),
    ).toMatchInlineSnapshot(`
      [
        "y = Upsample <scales: floats = [1.0, 1.0, 2.0, 2.0]> (x)",
      ]
    `);
  });

  it('a last window in the padding has no older form', () => {
    const pool = (size: number): string[] =>
      converted(
        22,
        `g (float[1,1,${size}] x) => (float[1,1,2] y) { y = MaxPool<ceil_mode = 1, kernel_shape = [1], strides = [2]>(x) }`,
        13,
      );
    expect(pool(3)).toEqual([
      'y = MaxPool <ceil_mode: int = 1, kernel_shape: ints = [1], strides: ints = [2]> (x)',
    ]);
    expect(pool(4)[0]).toMatch(/^BB230 MaxPool .* begins in the padding$/);
  });

  it('what has no older form is refused, all of it, with the reason', () => {
    expect(
      converted(
        21,
        `g (float[N,4] x, bfloat16[N] b, int64[1] axes, int64[2] s) => (float[N,4] y, bfloat16[N] c, float[1] d, float[N,4] e, float[N,M] f) {
          y = Gelu(x)  c = Neg(b)  d = ReduceSum(x, axes)  e = Elu<alpha = 0.5>(x)  f = Reshape<allowzero = 1>(x, s)
        }`,
        11,
      ),
    ).toMatchInlineSnapshot(`
      [
        "BB230 Gelu of opset 21 of ai.onnx has no form in opset 11: it came with opset 20",
        "BB230 Neg of opset 21 of ai.onnx has no form in opset 11: earlier versions do not take tensor(bfloat16) as X",
        "BB230 ReduceSum of opset 21 of ai.onnx has no form in opset 11: its axes would be an attribute, but is computed when the model runs",
        "BB230 Reshape of opset 21 of ai.onnx has no form in opset 11: its attribute allowzero came with opset 14",
      ]
    `);
  });
});

it('a model that is in the opset already is the same object', () => {
  const model = read(21, 'g (float[4] x) => (float[4] y) { y = Relu(x) }');
  expect(convert(model, 21).model).toBe(model);
});

it('opsets that are not known are refused', () => {
  const refusals = (opset: number, target: number): string[] =>
    convert(read(opset, 'g (float[4] x) => (float[4] y) { y = Relu(x) }'), target).diagnostics.map(
      formatDiagnostic,
    );
  expect([...refusals(21, 6), ...refusals(6, 21), ...refusals(21, 99)]).toMatchInlineSnapshot(`
    [
      "m.onnxtxt: error BB231: opset 6 of ai.onnx cannot be converted
      try: known are 7 to 27",
      "m.onnxtxt: error BB231: opset 6 of ai.onnx cannot be converted
      try: known are 7 to 27",
      "m.onnxtxt: error BB231: opset 99 of ai.onnx cannot be converted
      try: known are 7 to 27",
    ]
  `);
});

it('the IR version follows the opset, up and down', () => {
  const irVersion = (opset: number, target: number): number =>
    convert(read(opset, 'g (float[4] x) => (float[4] y) { y = Relu(x) }'), target).model!.header.irVersion;
  expect([irVersion(21, 27), irVersion(21, 17), irVersion(21, 8), irVersion(13, 15)]).toEqual([13, 8, 3, 10]);
});
