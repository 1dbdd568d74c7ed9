// Operators of the CPU backend, those of ai.onnx.ml too, against ONNX Runtime.

import { afterAll, expect, it } from 'vitest';
import { elementsOf, tensorFrom } from '../../cli/tensors/elements.ts';
import { isTensor, type Tensor } from '../../ir/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const ort = onnxRuntimeBackend({ workers: 0 });
afterAll(() => ort.close());

const features = tensorFrom('float32', [3, 2], [0.5, -1, 2, 0.25, -3, 4]);
const head = (opset: number): string => `<ir_version: 8, opset_import: ["" : ${opset}, "ai.onnx.ml" : 3]>`;

async function compare(opset: number, text: string, x: Tensor): Promise<void> {
  const bytes = onnxOf(`${head(opset)} agraph ${text}`);
  const ours = cpuBackend().loadModel(bytes);
  const theirs = await ort.loadModel(bytes);
  const actual = ours.run(new Map([['x', x]]));
  for (const [name, expected] of await theirs.run(new Map([['x', x]]))) {
    const value = actual.get(name);
    if (value === undefined || !isTensor(value)) throw new Error(`${name} is no tensor`);
    expect([name, value.dtype, value.dims]).toEqual([name, expected.dtype, expected.dims]);
    const [mine, its] = [elementsOf(value), elementsOf(expected)];
    its.forEach((one, at) => {
      if (typeof one === 'number') expect(mine[at]).toBeCloseTo(one, 4);
      else expect(mine[at]).toEqual(one);
    });
  }
}

const onFeatures: Record<string, string> = {
  'a linear classifier of three classes': `(float[3, 2] x) => (int64[3] y, float[3, 3] z) {
    y, z = ai.onnx.ml.LinearClassifier <classlabels_ints = [4, 5, 6], post_transform = "SOFTMAX",
      coefficients = [0.5, -0.25, 1.0, 0.75, -1.5, 0.125], intercepts = [0.1, 0.2, 0.3]> (x) }`,
  'a linear regressor': `(float[3, 2] x) => (float[3, 2] y) {
    y = ai.onnx.ml.LinearRegressor <targets = 2, coefficients = [0.5, -0.25, 1.0, 0.75], intercepts = [0.1, 0.2]> (x) }`,
  'a regression by support vectors': `(float[3, 2] x) => (float[3, 1] y) {
    y = ai.onnx.ml.SVMRegressor <kernel_type = "RBF", kernel_params = [0.5, 0.0, 3.0], n_supports = 2,
      coefficients = [1.5, -0.5], rho = [0.25], support_vectors = [0.0, 1.0, 2.0, -1.0]> (x) }`,
  'a classification by support vectors': `(float[3, 2] x) => (int64[3] y, float[3, 3] z) {
    y, z = ai.onnx.ml.SVMClassifier <kernel_type = "POLY", kernel_params = [0.5, 1.0, 2.0],
      classlabels_ints = [1, 2, 3], vectors_per_class = [1, 1, 1], rho = [0.1, -0.2, 0.3],
      coefficients = [1.0, -1.0, 0.5, 0.25, -0.75, 1.25], support_vectors = [0.0, 1.0, 2.0, -1.0, -1.0, 0.5]> (x) }`,
  'trees that regress': `(float[3, 2] x) => (float[3, 1] y) {
    y = ai.onnx.ml.TreeEnsembleRegressor <n_targets = 1, aggregate_function = "AVERAGE",
      nodes_treeids = [0, 0, 0, 1, 1, 1], nodes_nodeids = [0, 1, 2, 0, 1, 2],
      nodes_modes = ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_GT", "LEAF", "LEAF"],
      nodes_featureids = [0, 0, 0, 1, 0, 0], nodes_values = [0.75, 0.0, 0.0, 0.5, 0.0, 0.0],
      nodes_truenodeids = [1, 0, 0, 1, 0, 0], nodes_falsenodeids = [2, 0, 0, 2, 0, 0],
      target_treeids = [0, 0, 1, 1], target_nodeids = [1, 2, 1, 2], target_ids = [0, 0, 0, 0],
      target_weights = [1.0, 2.0, 3.0, 5.0]> (x) }`,
  'trees that classify': `(float[3, 2] x) => (string[3] y, float[3, 3] z) {
    y, z = ai.onnx.ml.TreeEnsembleClassifier <classlabels_strings = ["a", "b", "c"], post_transform = "SOFTMAX",
      nodes_treeids = [0, 0, 0], nodes_nodeids = [0, 1, 2], nodes_modes = ["BRANCH_LT", "LEAF", "LEAF"],
      nodes_featureids = [1, 0, 0], nodes_values = [0.5, 0.0, 0.0],
      nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2, 0, 0],
      class_treeids = [0, 0, 0], class_nodeids = [1, 1, 2], class_ids = [0, 1, 2],
      class_weights = [0.5, 1.5, 2.5]> (x) }`,
  'scaling, then a norm of each row': `(float[3, 2] x) => (float[3, 2] y) {
    s = ai.onnx.ml.Scaler <offset = [0.5, 1.0], scale = [2.0, 0.5]> (x)
    y = ai.onnx.ml.Normalizer <norm = "L2"> (s) }`,
  'replaced values, and more columns': `(float[3, 2] x) => (float[3, 5] y) {
    i = ai.onnx.ml.Imputer <imputed_value_floats = [9.0, 8.0], replaced_value_float = 2.0> (x)
    y = ai.onnx.ml.FeatureVectorizer <inputdimensions = [2, 3]> (x, i) }`,
  'categories as columns': `(float[3, 2] x) => (float[3, 2, 3] y) {
    y = ai.onnx.ml.OneHotEncoder <cats_int64s = [0, 2, 4]> (x) }`,
  'text of numbers': `(float[3, 2] x) => (string[3, 2] y) {
    k = Cast <to = 7> (x)
    y = ai.onnx.ml.CategoryMapper <cats_int64s = [0, 2], cats_strings = ["zero", "two"], default_string = "?"> (k) }`,
};

