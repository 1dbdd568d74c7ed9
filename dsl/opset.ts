// Which version of an operator the author writes, and which one a program gets.
//
// Authors write the newest form. A program has the lowest opset from the default one on that knows what they used of
// it, the one it states, or that of an imported model; ops are put into their form for it when the recording ends,
// since an import may come after them:
//
//   y = ReduceSum(x, axes)            opset 13 and later
//   y = ReduceSum[axes = [1]](x)      opset 11

import {
  type Attribute,
  DEFAULT_OPSET,
  type Diagnostic,
  DiagnosticError,
  diagnostic,
  type Model,
  type Op,
} from '../ir/index.ts';
import { admittedTypes, type OpSchema, parameterAt, schemasOf } from '../ir/ops/schema.ts';
import { convertOps, isIdle } from '../ir/versions/index.ts';
import type { Recorder } from './recorder.ts';

/** The version of an operator that its author function has: the newest. */
export const authoredForm = (type: string): OpSchema => schemasOf('', type).at(-1)!;

/**
 * The lowest version from the default opset on that has what an op uses: attributes, number of inputs, their types
 * (as schemas know them; undefined: not known).
 */
export function lowestForm(
  newest: OpSchema,
  inputs: readonly (string | undefined)[],
  attributes: readonly Attribute[],
): OpSchema {
  const has = (form: OpSchema): boolean =>
    (form.until ?? DEFAULT_OPSET) >= DEFAULT_OPSET &&
    inputs.length <= form.maxInputs &&
    attributes.every(
      (attribute) => form.attributes.some((one) => one.name === attribute.name) || isIdle(attribute, newest),
    ) &&
    inputs.every((type, index) => {
      const parameter = parameterAt(form.inputs, index);
      return type === undefined || (parameter !== undefined && admittedTypes(form, parameter).has(type));
    });
  return schemasOf('', newest.type).find(has) ?? newest;
}

/**
 * The recorded model with the ops that the author called in their form of `opset`. Throws BB310 for those that have none,
 * at the author's lines.
 */
export function settled(owner: Recorder, model: Model, opset: number): Model {
  const { infer } = owner.environment;
  const refusal = (op: Op): Diagnostic =>
    diagnostic(
      'BB310',
      { op: op.type, have: opset, need: authoredForm(op.type).since, file: owner.imported?.file ?? '' },
      { at: op.at ?? { file: owner.environment.file } },
    );
  const converted = convertOps(model, new Set(owner.authored), opset, {
    refusal,
    ...(infer !== undefined && { infer }),
  });
  if (converted.model === undefined) throw new DiagnosticError(converted.diagnostics);
  return converted.model;
}
