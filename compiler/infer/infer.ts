// Inference over a model: the types of its values, and what contradicts them.

import type { Diagnostic } from '../../ir/diagnostic.ts';
import type { Model, ModelEditor, ValueId } from '../../ir/graph.ts';
import { sameType } from '../../ir/onnx/types.ts';
import { Evaluator } from './evaluate.ts';
import type { Known } from './known.ts';

export interface Inference {
  /** The model with a type at every value where one is known; the same object if nothing is new. */
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
  /** Elements of small values outside functions that are the same in every run, or the same expression of sizes. */
  readonly known: ReadonlyMap<ValueId, Known | undefined>;
}

export interface InferenceOptions {
  /**
   * Take an input's default for its value, as ONNX's own inference does. Not for compiling: who runs the
   * model may give the input another value.
   */
  readonly defaultsHold?: boolean;
}

/**
 * Types, symbolic shapes and small known values, followed through subgraphs and functions. Ops must be in an
 * order of execution; what an unsorted graph uses too early stays unknown. Linear in ops. Reads weights of at
 * most 64 elements, when a rule asks for them.
 */
export function inferModel(model: Model, { defaultsHold = false }: InferenceOptions = {}): Inference {
  const evaluator = new Evaluator(model, defaultsHold);
  let editor: ModelEditor | undefined;
  for (const [id, type] of evaluator.run()) {
    if (sameType(model.value(id).type, type)) continue;
    editor ??= model.edit();
    editor.setValue(id, { type });
  }
  return {
    model: editor?.finish() ?? model,
    diagnostics: evaluator.diagnostics,
    known: evaluator.known,
  };
}
