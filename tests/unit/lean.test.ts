// A training step in fewer ops.

import { expect, it } from 'vitest';
import { cnn, forwardModel, mlp } from '../../bench/digits.ts';
import { backwardSize, MOST } from '../../bench/sizes.ts';
import { leanStep } from '../../compiler/differentiate/lean.ts';
import { replaceGradients } from '../../compiler/differentiate/replace.ts';
import { importModel, type Model, memorySource } from '../../ir/index.ts';
import { onnxOf } from '../support/onnx-text.ts';

const header = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.preview.training" : 1]>\n';
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
