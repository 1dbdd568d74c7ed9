// Records the source of a module that no file holds yet, to see whether it is the model it was written for.

import path from 'node:path';
import { transform } from 'esbuild';
import { isModule, record } from '../../dsl/index.ts';
import { DiagnosticError, type Model } from '../../ir/index.ts';
import { fileSource } from '../../runtime/host/node-source.ts';
import { evaluate } from '../load/evaluate.ts';
import { readProblem } from '../load/files.ts';

/** The model that `text`, as the content of `file`, records. Throws what the module throws. */
export async function recordSource(text: string, file: string): Promise<Model> {
  const { code } = await transform(text, { loader: 'ts', format: 'cjs', target: 'node20' });
  const module = evaluate({ code, folder: path.dirname(file), locate: () => undefined }, path.resolve(file));
  if (!isModule(module)) throw new Error('the source exports no module');
  const open = (name: string): ReturnType<typeof fileSource> => {
    try {
      return fileSource(path.resolve(path.dirname(file), name), name);
    } catch (error) {
      throw new DiagnosticError(readProblem(name, error));
    }
  };
  return record(module, { file: path.basename(file), open, locate: () => undefined }).model;
}
