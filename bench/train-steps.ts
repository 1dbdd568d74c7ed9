// Training steps of plain descent: as compiled from a model with Gradient ops, and as written by hand.

import { parseOptimizer } from '../cli/trainstep/optimizer.ts';
import { trainingStep } from '../cli/trainstep/step.ts';
import { leanStep, replaceGradients } from '../compiler/index.ts';
import { DiagnosticError, hasErrors, type Model } from '../ir/index.ts';
import { cnn, declared, forwardModel, inputsOf, mlp, modelOfText, type Network } from './digits.ts';

/** Statements after the forward ones: the gradients, and a step along each. */
const descent = ({ parameters }: Network): string => {
  const names = Object.keys(parameters);
  const gradients = names.map((name) => `d_${name}`).join(', ');
  const xs = names.map((name) => `"${name}"`).join(', ');
  const steps = names.map(
    (name) => `
    m_${name} = Mul (learning_rate, d_${name})
    new_${name} = Sub (${name}, m_${name})`,
  );
  return `
    ${gradients} = ai.onnx.preview.training.Gradient <xs = [${xs}], y = "loss"> (${names.join(', ')})${steps.join('')}`;
};

function compiled(text: string): Model {
  const { model, diagnostics } = replaceGradients(modelOfText(text));
  if (hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  return leanStep(model);
}

/** What `bbc trainstep --optimizer sgd` makes of the forward model. */
export function generatedStep(network: Network, batch: number | string): Model {
  const { rate, optimizer } = parseOptimizer('sgd');
  const { model, diagnostics } = trainingStep(forwardModel(network, batch), {
    loss: 'loss',
    rate,
    optimizer,
  });
  if (model === undefined) throw new DiagnosticError(diagnostics);
  return model;
}

/** As many steps as the inputs `xs` and `labels` have batches, in one Scan. */
export function generatedSteps(network: Network, batch: number, steps: number): Model {
  const { image, parameters, forward } = network;
  const names = Object.keys(parameters);
  const list = (prefix: string): string => names.map((name) => prefix + name).join(', ');
  return compiled(`steps (float[${[steps, batch, ...image]}] xs, int64[${steps},${batch}] labels, ${declared(parameters, 'first_')}, float learning_rate)
      => (${declared(parameters, 'last_')}, float[${steps}] losses) {
    ${list('last_')}, losses = Scan <num_scan_inputs = 2, body = one (${declared(parameters)}, float[${[batch, ...image]}] x, int64[${batch}] label) => (${declared(parameters, 'new_')}, float loss) {
      ${forward}
      ${descent(network)}
    }> (${list('first_')}, xs, labels)
  }`);
}

/** A step as someone writes it who wants it fast: `dz` is scaled by the rate, so that all gradients behind it are. */
export const handWritten: ReadonlyMap<Network, (batch: number) => Model> = new Map([
  [mlp, (batch: number) => modelOfText(mlpByHand(batch))],
  [cnn, (batch: number) => modelOfText(cnnByHand(batch))],
]);

const crossEntropy = `
    logp = LogSoftmax <axis = 1> (z)
    hot = OneHot <axis = 1> (label, classes, bounds)
    chosen = Mul (logp, hot)
    sum = ReduceSum <keepdims = 0> (chosen)
    loss = Mul (sum, minus_share)
    p = Exp (logp)
    difference = Sub (p, hot)
    rate = Mul (learning_rate, share)
    dz = Mul (difference, rate)`;

/** Products give the new weights at once. */
const dense = (input: string, gradient: string, weight: string, bias: string): string => `
    new_${weight} = Gemm <transA = 1, alpha = -1.0, beta = 1.0> (${input}, ${gradient}, ${weight})
    sum_${bias} = ReduceSum <keepdims = 0> (${gradient}, first)
    new_${bias} = Sub (${bias}, sum_${bias})`;

const rectified = (activation: string, gradient: string, given: string): string => `
    on_${activation} = Greater (${activation}, zero)
    ${gradient} = Where (on_${activation}, ${given}, zero)`;

const constants = (batch: number): string =>
  `int64 classes = {10}, float[2] bounds = {0, 1}, int64[1] first = {0}, float zero = {0}, float share = {${1 / batch}}, float minus_share = {${-1 / batch}}`;

const mlpByHand = (batch: number): string => `step (${inputsOf(mlp, batch)}, float learning_rate)
    => (float loss, ${declared(mlp.parameters, 'new_')}) <${constants(batch)}> {
    ${mlp.forward.replace(/loss = .*/, '')}
    ${crossEntropy}
    da2 = Gemm <transB = 1> (dz, w3)${dense('a2', 'dz', 'w3', 'b3')}${rectified('a2', 'dh2', 'da2')}
    da1 = Gemm <transB = 1> (dh2, w2)${dense('a1', 'dh2', 'w2', 'b2')}${rectified('a1', 'dh1', 'da1')}${dense('x', 'dh1', 'w1', 'b1')}
  }`;

const KERNEL = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => [row, column] as const));

