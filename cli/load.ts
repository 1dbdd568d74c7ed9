// What a user names on the command line, as a model: an .onnx file, or a module in TypeScript.

import { statSync } from 'node:fs';
import path from 'node:path';
import type { ts } from '@ts-morph/common';
import { type ByteSource, type Diagnostic, diagnostic, importModel, type Model } from '../ir/index.ts';
import { fileSource } from '../runtime/host/node-source.ts';
import { externalBeside } from './load/external.ts';
import { readProblem } from './load/files.ts';

export interface LoadOptions {
  /** Type-check modules before recording them; on by default. */
  readonly check?: boolean;
  /** How the file is called in diagnostics and in what is compiled from it; by default its last part. */
  readonly name?: string;
  /** A module's sources, by whoever has opened them already. */
  readonly program?: ts.Program | undefined;
}

export interface Loaded {
  /** Absent if there are errors. */
  readonly model?: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/** Whether a file is taken for a module, by its name. */
export const isModuleFile = (file: string): boolean => /\.[cm]?[jt]s$/.test(file);

/** Loads a model; nothing but our own bugs makes it throw. */
export async function loadSource(file: string, options: LoadOptions = {}): Promise<Loaded> {
  try {
    if (statSync(file).isDirectory())
      return { diagnostics: [diagnostic('BB881', { file }, { at: { file } })] };
  } catch (error) {
    return { diagnostics: [readProblem(file, error)] };
  }
  if (isModuleFile(file)) {
    // Loads the TypeScript compiler: only for modules.
    const { loadModule } = await import('./load/module.ts');
    return loadModule(file, options);
  }
  return loadOnnx(file, options.name ?? path.basename(file));
}

function loadOnnx(file: string, name: string): Loaded {
  let source: ByteSource;
  try {
    source = fileSource(file, name);
  } catch (error) {
    return { diagnostics: [readProblem(file, error)] };
  }
  return importModel(source, { external: externalBeside(file) });
}
