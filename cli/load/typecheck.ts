// Type-checks a module with the compiler that builds us, so that its errors are the ones our types were
// designed to give.

import path from 'node:path';
import { ts } from '@ts-morph/common';
import { type Diagnostic, diagnostic } from '../../ir/index.ts';
import { excerpt } from './bundle.ts';
import { authoredFiles, nodeTypesFor, openSources } from './sources.ts';

/** Enough to see what is wrong; the rest is often its consequence. */
const MAX_SHOWN = 20;

/** Type errors of a module and of what it imports, our own package and node_modules excepted. */
export function typecheck(entry: string): readonly Diagnostic[] {
  const folder = path.dirname(entry);
  // Node's types are three times as much to read as all others, and few modules need them: what is right without
  // them is right with them.
  const errors = errorsOf(openSources(entry, { nodeTypes: false }));
  if (errors.length === 0 || nodeTypesFor(folder) === undefined) return problems(errors, folder);
  return problems(errorsOf(openSources(entry, { nodeTypes: true })), folder);
}

/** The same of sources that are open already. */
export const typecheckOpened = (program: ts.Program, entry: string): readonly Diagnostic[] =>
  problems(errorsOf(program), path.dirname(entry));

const errorsOf = (program: ts.Program): readonly ts.Diagnostic[] =>
  authoredFiles(program)
    .flatMap((source) => program.getSemanticDiagnostics(source))
    .filter(({ category }) => category === ts.DiagnosticCategory.Error);

const problems = (errors: readonly ts.Diagnostic[], folder: string): readonly Diagnostic[] =>
  errors.slice(0, MAX_SHOWN).map((one) => problem(one, folder));

function problem(one: ts.Diagnostic, folder: string): Diagnostic {
  const reason = usefulLine(one.messageText);
  if (one.file === undefined || one.start === undefined)
    return diagnostic('BB382', { reason, code: one.code });
  const { line, character } = one.file.getLineAndCharacterOfPosition(one.start);
  const file = path.relative(folder, one.file.fileName).split(path.sep).join('/');
  const text = one.file.text.split(/\r?\n/, line + 1)[line] ?? '';
  return diagnostic(
    'BB382',
    { reason, code: one.code },
    { at: { file, line: line + 1, column: character + 1 }, excerpt: excerpt(text, character + 1) },
  );
}

/** What our types say, if they say something; otherwise the first line and the innermost reason for it. */
function usefulLine(message: string | ts.DiagnosticMessageChain): string {
  const lines = flatten(message);
  for (const line of lines) {
    const ours = /ShapeError<\[?"([^"]+)"/.exec(line);
    if (ours !== null) return ours[1]!;
  }
  const [first = '', ...rest] = lines;
  const last = rest.at(-1);
  return last === undefined ? first : `${first} ${last}`;
}

const flatten = (message: string | ts.DiagnosticMessageChain): string[] =>
  typeof message === 'string'
    ? [message]
    : [message.messageText, ...(message.next ?? []).flatMap((next) => flatten(next))];
