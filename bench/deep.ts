// A deep network whose activations outweigh its parameters, with what recomputes them or without.

import { leanStep, replaceGradients } from '../compiler/index.ts';
import { DiagnosticError, hasErrors, type Model } from '../ir/index.ts';
import { declared, modelOfText } from './digits.ts';

const LAYERS = 24;
const WIDTH = 128;
export const deepInput = [4096, WIDTH];
export const deepParameters = Object.fromEntries(
  Array.from({ length: LAYERS }, (_, layer) => [`w${layer}`, [WIDTH, WIDTH]]),
);

/** A training step. `block` layers each are computed again for the gradients; 0: none. */
export function deepStep(block: number): Model {
  const names = Object.keys(deepParameters);
  const layers = names.map(
    (name, layer) => `
    h${layer} = MatMul (a${layer}, ${name})
    a${layer + 1} = Tanh (h${layer})`,
  );
  const list = (prefix: string): string => names.map((name) => prefix + name).join(', ');
  const steps = names.map(
    (name) => `
    m_${name} = Mul (learning_rate, d_${name})
    new_${name} = Sub (${name}, m_${name})`,
  );
  const text = `deep (float[${deepInput}] a0, ${declared(deepParameters)}, float learning_rate) => (float loss, ${declared(deepParameters, 'new_')}) {
    ${layers.join('')}
    loss = ReduceMean <keepdims = 0> (a${LAYERS})
    ${list('d_')} = ai.onnx.preview.training.Gradient <xs = [${names.map((name) => `"${name}"`)}], y = "loss"> (${list('')})
    ${steps.join('')}
  }`;
  const source = modelOfText(text);
  const editor = source.edit();
  for (const { id, outputs } of source.opsOf()) {
    const made = /^[ha](\d+)$/.exec(source.value(outputs[0]!).name);
    if (made === null || block === 0) continue;
    const layer = Number(made[1]) - (made[0].startsWith('a') ? 1 : 0);
    editor.setOp(id, { recompute: `block${Math.floor(layer / block)}` });
  }
  const { model, diagnostics } = replaceGradients(editor.finish());
  if (hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  return leanStep(model);
}
