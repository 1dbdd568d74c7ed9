// Models in old forms of operators, in ONNX's textual syntax; floats are their only open inputs.

const model = (opset: number, graph: string, types = ''): string =>
  `<ir_version: ${opset < 9 ? 3 : 8}, opset_import: ["" : ${opset}]>\n${types}${graph}`;

const reductions = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
];

export const oldForms: Readonly<Record<string, string>> = {
  'Softmax 1, from any axis on': model(
    7,
    `g (float[2,3,4] x) => (float[2,3,4] a, float[2,3,4] b, float[2,3,4] c, float[2,3,4] d) {
      a = Softmax(x)  b = Softmax<axis = 2>(x)  c = Softmax<axis = 0>(x)  d = LogSoftmax(x)
    }`,
  ),
  'Softmax 11, axes from the end': model(
    11,
    `g (float[2,3,4] x) => (float[2,3,4] a, float[2,3,4] b, float[2,3,4] c) {
      a = Softmax<axis = -2>(x)  b = LogSoftmax<axis = -1>(x)  c = Hardmax<axis = -3>(x)
    }`,
  ),
  'Clip 6': model(
    7,
    `g (float[6] x) => (float[6] a, float[6] b, float[6] c) {
      a = Clip<max = 0.5, min = -0.25>(x)  b = Clip<min = 0.1>(x)  c = Clip(x)
    }`,
  ),
  'Slice 1': model(
    9,
    `g (float[4,6] x) => (float[2,6] a, float[4,3] b, float[2,2] c) {
      a = Slice<starts = [1], ends = [3]>(x)  b = Slice<axes = [1], starts = [-4], ends = [-1]>(x)
      c = Slice<axes = [1, 0], starts = [4, 2], ends = [9223372036854775807, 1000]>(x)
    }`,
  ),
  'Pad 2, of all modes': model(
    10,
    `g (float[2,3] x, double[2,2] d) => (float[4,5] a, float[4,3] b, float[2,5] c, double[3,2] e, float[2,2] f) {
      a = Pad<pads = [1, 2, 1, 0], value = 1.5>(x)  b = Pad<mode = "edge", pads = [1, 0, 1, 0]>(x)
      c = Pad<mode = "reflect", pads = [0, 1, 0, 1]>(x)  e = Pad<pads = [0, 0, 1, 0], value = 0.1>(d)
      f = Pad<pads = [0, -1, 0, 0]>(x)
    }`,
  ),
  'Split 2 and 11, equal and by sizes': model(
    11,
    `g (float[6,4] x) => (float[3,4] a, float[3,4] b, float[1,4] c, float[5,4] d, float[6,2] e, float[6,2] f) {
      a, b = Split(x)  c, d = Split<split = [1, 5]>(x)  e, f = Split<axis = -1>(x)
    }`,
  ),
  'Squeeze and Unsqueeze 1': model(
    7,
    `g (float[1,3,1] x) => (float[3] a, float[3,1] b, float[1,1,3,1,1] c) {
      a = Squeeze(x)  b = Squeeze<axes = [0]>(x)  c = Unsqueeze<axes = [0, 4]>(x)
    }`,
  ),
  'Squeeze and Unsqueeze 11, axes from the end': model(
    11,
    `g (float[1,3,1] x) => (float[1,3] a, float[1,3,1,1] b) {
      a = Squeeze<axes = [-1]>(x)  b = Unsqueeze<axes = [-1]>(x)
    }`,
  ),
  'reductions 1': model(
    7,
    `g (float[2,3,4] x) => (${reductions.flatMap((_, at) => [`float[1,1,1] a${at}`, `float[3] b${at}`]).join(', ')}) {
      ${reductions.map((op, at) => `a${at} = ${op}(x)  b${at} = ${op}<axes = [2, 0], keepdims = 0>(x)`).join('\n')}
    }`,
  ),
  'reductions 13': model(
    13,
    `g (float[2,3,4] x) => (${reductions.map((_, at) => `float[2,1,4] a${at}`).join(', ')}) {
      axes = Constant<value = int64[1] {1}>()
      ${reductions.map((op, at) => (op === 'ReduceSum' ? `a${at} = ReduceSum(x, axes)` : `a${at} = ${op}<axes = [-2]>(x)`)).join('\n')}
    }`,
  ),
  'TopK 1': model(9, 'g (float[3,5] x) => (float[3,2] v, int64[3,2] i) { v, i = TopK<k = 2>(x) }'),
  'TopK 10': model(
    10,
    'g (float[3,5] x) => (float[3,2] v, int64[3,2] i) <int64[1] k = {2}> { v, i = TopK<axis = 1>(x, k) }',
  ),
  'Upsample 7': model(
    7,
    `g (float[1,2,3,3] x) => (float[1,2,6,9] a, float[1,2,6,6] b, float[1,2,4,4] c) {
      a = Upsample<scales = [1.0, 1.0, 2.0, 3.0]>(x)
      b = Upsample<mode = "linear", scales = [1.0, 1.0, 2.0, 2.0]>(x)
      c = Upsample<scales = [1.0, 1.0, 1.5, 1.4]>(x)
    }`,
  ),
  'Upsample 9': model(
    9,
    `g (float[1,1,3,3] x) => (float[1,1,6,9] a, float[1,1,6,7] b)
    <float[4] s = {1, 1, 2, 3}, float[4] t = {1, 1, 2, 2.5}> {
      a = Upsample(x, s)  b = Upsample<mode = "linear">(x, t)
    }`,
  ),
  'Resize 10, growing and shrinking': model(
    10,
    `g (float[1,1,5,7] x) => (float[1,1,10,16] a, float[1,1,3,4] b, float[1,1,8,3] c, float[1,1,3,10] d)
    <float[4] s = {1, 1, 2, 2.3}, float[4] t = {1, 1, 0.6, 0.6}, float[4] u = {1, 1, 1.7, 0.5}, float[4] v = {1, 1, 0.7, 1.5}> {
      a = Resize(x, s)  b = Resize(x, t)  c = Resize(x, u)  d = Resize<mode = "linear">(x, v)
    }`,
  ),
  'Resize 11, by sizes': model(
    11,
    `g (float[1,1,4,4] x) => (float[1,1,7,3] a, float[1,1,7,3] b)
    <float[0] none, int64[4] s = {1, 1, 7, 3}> {
      a = Resize<mode = "linear">(x, none, none, s)
      b = Resize<mode = "nearest", nearest_mode = "floor", coordinate_transformation_mode = "asymmetric">(x, none, none, s)
    }`.replace('float[0] none', 'float[0] none = {}'),
  ),
  'Resize 11, half a pixel for the nearest': model(
    11,
    `g (float[1,1,4,5] x) => (float[1,1,7,3] a, float[1,1,7,3] b) <float[0] none = {}, int64[4] s = {1, 1, 7, 3}> {
      a = Resize<nearest_mode = "floor", coordinate_transformation_mode = "tf_half_pixel_for_nn">(x, none, none, s)
      b = Resize<nearest_mode = "round_prefer_floor", coordinate_transformation_mode = "tf_half_pixel_for_nn">(x, none, none, s)
    }`,
  ),
  'BatchNormalization 7': model(
    7,
    `g (float[2,3,4] x, float[3] s, float[3] b, float[3] m) => (float[2,3,4] y) {
      v = Mul(s, s)  y = BatchNormalization<epsilon = 0.001, spatial = 1>(x, s, b, m, v)
    }`,
  ),
  'BatchNormalization 7 of single elements': model(
    7,
    `g (float[2,3,4] x, float[3,4] s, float[3,4] b, float[3,4] m) => (float[2,3,4] y) {
      v = Mul(s, s)  y = BatchNormalization<spatial = 0>(x, s, b, m, v)
    }`,
  ),
  'BatchNormalization 9': model(
    9,
    `g (float[2,3,4] x, float[3] s, float[3] b, float[3] m) => (float[2,3,4] y) {
      v = Mul(s, s)  y = BatchNormalization<momentum = 0.8>(x, s, b, m, v)
    }`,
  ),
  'Dropout 7 and 10': model(
    7,
    'g (float[2,3] x) => (float[2,3] a, float[2,3] b) { a = Dropout(x)  b = Dropout<ratio = 0.25>(x) }',
  ),
  'Dropout 10': model(10, 'g (float[2,3] x) => (float[2,3] a) { a = Dropout<ratio = 0.25>(x) }'),
  'OneHot 9': model(
    9,
    `g (float[2] v) => (float[2,3,4] a) <int64[2,3] i = {0, 3, 1, 4, 2, 9}, int64[1] d = {4}> {
      a = OneHot(i, d, v)
    }`,
  ),
  'Scatter 9': model(
    9,
    `g (float[3,3] x, float[2,3] u) => (float[3,3] a) <int64[2,3] i = {1, 0, 2, 0, 2, 1}> { a = Scatter(x, i, u) }`,
  ),
  'RoiAlign 10': model(
    10,
    `g (float[1,1,8,8] x) => (float[2,1,2,2] a, float[2,1,2,2] c)
    <float[2,4] r = {0, 0, 5, 5, 1, 2, 6, 7}, int64[2] b = {0, 0}> {
      a = RoiAlign<output_height = 2, output_width = 2, sampling_ratio = 2>(x, r, b)
      c = RoiAlign<output_height = 2, output_width = 2, mode = "max", spatial_scale = 0.5>(x, r, b)
    }`,
  ),
  'GridSample 16, of all modes': model(
    16,
    `g (float[1,1,4,4] x, float[1,3,3,2] t) => (float[1,1,3,3] a, float[1,1,3,3] b, float[1,1,3,3] c, float[1,1,3,3] d) {
      a = GridSample(x, t)  b = GridSample<mode = "bicubic">(x, t)  c = GridSample<mode = "nearest">(x, t)
      d = GridSample<mode = "bilinear", align_corners = 1, padding_mode = "border">(x, t)
    }`,
  ),
  'DFT 17': model(
    17,
    `g (float[1,4,6,1] x) => (float[1,4,6,2] a, float[1,4,6,2] b, float[1,4,4,2] c) {
      a = DFT(x)  b = DFT<axis = 2>(x)  c = DFT<axis = 2, onesided = 1>(x)
    }`,
  ),
  'GroupNormalization 18': model(
    18,
    `g (float[2,6,3] x, float[2] s, float[2] b) => (float[2,6,3] a) {
      a = GroupNormalization<num_groups = 2, epsilon = 0.01>(x, s, b)
    }`,
  ),
  'Scan 8, over a batch': model(
    8,
    `g (float[2,3] init, float[2,4,3] x) => (float[2,3] last, float[2,4,3] sums) {
      last, sums = Scan<num_scan_inputs = 1, body = body (float[3] s, float[3] e) => (float[3] t, float[3] u) {
        t = Add(s, e)  u = Identity(t)
      }>("", init, x)
    }`,
  ),
  'Scan 8, from the end': model(
    8,
    `g (float[2,3] init, float[2,4,3] x, float[2,4,3] z) => (float[2,3] last, float[2,4,3] sums) {
      last, sums = Scan<num_scan_inputs = 2, directions = [1, 0], body = body (float[3] s, float[3] e, float[3] f) => (float[3] t, float[3] u) {
        g = Mul(e, f)  t = Add(s, g)  u = Softmax<axis = 0>(t)
      }>("", init, x, z)
    }`,
  ),
  'ops of a subgraph': model(
    11,
    `g (float[2,3,4] x) => (float[?,?,?] y) {
      half = Constant<value = float {0.0}>()
      sum = ReduceSum<keepdims = 0>(x)  big = Greater(sum, half)
      y = If<then_branch = yes () => (float[] a) { a = Softmax(x) },
             else_branch = no () => (float[] b) { c = ReduceSum<axes = [1]>(x)  d = Squeeze<axes = [1]>(c)  b = Unsqueeze<axes = [1]>(d) }>(big)
    }`,
  ),
  'ops of a function': `<ir_version: 8, opset_import: ["" : 12, "my" : 1]>
    g (float[2,3,4] x) => (float[2,3,4] y, float[2,12] z) { y = my.Soft<at = 2>(x)  w = my.Soft<at = 1>(x)  z = Flatten(w) }
    <domain: "my", opset_import: ["" : 12]> Soft<at>(a) => (c) { b = Softmax<axis: int = @at>(a)  c = Unsqueezed(b) }`.replace(
    'c = Unsqueezed(b)',
    'd = Unsqueeze<axes = [0]>(b)  c = Squeeze<axes = [0]>(d)',
  ),
  'recurrent ops 7': model(
    7,
    `g (float[3,2,4] x, float[1,12,4] w, float[1,12,3] r, float[1,9,4] v, float[1,9,3] q) => (float[3,1,2,3] a, float[3,1,2,3] b) {
      a = LSTM<hidden_size = 3>(x, w, r)  b = GRU<hidden_size = 3, linear_before_reset = 1>(x, v, q)
    }`,
  ),
  'quantization 10': model(
    10,
    `g (float[2,3] x) => (float[2,3] y) <float s = {0.05}, uint8 z = {120}> {
      q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z)
    }`,
  ),
};
