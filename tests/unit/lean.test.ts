// A training step in fewer ops.

import { expect, it } from 'vitest';
import { cnn, forwardModel, mlp } from '../../bench/digits.ts';
import { backwardSize, MOST } from '../../bench/sizes.ts';
import { leanStep } from '../../compiler/differentiate/lean.ts';
import { replaceGradients } from '../../compiler/differentiate/replace.ts';
import { importModel, type Model, memorySource } from '../../ir/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const header = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.preview.training" : 1, "own" : 1]>\n';
const stepOf = (text: string): Model =>
  leanStep(replaceGradients(importModel(memorySource('step.onnx', onnxOf(header + text))).model!).model);
const linesOf = (model: Model): readonly string[] =>
  [...model.opsOf()].map(
    ({ type, inputs, outputs }) =>
      `${outputs.map((id) => model.value(id).name)} = ${type}(${inputs.map((id) => model.value(id).name)})`,
  );

const classifier = (batch: string, w: string): string =>
  `step (float[${batch},64] x, int64[${batch}] label, float rate, float[${w}] w, float[10] b) => (float loss, float[${w}] new_w, float[10] new_b) {
    z = Gemm (x, w, b)
    loss = SoftmaxCrossEntropyLoss <reduction = "mean"> (z, label)
    dw, db = ai.onnx.preview.training.Gradient <xs = ["w", "b"], y = "loss"> (w, b)
    mw = Mul (rate, dw)
    new_w = Sub (w, mw)
    mb = Mul (rate, db)
    new_b = Sub (b, mb)
  }`;

it('shares labels between loss and gradient, and makes a step of descent part of the product', () => {
  expect(linesOf(stepOf(classifier('8', '64,10')))).toMatchInlineSnapshot(`
    [
      "z = Gemm(x,w,b)",
      "loss_OneHot = OneHot(label,grad/constant_1,grad/constant_2)",
      "loss_LogSoftmax = LogSoftmax(z)",
      "loss_Mul = Mul(loss_LogSoftmax,loss_OneHot)",
      "loss_ReduceSum = ReduceSum(loss_Mul,loss_constant_3)",
      "loss_ReduceMean = ReduceMean(loss_ReduceSum)",
      "loss = Neg(loss_ReduceMean)",
      "grad/loss_Softmax = Softmax(z)",
      "grad/loss_Sub = Sub(grad/loss_Softmax,loss_OneHot)",
      "db = ReduceMean(grad/loss_Sub,grad/constant_4)",
      "grad/loss_Sub_scaled = Mul(grad/loss_Sub,rate)",
      "new_w = Gemm(x,grad/loss_Sub_scaled,w)",
      "mb = Mul(rate,db)",
      "new_b = Sub(b,mb)",
    ]
  `);
});

it('leaves the step alone where the batch may be larger than what is learned', () => {
  const types = [...stepOf(classifier('N', '64,10')).opsOf()].map(({ type }) => type);
  expect(types.slice(-4)).toEqual(['Mul', 'Sub', 'Mul', 'Sub']);
  expect([...stepOf(classifier('512', '64,10')).opsOf()].filter(({ type }) => type === 'Gemm').length).toBe(
    2,
  );
});

it('gives gradients at most two and a half times as many ops as the forward graph has', () => {
  const ratio = (network: typeof mlp, forms: 'fast' | 'short'): number => {
    const parameters = Object.keys(network.parameters);
    const { before, added } = backwardSize(forwardModel(network, 32), 'loss', parameters, forms);
    return added / before;
  };
  expect(ratio(mlp, 'fast')).toBeLessThanOrEqual(MOST);
  expect(ratio(cnn, 'short')).toBeLessThanOrEqual(MOST);
  expect(ratio(cnn, 'fast')).toBeGreaterThan(MOST);
});

const gradientOf = (text: string): readonly string[] => {
  const { model, diagnostics } = replaceGradients(
    importModel(memorySource('model.onnx', onnxOf(header + text))).model!,
  );
  expect(diagnostics).toEqual([]);
  return linesOf(model);
};

it('gives the products of a batch one op each, which turns its operands and its result by itself', () => {
  const text = `attention (float[2,5,3,4] q, float[2,5,3,4] k, float[2,3,5,5] c) => (float loss, float[2,5,3,4] dq, float[2,5,3,4] dk) {
    ql = Transpose <perm = [0, 2, 1, 3]> (q)
    kl = Transpose <perm = [0, 2, 3, 1]> (k)
    s = MatMul (ql, kl)
    w = Mul (s, c)
    loss = ReduceSum <keepdims = 0> (w)
    dq, dk = ai.onnx.preview.training.Gradient <xs = ["q", "k"], y = "loss"> (q, k)
  }`;
  expect(gradientOf(text).slice(5)).toEqual([
    'grad/loss_Expand = Expand(grad/constant,grad/constant_2)',
    'grad/w_Mul = Mul(grad/loss_Expand,c)',
    'dk = Einsum(ql,grad/w_Mul)',
    'dq = Einsum(grad/w_Mul,kl)',
  ]);
});

it('leaves functions alone that make no number from a number', () => {
  const text = `step (float[3] w, int64 seed) => (float loss, float[3] dw) {
    key = own.Key (seed)
    noise = Cast <to = 1> (key)
    y = own.Scaled (w, noise)
    loss = ReduceSum <keepdims = 0> (y)
    dw = ai.onnx.preview.training.Gradient <xs = ["w"], y = "loss"> (w)
  }
  <domain: "own", opset_import: ["" : 21]> Key (seed) => (key) { twice = Add (seed, seed) key = Mul (twice, seed) }
  <domain: "own", opset_import: ["" : 21]> Scaled (x, by) => (y) { y = Mul (x, by) }`;
  const lines = gradientOf(text).map((line) => line.replace(/.* = (\w+).*/, '$1'));
  expect(lines).toEqual(['Key', 'Cast', 'Mul', 'Identity', 'ReduceSum', 'Expand', 'Mul']);
});