/**
 * A pool's gradient goes where its result is found again: twice where it is there twice, which the generated step does
 * not do. Where a rectifier let nothing through, nothing is found.
 */
const pool = (activation: string, result: string, into: string, given: string): string => {
  const twice =
    'Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">';
  return `
    on_${result} = Greater (${result}, zero)
    found_${result} = Where (on_${result}, ${result}, minus_one)
    wide_${result} = ${twice} (found_${result}, , doubled)
    here_${result} = Equal (${activation}, wide_${result})
    wide_${given} = ${twice} (${given}, , doubled)
    ${into} = Where (here_${result}, wide_${given}, zero)`;
};

/** Slices of the padded input, one for each element of the kernel, as columns of a product for each sample. */
const convolution = (input: string, gradient: string, kernel: string, bias: string, size: number): string => {
  const slices = KERNEL.map(
    ([row, column]) => `
    ${kernel}_${row}${column} = Slice (padded_${kernel}, at_${row}${column}, to_${size}_${row}${column}, spatial)`,
  );
  return `
    padded_${kernel} = Pad (${input}, pads)${slices.join('')}
    stacked_${kernel} = Concat <axis = 1> (${KERNEL.map(([row, column]) => `${kernel}_${row}${column}`).join(', ')})
    columns_${kernel} = Reshape (stacked_${kernel}, columns_of_${kernel})
    rows_${kernel} = Reshape (${gradient}, rows_of_${kernel})
    turned_${kernel} = Transpose <perm = [0, 2, 1]> (rows_${kernel})
    products_${kernel} = MatMul (columns_${kernel}, turned_${kernel})
    sums_${kernel} = ReduceSum <keepdims = 0> (products_${kernel}, first)
    apart_${kernel} = Reshape (sums_${kernel}, shape_of_${kernel})
    d_${kernel} = Transpose <perm = [3, 2, 0, 1]> (apart_${kernel})
    new_${kernel} = Sub (${kernel}, d_${kernel})
    sum_${bias} = ReduceSum <keepdims = 0> (${gradient}, all_but_channels)
    new_${bias} = Sub (${bias}, sum_${bias})`;
};

const cnnByHand = (batch: number): string => {
  const corners = KERNEL.flatMap(([row, column]) => [
    `int64[2] at_${row}${column} = {${row}, ${column}}`,
    ...[14, 28].map((size) => `int64[2] to_${size}_${row}${column} = {${row + size}, ${column + size}}`),
  ]);
  return `step (${inputsOf(cnn, batch)}, float learning_rate) => (float loss, ${declared(cnn.parameters, 'new_')})
    <${constants(batch)}, float minus_one = {-1}, float[4] doubled = {1, 1, 2, 2}, int64[2] spatial = {2, 3},
    int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}, int64[3] all_but_channels = {0, 2, 3}, int64[4] shape_of_p2 = {${batch}, 32, 7, 7},
    int64[3] columns_of_k1 = {${batch}, 9, 784}, int64[3] rows_of_k1 = {${batch}, 16, 784}, int64[4] shape_of_k1 = {3, 3, 1, 16},
    int64[3] columns_of_k2 = {${batch}, 144, 196}, int64[3] rows_of_k2 = {${batch}, 32, 196}, int64[4] shape_of_k2 = {3, 3, 16, 32},
    ${corners.join(', ')}> {
    ${cnn.forward.replace(/loss = .*/, '')}
    ${crossEntropy}
    da3 = Gemm <transB = 1> (dz, w2)${dense('a3', 'dz', 'w2', 'b2')}${rectified('a3', 'dh3', 'da3')}
    df = Gemm <transB = 1> (dh3, w1)${dense('f', 'dh3', 'w1', 'b1')}
    dp2 = Reshape (df, shape_of_p2)${pool('a2', 'p2', 'dh2', 'dp2')}${convolution('p1', 'dh2', 'k2', 'c2', 14)}
    dp1 = ConvTranspose <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (dh2, k2)${pool('a1', 'p1', 'dh1', 'dp1')}${convolution('x', 'dh1', 'k1', 'c1', 28)}
  }`;
};
