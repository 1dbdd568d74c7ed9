// What `bbc infer` shows: the main graph's values with their types, as a table and as ONNX names them.

import { chainTopology, compile, passes } from '../compiler/index.ts';
import {
  type Diagnostic,
  type Dim,
  formatType,
  type Model,
  onnxNameOf,
  type Value,
  type ValueType,
} from '../ir/index.ts';
import type { Cell } from './output.ts';

/** Runs the passes up to types. With errors the model is as far as they got, so that what is known can be shown. */
export function inferLoaded(model: Model): {
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
} {
  const upToTypes = passes.slice(0, passes.findIndex((pass) => pass.gives === 'typed') + 1);
  // Types do not depend on peers; any topology will do.
  const { compilation, diagnostics } = compile(model, { topology: chainTopology(1), passes: upToTypes });
  return { model: compilation.model, diagnostics };
}

/** Inputs and results of the main graph, in order of their making; weights left out. */
function shownValues(model: Model): Value[] {
  const graph = model.mainGraph;
  const inputs = graph.inputs.filter((id) => model.value(id).weight === undefined);
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
export function answersOf(model: Model): {
  readonly tensors: Readonly<Record<string, Answer>>;
  readonly unknown: readonly string[];
} {
  const values = shownValues(model);
  const typed = values.flatMap(({ name, type }): [string, Answer][] =>
    type ? [[name, answerOf(type)]] : [],
  );
  const unknown = values.filter(({ type }) => type === undefined).map(({ name }) => name);
  // Not an object literal: a value may be called `__proto__`.
  return { tensors: Object.fromEntries(typed), unknown };
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
