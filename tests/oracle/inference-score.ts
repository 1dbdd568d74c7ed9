// Compares what we infer with what ONNX's own shape inference says, and with the data that really came out.

import { existsSync, readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { inferModel } from '../../compiler/infer/infer.ts';
import { TensorProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import type { Model } from '../../ir/graph.ts';
import { importModel } from '../../ir/onnx/import.ts';
import { memorySource } from '../../ir/onnx/source.ts';
import { type Dim, onnxNameOf, type ValueType } from '../../ir/types.ts';

/** A type as the answers of ONNX's inference write it. */
export type Answer =
  | { readonly elem_type: string; readonly dims: readonly Dim[] | null }
  | { readonly sequence: Answer | null }
  | { readonly optional: Answer | null };

export interface Score {
  values: number;
  elemTypes: number;
  dims: number;
  dimsKnown: number;
  /** Dimensions we know, and they do not. */
  dimsMore: number;
  outputs: number;
  readonly missing: string[];
  readonly contradictions: string[];
}

export const emptyScore = (): Score => ({
  values: 0,
  elemTypes: 0,
  dims: 0,
  dimsKnown: 0,
  dimsMore: 0,
  outputs: 0,
  missing: [],
  contradictions: [],
});

export const load = (path: string): Model => modelOf(path, readFileSync(path));

export function modelOf(name: string, bytes: Uint8Array): Model {
  const { model, diagnostics } = importModel(memorySource(name, bytes));
  if (model === undefined) throw new Error(diagnostics.map((one) => one.message).join('\n'));
  return model;
}

/** The model as ONNX's inference was asked about it: nothing declared at the top level but its inputs. */
export function stripped(model: Model): Model {
  const editor = model.edit();
  for (const value of model.allValues()) {
    if (value.graph === model.main && value.def.kind === 'op') editor.setValue(value.id, { type: undefined });
  }
  return editor.finish();
}

/** Adds one model's figures to `score`. */
export function compare(
  name: string,
  model: Model,
  answers: Readonly<Record<string, Answer>>,
  score: Score,
): Model {
  const { model: typed, diagnostics } = inferModel(model);
  for (const one of diagnostics) score.contradictions.push(`${name}: ${one.code} ${one.message}`);
  for (const value of typed.allValues()) {
    const answer = Object.hasOwn(answers, value.name) ? answers[value.name] : undefined;
    if (value.graph !== typed.main || value.def.kind !== 'op' || answer === undefined) continue;
    score.values++;
    compareType(`${name}: ${value.name}`, value.type, answer, score);
  }
  return typed;
}

function compareType(what: string, type: ValueType | undefined, answer: Answer | null, score: Score): void {
  const wanted = JSON.stringify(answer);
  if (answer === null) {
    score.elemTypes++;
  } else if (type === undefined) {
    score.missing.push(`${what}: nothing for ${wanted}`);
  } else if ('sequence' in answer || 'optional' in answer) {
    const [kind, inner] =
      'sequence' in answer ? ['sequence', answer.sequence] : ['optional', answer.optional];
    if (type.kind !== kind || !('elem' in type))
      score.contradictions.push(`${what}: ${type.kind}, not ${wanted}`);
    else compareType(what, type.elem, inner as Answer, score);
  } else if (type.kind !== 'tensor') {
    score.contradictions.push(`${what}: ${type.kind}, not ${wanted}`);
  } else {
    if (type.dtype === undefined) score.missing.push(`${what}: no element type for ${wanted}`);
    else if (onnxNameOf(type.dtype) === answer.elem_type) score.elemTypes++;
    else score.contradictions.push(`${what}: ${type.dtype}, not ${wanted}`);
    compareDims(what, type.dims, answer.dims, score);
  }
}

function compareDims(
  what: string,
  ours: readonly Dim[] | undefined,
  theirs: readonly Dim[] | null,
  score: Score,
): void {
  if (theirs === null) {
    score.dimsMore += ours?.filter((dim) => dim !== null).length ?? 0;
    return;
  }
  const known = theirs.filter((dim) => typeof dim === 'number').length;
  score.dims += known;
  if (ours === undefined) {
    if (known > 0) score.missing.push(`${what}: no rank for [${theirs.join(', ')}]`);
    return;
  }
  if (ours.length !== theirs.length) {
    score.contradictions.push(`${what}: [${ours.join(', ')}], not [${theirs.join(', ')}]`);
    return;
  }
  theirs.forEach((dim, axis) => {
    const own = ours[axis]!;
    if (typeof dim !== 'number') score.dimsMore += typeof own === 'number' ? 1 : 0;
    else if (own === dim) score.dimsKnown++;
    else if (typeof own === 'number')
      score.contradictions.push(`${what}: axis ${axis} is ${own}, not ${dim}`);
    else score.missing.push(`${what}: axis ${axis} of [${theirs.join(', ')}]`);
  });
}

/** Holds the shapes of a case's outputs against the outputs in its test data. */
export function compareOutputs(name: string, folder: string, typed: Model, score: Score): void {
  typed.mainGraph.outputs.forEach((id, index) => {
    const { type } = typed.value(id);
    const file = `${folder}/test_data_set_0/output_${index}.pb`;
    if (type?.kind !== 'tensor' || type.dims === undefined || !existsSync(file)) return;
    const real = fromBinary(TensorProtoSchema, readFileSync(file)).dims.map(Number);
    score.outputs++;
    const fits =
      real.length === type.dims.length &&
      type.dims.every((dim, axis) => typeof dim !== 'number' || dim === real[axis]);
    if (!fits)
      score.contradictions.push(`${name}: output ${index} is [${real}], not [${type.dims.join(', ')}]`);
  });
}
