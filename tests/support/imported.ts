// Models as TypeScript modules: written, recorded and compared as `bbc import` does, and type-checked many at a time.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ts } from '@ts-morph/common';
import { importFile } from '../../cli/import/file.ts';
import { openSources } from '../../cli/load/sources.ts';
import { DiagnosticError } from '../../ir/index.ts';

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
