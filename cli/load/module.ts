// model.ts to a recorded model: bundle, type-check, evaluate, record.

import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { ts } from '@ts-morph/common';
import { inferModel } from '../../compiler/infer/infer.ts';
import { type Environment, isModule, record } from '../../dsl/index.ts';
import {
  type Diagnostic,
  DiagnosticError,
  diagnostic,
  hasErrors,
  type Model,
  type Position,
} from '../../ir/index.ts';
import { fileSource } from '../../runtime/host/node-source.ts';
import { bundle, excerpt, type Script } from './bundle.ts';
import { evaluate, thrownProblems } from './evaluate.ts';
import { readProblem } from './files.ts';
import { type CallName, namedCalls } from './names.ts';
import { typecheck, typecheckOpened } from './typecheck.ts';

export interface ModuleOptions {
  /** Type-check before recording; on by default. */
  readonly check?: boolean;
  /** The module's sources, by whoever has opened them already. */
  readonly program?: ts.Program | undefined;
}

/** Records the module that a TypeScript file exports; positions are relative to the file's folder. */
export async function loadModule(
  file: string,
  { check = true, program }: ModuleOptions = {},
): Promise<{ model?: Model; diagnostics: readonly Diagnostic[] }> {
  const { script, diagnostics } = await bundle(file);
  if (script === undefined) return { diagnostics };
  const entry = realpathSync(file);
  const name = path.basename(entry);
  if (check) {
    const problems = program === undefined ? typecheck(entry) : typecheckOpened(program, entry);
    if (hasErrors(problems)) return { diagnostics: problems };
  }
  const environment = openEnvironment(script, name);
  try {
    const module = evaluate(script, entry);
    if (!isModule(module)) {
      return { diagnostics: [diagnostic('BB384', { found: describe(module) }, { at: { file: name } })] };
    }
    const recorded = record(module, environment);
    return { ...recorded, diagnostics: recorded.diagnostics.map((one) => withExcerpt(one, script)) };
  } catch (error) {
    const problems = thrownProblems(error, script.locate, name);
    return { diagnostics: problems.map((one) => withExcerpt(one, script)) };
  }
}

const describe = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : value === null
      ? 'null'
      : `${/^[aeiou]/.test(typeof value) ? 'an' : 'a'} ${typeof value}`;

/** What a recording sees of the world: files beside the module, and the author's source. */
function openEnvironment(script: Script, file: string): Environment {
  const names = new Map<string, ReadonlyMap<string, CallName>>();
  const namesIn = (source: string): ReadonlyMap<string, CallName> => {
    let found = names.get(source);
    if (found === undefined) {
      found = namedCalls(source, readFileSync(path.join(script.folder, source), 'utf8'));
      names.set(source, found);
    }
    return found;
  };
  return {
    file,
    infer: (model) => inferModel(model).model,
    open: (name) => {
      try {
        return fileSource(path.resolve(script.folder, name), name);
      } catch (error) {
        throw new DiagnosticError(readProblem(name, error));
      }
    },
    locate: (stack) => {
      const at = script.locate(stack);
      if (at === undefined) return undefined;
      return { at, ...namesIn(at.file).get(`${at.line}:${at.column}`) };
    },
  };
}

/** Adds the author's line with a caret to a diagnostic that only has its position. */
function withExcerpt(one: Diagnostic, script: Script): Diagnostic {
  if (one.excerpt !== undefined || one.at === undefined) return one;
  const line = sourceLine(script.folder, one.at);
  return line === undefined ? one : { ...one, excerpt: excerpt(line, one.at.column ?? 1) };
}

function sourceLine(folder: string, { file, line }: Position): string | undefined {
  if (line === undefined) return undefined;
  try {
    return readFileSync(path.join(folder, file), 'utf8').split(/\r?\n/)[line - 1];
  } catch {
    return undefined; // The position is still right, only the line is not at hand.
  }
}
