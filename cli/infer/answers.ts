// What `bbc infer` shows: the main graph's values with their types, as a table and as ONNX names them.

import {
  type Diagnostic,
  type Dim,
  formatType,
  hasErrors,
  type Model,
  onnxNameOf,
  type Value,
  type ValueType,
} from '../../ir/index.ts';
import { type Cell, jsonDiagnostic } from '../output.ts';

/** Inputs and results of the main graph, in order of their making; constants left out. */
function shownValues(model: Model): Value[] {
  const { inputs } = model.mainGraph;
  const made = [...model.opsOf()].flatMap((op) => op.outputs.filter((id) => id > 0));
  return [...inputs, ...made].map((id) => model.value(id));
}

export function typeRows(model: Model): Cell[][] {
  return shownValues(model).map((value) => {
    const maker = value.def.kind === 'op' ? model.op(value.def.op).type : 'input';
    return [value.name, formatType(value.type), maker];
  });
}

/** A type as ONNX's tools write it: element types by their ONNX names, null where not known. */
export type Answer =
  | { readonly elem_type: string | null; readonly dims: readonly Dim[] | null }
  | { readonly sparse: { readonly elem_type: string | null; readonly dims: readonly Dim[] | null } }
  | { readonly sequence: Answer | null }
  | { readonly optional: Answer | null }
  | { readonly map: { readonly key: string | null; readonly value: Answer | null } }
  | { readonly opaque: string };

/** The document of `--json`; `unknown` are the values of which nothing is known. */
export interface Answers {
  readonly tensors: Readonly<Record<string, Answer>>;
  readonly unknown: readonly string[];
  readonly ok: boolean;
  readonly diagnostics: readonly unknown[];
}

/** Of a model, if there is one, and what is wrong with it. */
export function answersOf(model: Model | undefined, problems: readonly Diagnostic[]): Answers {
  const values = model === undefined ? [] : shownValues(model);
  const typed = values.flatMap(({ name, type }): [string, Answer][] =>
    type ? [[name, answerOf(type)]] : [],
  );
  return {
    // Not an object literal: a value may be called `__proto__`.
    tensors: Object.fromEntries(typed),
    unknown: values.filter(({ type }) => type === undefined).map(({ name }) => name),
    ok: !hasErrors(problems),
    diagnostics: problems.map(jsonDiagnostic),
  };
}

function answerOf(type: ValueType): Answer {
  const inner = (one: ValueType | undefined): Answer | null => (one === undefined ? null : answerOf(one));
  switch (type.kind) {
    case 'tensor':
      return { elem_type: type.dtype ? onnxNameOf(type.dtype) : null, dims: type.dims ?? null };
    case 'sparse':
      return { sparse: { elem_type: type.dtype ? onnxNameOf(type.dtype) : null, dims: type.dims ?? null } };
    case 'sequence':
      return { sequence: inner(type.elem) };
    case 'optional':
      return { optional: inner(type.elem) };
    case 'map':
      return { map: { key: type.key ? onnxNameOf(type.key) : null, value: inner(type.value) } };
    case 'opaque':
      return { opaque: `${type.domain}.${type.name}` };
  }
}
