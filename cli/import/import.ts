// A model as the source of a module that records the same graph.

import { inferModel } from '../../compiler/infer/infer.ts';
import { namedTensors } from '../../dsl/weights.ts';
import {
  type Diagnostic,
  DiagnosticError,
  diagnostic,
  formatType,
  hasErrors,
  type Model,
  sortModel,
} from '../../ir/index.ts';
import { convertModel } from '../../ir/versions/index.ts';
import { withoutFunctions } from './inline.ts';
import { withoutLegacy } from './legacy.ts';
import { refuse } from './refusal.ts';
import { sourceOf } from './source.ts';

/** The lowest opset in which modules are recorded. */
const LOWEST_OPSET = 21;

export interface ImportedSource {
  readonly text: string;
  /** The model as the module records it: in an opset that modules have, sorted, typed. */
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ImportSourceOptions {
  readonly name: string;
  /** The model's file as the module's source shall name it. */
  readonly weights?: string;
}

/** Throws DiagnosticError for what cannot be written as TypeScript. */
export function importSource(model: Model, options: ImportSourceOptions): ImportedSource {
  try {
    return write(model, options);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    const at = { file: model.header.file };
    throw new DiagnosticError(error.diagnostics.map((one) => ({ at, ...one })));
  }
}

function write(model: Model, options: ImportSourceOptions): ImportedSource {
  const tensors = namedTensors(model);
  refuseWhole(model);
  const typed = (one: Model): Model => inferModel(one).model;
  const sorted = withoutLegacy(sortModel(model).model, typed);
  const opset = Math.max(LOWEST_OPSET, sorted.header.opsets.get('') ?? 0);
  const converted = convertModel(sorted, opset, { infer: typed });
  if (converted.model === undefined || hasErrors(converted.diagnostics))
    throw new DiagnosticError(converted.diagnostics);
  const prepared = typed(withoutFunctions(converted.model));
  const text = sourceOf(prepared, { ...options, tensors });
  return { text, model: prepared, diagnostics: [...defaults(model), ...converted.diagnostics] };
}

/** Since IR 4 an initializer need not be an input: one that is can be overridden by callers. */
const defaults = (model: Model): Diagnostic[] =>
  model.header.irVersion < 4
    ? []
    : model.mainGraph.inputs
        .map((id) => model.value(id))
        .filter(({ weight }) => weight !== undefined)
        .map(({ name }) => diagnostic('BB390', { input: name }, { at: { file: model.header.file } }));

/** What is in the way whatever the graph does. */
function refuseWhole(model: Model): void {
  const foreign = new Map<string, number>();
  for (const op of model.allOps()) {
    const { domain, type } = op;
    if (domain !== '' && model.functionOf(op) === undefined)
      foreign.set(`${domain}.${type}`, (foreign.get(`${domain}.${type}`) ?? 0) + 1);
  }
  for (const [op, count] of foreign) refuse('BB386', { op, count }, { file: model.header.file });
  for (const graph of model.graphs) {
    for (const id of graph.initializers) {
      const { weight, name, type } = model.value(id);
      if (weight === undefined) refuse('BB388', { value: name, type: formatType(type) });
    }
  }
}