for (const [what, text] of Object.entries(onFeatures))
  it(`gives what ONNX Runtime gives for ${what}`, () => compare(15, text, features));

const image = tensorFrom(
  'float32',
  [1, 2, 4, 5],
  Array.from({ length: 40 }, (_, i) => Math.sin(i * 1.7) * 3),
);
const sequence = tensorFrom(
  'float32',
  [3, 2, 2],
  Array.from({ length: 12 }, (_, i) => Math.cos(i * 1.3)),
);
const others: Record<string, [opset: number, text: string, x: Tensor]> = {
  'the greatest of regions': [
    15,
    `(float[1,2,4,5] x) => (float[2,2,2,2] y) { r = Constant <value = float[2,5] {0,0,0,3,3,0,1,1,4,2}> () y = MaxRoiPool <pooled_shape=[2,2], spatial_scale=1.0> (x, r) }`,
    image,
  ],
  'an image twice as large': [
    9,
    `(float[1,2,4,5] x) => (float[1,2,8,10] y) { s = Constant <value = float[4] {1,1,2,2}> () y = Upsample <mode="linear"> (x, s) }`,
    image,
  ],
  'an image enlarged before opset 11': [
    10,
    `(float[1,2,4,5] x) => (float[1,2,6,7] y) { s = Constant <value = float[4] {1,1,1.5,1.5}> () y = Resize <mode="linear"> (x, s) }`,
    image,
  ],
  'the nearest elements of a smaller image before opset 11': [
    10,
    `(float[1,2,4,5] x) => (float[1,2,2,4] y) { s = Constant <value = float[4] {1,1,0.6,0.8}> () y = Resize <mode="nearest"> (x, s) }`,
    image,
  ],
  'cubic interpolation with aligned corners': [
    13,
    `(float[1,2,4,5] x) => (float[1,2,7,3] y) { z = Constant <value = int64[4] {1,2,7,3}> () y = Resize <mode="cubic", coordinate_transformation_mode="align_corners"> (x, , , z) }`,
    image,
  ],
  'a smaller image without aliases': [
    18,
    `(float[1,2,4,5] x) => (float[1,2,2,3] y) { z = Constant <value = int64[4] {1,2,2,3}> () y = Resize <mode="linear", antialias=1> (x, , , z) }`,
    image,
  ],
  'diagonals, sums and products of matrices by labels': [
    15,
    `(float[3,2,2] x) => (float[3] y, float[2,2] z, float[3,2,2] w, float v) { y = Einsum <equation="bii->b"> (x) z = Einsum <equation="bij,bkj->ik"> (x, x) w = Einsum <equation="...ij,...jk->...ik"> (x, x) v = Einsum <equation="abc,abc"> (x, x) }`,
    sequence,
  ],
  'a gated net in both directions over sequences of different length': [
    15,
    `(float[3,2,2] x) => (float[3,2,2,1] y, float[2,2,1] h) { w = Constant <value = float[2,3,2] {0.1,0.2,-0.3,0.4,0.5,-0.6,0.7,0.8,-0.9,0.1,0.3,0.2}> () r = Constant <value = float[2,3,1] {0.5,-0.4,0.3,0.2,-0.1,0.6}> () b = Constant <value = float[2,6] {0.1,0.2,0.3,0.4,0.5,0.6,0.6,0.5,0.4,0.3,0.2,0.1}> () l = Constant <value = int32[2] {3,2}> () y, h = GRU <hidden_size=1, direction="bidirectional", linear_before_reset=1> (x, w, r, b, l) }`,
    sequence,
  ],
  'a clipped long short-term memory from the end': [
    15,
    `(float[3,2,2] x) => (float[3,1,2,1] y, float[1,2,1] h, float[1,2,1] c) { w = Constant <value = float[1,4,2] {0.1,0.2,-0.3,0.4,0.5,-0.6,0.7,0.8}> () r = Constant <value = float[1,4,1] {0.5,-0.4,0.3,0.2}> () b = Constant <value = float[1,8] {0.1,0.2,0.3,0.4,0.5,0.6,0.6,0.5}> () l = Constant <value = int32[2] {3,2}> () y, h, c = LSTM <hidden_size=1, direction="reverse", clip=0.4> (x, w, r, b, l) }`,
    sequence,
  ],
  'an image read between its elements, mirrored at its borders': [
    16,
    `(float[1,2,4,5] x) => (float[1,2,2,3] y) { g = Constant <value = float[1,2,3,2] {-1.2,-0.7,0.1,0.2,0.9,1.4,-0.5,0.5,0.3,-1.9,2.1,0.0}> () y = GridSample <mode="bicubic", padding_mode="reflection"> (x, g) }`,
    image,
  ],
  'the means of regions': [
    16,
    `(float[1,2,4,5] x) => (float[2,2,2,2] y) { r = Constant <value = float[2,4] {0.2,0.3,3.1,3.2,1,1,4,2}> () b = Constant <value = int64[2] {0,0}> () y = RoiAlign <output_height=2, output_width=2, sampling_ratio=2, mode="avg"> (x, r, b) }`,
    image,
  ],
  'numbers quantised and back': [
    15,
    `(float[3,2,2] x) => (uint8[3,2,2] q, float[3,2,2] y, uint8[3,2,2] d) { s = Constant <value = float {0.05}> () z = Constant <value = uint8 {100}> () q = QuantizeLinear (x, s, z) y = DequantizeLinear (q, s, z) d, ds, dz = DynamicQuantizeLinear (x) }`,
    sequence,
  ],
  'a weighted loss that ignores a class': [
    13,
    `(float[3,2,2] x) => (float y, float[3,2,2] l) { t = Constant <value = int64[3,2] {0,1,1,0,1,1}> () w = Constant <value = float[2] {0.3,0.7}> () y, l = SoftmaxCrossEntropyLoss <ignore_index=0> (x, t, w) }`,
    sequence,
  ],
  'normalised rows, their means and deviations': [
    17,
    `(float[3,2,2] x) => (float[3,2,2] y, float[3,1,1] m, float[3,1,1] i) { s = Constant <value = float[2,2] {1,2,3,4}> () y, m, i = LayerNormalization <axis=1> (x, s) }`,
    sequence,
  ],
  'an inverse Fourier transform': [
    17,
    `(float[3,2,2] x) => (float[3,2,2] y) { y = DFT <axis=1, inverse=1> (x) }`,
    sequence,
  ],
};

for (const [what, [opset, text, x]] of Object.entries(others))
  it(`gives what ONNX Runtime gives for ${what}`, () => compare(opset, text, x));

it('zips labels and scores to maps, and reads maps as tensors', () => {
  const text = `${head(15)} agraph (float[1, 2] x) => (float[1, 2] y) {
    z = ai.onnx.ml.ZipMap <classlabels_int64s = [7, 3]> (x)
    first = Constant <value_int = 0> ()
    m = SequenceAt (z, first)
    y = ai.onnx.ml.CastMap (m) }`;
  const x = tensorFrom('float32', [1, 2], [0.25, 0.75]);
  const [y] = cpuBackend()
    .loadModel(onnxOf(text))
    .run(new Map([['x', x]]))
    .values();
  // In the order of the keys.
  expect(elementsOf(y as Tensor)).toEqual([0.75, 0.25]);
});
