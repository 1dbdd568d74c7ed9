// From a model's file to the text of a module's file beside or elsewhere; seen to record the same graph.

import path from 'node:path';
import {
  type Diagnostic,
  DiagnosticError,
  diagnostic,
  graphDifferences,
  hasErrors,
  type Model,
} from '../../ir/index.ts';
import { UsageError } from '../context.ts';
import { isModuleFile, loadSource } from '../load.ts';
import { importSource } from './import.ts';
import { recordSource } from './record.ts';

export interface ImportedFile {
  readonly text: string;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was written, in a few words. */
  readonly summary: string;
}

/** Throws UsageError and DiagnosticError; writes nothing. */
export async function importFile(
  file: string,
  output: string,
  name: string = path.basename(file).replace(/\.\w+$/, ''),
): Promise<ImportedFile> {
  if (isModuleFile(file)) throw new UsageError(`${file} is a module already`);
  if (!output.endsWith('.ts')) throw new UsageError(`${output} does not end in .ts`);
  const { model, diagnostics } = await loadSource(file);
  if (model === undefined || hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  const made = importSource(model, { name, weights: relativePath(path.dirname(output), file) });
  await confirm(made.text, output, file, made.model);
  const [ops, lines] = [[...made.model.allOps()].length, made.text.split('\n').length - 1];
  return {
    text: made.text,
    diagnostics: [...diagnostics, ...made.diagnostics],
    summary: `${ops} ops in ${lines} lines, opset ${made.model.header.opsets.get('')}`,
  };
}

/** As an import in TypeScript names a file: from here, with forward slashes. */
function relativePath(folder: string, file: string): string {
  const relative = path.relative(path.resolve(folder), path.resolve(file)).split(path.sep).join('/');
  return relative.startsWith('.') ? relative : `./${relative}`;
}

/** Never silently wrong: what was written has to record what was read. */
async function confirm(text: string, output: string, file: string, model: Model): Promise<void> {
  const differences = await recordSource(text, output).then(
    (recorded) => graphDifferences(model, recorded),
    (error: unknown) => [
      error instanceof DiagnosticError ? error.diagnostics[0]!.message : `it throws ${String(error)}`,
    ],
  );
  if (differences.length === 0) return;
  throw new DiagnosticError(diagnostic('BB389', { file: path.basename(file), differences }));
}
