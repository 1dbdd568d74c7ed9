// Models as TypeScript modules: written, recorded and compared as `bbc import` does, and type-checked many at a time.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ts } from '@ts-morph/common';
import { importFile } from '../../cli/import/file.ts';
import { importSource } from '../../cli/import/import.ts';
import { recordSource } from '../../cli/import/record.ts';
import { openSources } from '../../cli/load/sources.ts';
import { DiagnosticError, graphDifferences, importModel, memorySource } from '../../ir/index.ts';

/** What becomes of one model: the module's file, or the diagnostics that refuse it. */
export type Imported = { readonly module: string } | { readonly refused: string };

/** Writes the module that records `model`; `bbc import` compares before it writes. */
export async function importInto(folder: string, model: string, name: string): Promise<Imported> {
  const module = path.join(folder, `${name}.ts`);
  try {
    const { text } = await importFile(model, module);
    mkdirSync(folder, { recursive: true });
    writeFileSync(module, text);
    return { module };
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return { refused: error.diagnostics.map((one) => `${one.code} ${one.message}`).join('; ') };
  }
}

/** The source written for a model in ONNX text, and how what it records differs from the model. */
export async function importedText(
  text: string,
): Promise<{ source: string; differences: readonly string[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'import-'));
  try {
    writeFileSync(path.join(folder, 'model.onnxtxt'), text);
    const source = memorySource('model.onnxtxt', new TextEncoder().encode(text));
    const { model, diagnostics } = importModel(source);
    if (model === undefined) throw new DiagnosticError(diagnostics);
    const made = importSource(model, { name: 'model', weights: './model.onnxtxt' });
    const recorded = await recordSource(made.text, path.join(folder, 'model.ts'));
    return { source: made.text, differences: graphDifferences(made.model, recorded) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface TypeChecked {
  /** The first error of each file that has one. */
  readonly errors: readonly string[];
  readonly instantiations: number;
}

/** Type-checks modules in one program. */
export function typeCheck(modules: readonly string[]): TypeChecked {
  const program = openSources(modules, { nodeTypes: false });
  const errors = modules.flatMap((module) => {
    const source = program.getSourceFile(module);
    const [first] = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    if (first === undefined) return [];
    const line = source === undefined ? 0 : source.getLineAndCharacterOfPosition(first.start ?? 0).line + 1;
    return [`${path.basename(module)}:${line}: ${ts.flattenDiagnosticMessageText(first.messageText, ' ')}`];
  });
  return { errors, instantiations: program.getInstantiationCount() };
}
