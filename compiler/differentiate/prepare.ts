// Brings a model to the form that rules are written for: an opset that has it, recurrent layers as loops, types inferred.

import type { Diagnostic, Model } from '../../ir/index.ts';
import { convertModel } from '../../ir/versions/index.ts';
import { inferModel } from '../infer/infer.ts';
import { expand } from './expand.ts';

/** Rules write ops in the form of this opset. */
const LOWEST_OPSET = 18;

export const infer = (model: Model): Model => inferModel(model).model;

export function prepare(source: Model): {
  readonly model?: Model;
  readonly diagnostics: readonly Diagnostic[];
} {
  const old = (source.header.opsets.get('') ?? LOWEST_OPSET) < LOWEST_OPSET;
  const { model, diagnostics } = old
    ? convertModel(source, LOWEST_OPSET, { infer })
    : { model: source, diagnostics: [] };
  if (model === undefined) return { diagnostics };
  const typed = infer(model);
  const expanded = expand(typed);
  return { model: expanded === typed ? typed : infer(expanded), diagnostics };
}
