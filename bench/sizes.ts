// How many ops gradients take: those that stand in the place of a Gradient of the loss, for each op of the forward graph.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { replaceGradients } from '../compiler/index.ts';
import {
  DiagnosticError,
  gradientOp,
  hasErrors,
  importModel,
  type Model,
  memorySource,
  TRAINING_DOMAIN,
  TRAINING_VERSION,
} from '../ir/index.ts';
import { cnn, forwardModel, mlp } from './digits.ts';
import type { Figure } from './figure.ts';

export const MOST = 2.5;

/**
 * Ops below which we know no gradient in plain ONNX, for models that cannot have so few: docs/benchmarks.md says which ones
 * they are.
 */
const FEWEST: Readonly<Record<string, number>> = { logistic_regression: 7, mlp: 18, resnet_bn: 91 };

const opsOf = (model: Model): number => [...model.allOps()].filter(({ type }) => type !== 'Constant').length;

/** With the gradients of the parameters as further outputs. */
function withGradient(model: Model, loss: string, parameters: readonly string[]): Model {
  const { mainGraph, main, header } = model;
  const editor = model.edit();
  const called = (name: string) => [...model.allValues()].find((one) => one.name === name)!.id;
  const outputs = parameters.map((name) => editor.addValue(main, { name: `gradient of ${name}` }));
  const op = editor.addOp(main, gradientOp(parameters.map(called), called(loss), outputs));
  editor.setGraph(main, { ops: [...mainGraph.ops, op], outputs: [...mainGraph.outputs, ...outputs] });
  editor.header = { ...header, opsets: new Map([...header.opsets, [TRAINING_DOMAIN, TRAINING_VERSION]]) };
  return editor.finish();
}

/** Ops of the forward graph and of the backward one, in bodies too; constants are none. */
export function backwardSize(
  forward: Model,
  loss: string,
  parameters: readonly string[],
  forms: 'fast' | 'short' = 'fast',
): { readonly before: number; readonly added: number } {
  const { model, diagnostics } = replaceGradients(withGradient(forward, loss, parameters), forms);
  if (hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  const before = opsOf(forward);
  return { before, added: opsOf(model) - before };
}

function figureOf(name: string, { before, added }: ReturnType<typeof backwardSize>, limit?: number): Figure {
  const what = `ops of the backward graph against ${before} of the forward one`;
  return {
    name: `${name}: ${what}`,
    value: added / before,
    unit: '×',
    ...(limit !== undefined && { limit }),
  };
}

export function sizes(): Figure[] {
  const digits = [mlp, cnn].flatMap((network) => {
    const size = (forms: 'fast' | 'short') =>
      backwardSize(forwardModel(network, 32), 'loss', Object.keys(network.parameters), forms);
    // Convolutions and pools have longer forms that take less time.
    return network === mlp
      ? [figureOf('MLP', size('fast'), MOST)]
      : [figureOf('CNN, short forms', size('short'), MOST), figureOf('CNN, fast forms', size('fast'))];
  });
  // From dist/bench/.
  const folder = fileURLToPath(new URL('../../../shared/gradients/models/', import.meta.url));
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const others = names.map((name) => {
    const meta = JSON.parse(readFileSync(path.join(folder, name, 'meta.json'), 'utf8')) as {
      readonly loss: string;
      readonly parameters: readonly { readonly name: string }[];
    };
    const source = memorySource(name, readFileSync(path.join(folder, name, 'model.onnx')));
    const { model, diagnostics } = importModel(source);
    if (model === undefined) throw new DiagnosticError(diagnostics);
    const size = backwardSize(
      model,
      meta.loss,
      meta.parameters.map((one) => one.name),
    );
    const fewest = FEWEST[name];
    if (fewest === undefined) return figureOf(name, size, MOST);
    return figureOf(`${name} (at least ${fewest} ops)`, size, fewest / size.before);
  });
  return [...digits, ...others];
}
