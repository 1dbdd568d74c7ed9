// `--input x=float32[2,3]`: another type for an input of the model.

import {
  type Diagnostic,
  type Dim,
  type DType,
  diagnostic,
  dtypeOfOnnxName,
  isDType,
  type Model,
  type ValueType,
} from '../../ir/index.ts';
import { UsageError } from '../context.ts';

export interface Override {
  readonly name: string;
  readonly type: ValueType;
}

const FORM = /^(\w*)\s*(?:\[(.*)\])?$/s;

/** Throws UsageError for what is no NAME=TYPE. A name may hold `=`, a type may not. */
export function readOverride(text: string): Override {
  const at = text.lastIndexOf('=');
  const type = at < 1 ? undefined : readType(text.slice(at + 1).trim());
  if (type === undefined)
    throw new UsageError(
      `--input ${text} is no NAME=TYPE; a type is written float32[2,3], float32[N,?], seq(int64[2]) or [2,3]`,
    );
  return { name: text.slice(0, at), type };
}

function readType(text: string): ValueType | undefined {
  const container = /^(seq|optional)\((.*)\)$/s.exec(text);
  if (container !== null) {
    const elem = readType(container[2]!);
    return elem && { kind: container[1] === 'seq' ? 'sequence' : 'optional', elem };
  }
  const match = FORM.exec(text);
  if (match === null || text === '') return undefined;
  const [, name = '', list] = match;
  const dtype = readDType(name);
  if (name !== '' && dtype === undefined) return undefined;
  if (list === undefined) return { kind: 'tensor', dtype, dims: undefined };
  const dims = list.trim() === '' ? [] : list.split(',').map((dim) => readDim(dim.trim()));
  return dims.every((dim) => dim !== undefined) ? { kind: 'tensor', dtype, dims } : undefined;
}

const readDType = (name: string): DType | undefined => (isDType(name) ? name : dtypeOfOnnxName(name));

function readDim(text: string): Dim | undefined {
  if (text === '?') return null;
  if (/^\d+$/.test(text)) return Number(text);
  return /^[A-Za-z_][^\s]*$/.test(text) ? text : undefined;
}

/** The model with these types at its inputs; a default of theirs holds no more. */
export function overridden(
  model: Model,
  overrides: readonly Override[],
): { readonly model?: Model; readonly diagnostics: readonly Diagnostic[] } {
  if (overrides.length === 0) return { model, diagnostics: [] };
  const inputs = model.mainGraph.inputs.map((id) => model.value(id));
  const diagnostics: Diagnostic[] = [];
  const editor = model.edit();
  const replaced = new Set<number>();
  for (const { name, type } of overrides) {
    const input = inputs.find((one) => one.name === name);
    if (input === undefined) {
      const context = { value: name, at: { file: model.header.file } };
      diagnostics.push(diagnostic('BB822', { name, known: inputs.map((one) => one.name) }, context));
      continue;
    }
    const known = input.type?.kind === 'tensor' ? input.type.dtype : undefined;
    const whole = type.kind === 'tensor' && type.dtype === undefined ? { ...type, dtype: known } : type;
    editor.setValue(input.id, { type: whole, weight: undefined });
    replaced.add(input.id);
  }
  const initializers = model.mainGraph.initializers.filter((id) => !replaced.has(id));
  editor.setGraph(model.main, { initializers });
  return diagnostics.length > 0 ? { diagnostics } : { model: editor.finish(), diagnostics };
}
