// Type-checks a module with the compiler that builds us, so that its errors are the ones our types were
// designed to give.

import path from 'node:path';
import { type Project, ts } from 'ts-morph';
import { type Diagnostic, diagnostic } from '../../ir/index.ts';
import { excerpt } from './bundle.ts';
import { authoredFiles } from './sources.ts';

/** Enough to see what is wrong; the rest is often its consequence. */
const MAX_SHOWN = 20;

/** Type errors of a module and of what it imports, our own package and node_modules excepted. */
export function typecheck(project: Project, folder: string): readonly Diagnostic[] {
  const program = project.getProgram().compilerObject;
  const problems: Diagnostic[] = [];
  for (const source of authoredFiles(project)) {
    for (const one of program.getSemanticDiagnostics(source)) {
      if (one.category === ts.DiagnosticCategory.Error) problems.push(problem(one, folder));
    }
  }
  return problems.slice(0, MAX_SHOWN);
}

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
