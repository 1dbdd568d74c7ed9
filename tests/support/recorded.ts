// Modules recorded and run in tests, without a file.

import { inferModel } from '../../compiler/infer/infer.ts';
import { type Environment, module, record } from '../../dsl/index.ts';
import {
  DiagnosticError,
  exportModel,
  isTensor,
  type Model,
  memorySource,
  readRange,
  type Tensor,
} from '../../ir/index.ts';
import type { Engine } from './converted.ts';

const environment = (files: Readonly<Record<string, Uint8Array>>): Environment => ({
  file: 'model.ts',
  open: (path) => memorySource(path, files[path]!),
  locate: () => undefined,
  infer: (model) => inferModel(model).model,
});

/** What a body records. */
export const recordedOf = (body: () => void, files: Readonly<Record<string, Uint8Array>> = {}): Model =>
  record(module('test', body), environment(files)).model;

/** The text of the diagnostic with which recording a body fails. */
export function refusalOf(body: () => unknown, files: Readonly<Record<string, Uint8Array>> = {}): string {
  try {
    recordedOf(body as () => void, files);
  } catch (error) {
    if (error instanceof DiagnosticError)
      return error.diagnostics.map((one) => `${one.code}: ${one.message}`).join('\n');
    throw error;
  }
  return 'none';
}

/** A model's file. */
export const bytesOfModel = (model: Model): Uint8Array =>
  Buffer.concat(
    exportModel(model).pieces.map((piece) => (piece instanceof Uint8Array ? piece : readRange(piece))),
  );

/** The tensors that a model gives. */
export async function outputsOf(
  engine: Engine,
  model: Model,
  inputs: Readonly<Record<string, Tensor>> = {},
): Promise<Readonly<Record<string, Tensor>>> {
  const results = await engine(model, new Map(Object.entries(inputs)));
  return Object.fromEntries([...results].filter((entry): entry is [string, Tensor] => isTensor(entry[1])));
}
