// A model that computes gradients too: the forward ops as they were, and behind them those of the gradients.

import {
  COMPILER_METADATA,
  type Diagnostic,
  diagnostic,
  hasErrors,
  type Model,
  type Value,
  type ValueId,
} from '../../ir/index.ts';
import { withModelMetadata } from '../../ir/onnx/index.ts';
import { Builder, isFloat } from './builder.ts';
import type { Forms } from './common.ts';
import { differentiate } from './differentiate.ts';
import { lean } from './lean.ts';
import { infer, prepare } from './prepare.ts';

export interface GradOptions {
  /** Names of inputs or initializers. */
  readonly wrt: readonly string[];
  /** Names of outputs; by default all that can have a gradient. */
  readonly outputs?: readonly string[];
  /** By default fast ones. */
  readonly forms?: Forms;
}

/**
 * The model with an input `grad_of_<y>` for each output y that is differentiated, and an output `grad_of_<x>` for each
 * x of `wrt`: the gradient of the sum of y · grad_of_y. Its opset is at least 18. Its metadata say which name belongs to
 * which, as JSON: `{"inputs":{"grad_of_y":"y"},"outputs":{"grad_of_x":"x"}}`.
 */
export function gradModel(
  source: Model,
  { wrt, outputs, forms }: GradOptions,
): { readonly model?: Model; readonly diagnostics: readonly Diagnostic[] } {
  const prepared = prepare(source);
  if (prepared.model === undefined) return prepared;
  const { model } = prepared;
  const diagnostics: Diagnostic[] = [];
  const { mainGraph } = model;
  const find = (name: string, among: readonly ValueId[], what: string): Value | undefined => {
    const id = among.find((one) => model.value(one).name === name);
    if (id === undefined) diagnostics.push(diagnostic('BB282', { name, what }, { value: name }));
    return id === undefined ? undefined : model.value(id);
  };
  const sources = [...new Set([...mainGraph.inputs, ...mainGraph.initializers])];
  const targets = wrt.flatMap((name) => find(name, sources, 'input or initializer') ?? []);
  const wanted = outputs?.flatMap((name) => find(name, mainGraph.outputs, 'output') ?? []);
  const results =
    wanted ?? mainGraph.outputs.map((id) => model.value(id)).filter(({ type }) => isFloat(type));
  for (const { name, type } of [...targets, ...(wanted ?? [])])
    if (!isFloat(type)) diagnostics.push(diagnostic('BB283', { name }, { value: name }));
  if (hasErrors(diagnostics)) return { diagnostics };

  const editor = model.edit();
  const builder = Builder.of(model, editor, forms);
  const given = results.map((y) => {
    const type = y.type;
    return editor.addValue(model.main, {
      name: builder.unique(`grad_of_${y.name}`),
      ...(type && { type }),
    });
  });
  const upstream = results.map((y, index) => [y.id, given[index]!] as const);
  const found = differentiate(
    builder,
    mainGraph.ops,
    upstream,
    targets.map(({ id }) => id),
  );
  if (hasErrors(found.diagnostics)) return { diagnostics: found.diagnostics };
  const made = targets.map((x, index) => {
    const name = builder.unique(`grad_of_${x.name}`);
    const gradient = found.of[index] ?? builder.zerosLike(x.id);
    const id = editor.addValue(model.main, { name, ...(x.type && { type: x.type }) });
    builder.made.push(editor.addOp(model.main, { type: 'Identity', inputs: [gradient], outputs: [id] }));
    return id;
  });
  const pairs = (ids: readonly ValueId[], of: readonly Value[]): Record<string, string> =>
    Object.fromEntries(ids.map((id, index) => [editor.value(id).name, of[index]!.name]));
  const names = { inputs: pairs(given, results), outputs: pairs(made, targets) };
  editor.setGraph(model.main, {
    inputs: [...mainGraph.inputs, ...given],
    outputs: [...mainGraph.outputs, ...made],
    initializers: [...mainGraph.initializers, ...builder.initializers],
    ops: [...mainGraph.ops, ...builder.made],
  });
  editor.header = withModelMetadata(model.header, COMPILER_METADATA.gradients, JSON.stringify(names));
  return {
    model: infer(lean(editor.finish())),
    diagnostics: [...prepared.diagnostics, ...found.diagnostics],
  };
}
