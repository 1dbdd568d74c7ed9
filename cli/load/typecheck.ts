// Type-checks a module with the compiler that builds us, so that its errors are the ones our types were
// designed to give.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Project, ts } from 'ts-morph';
import { type Diagnostic, diagnostic } from '../../ir/index.ts';
import { excerpt } from './bundle.ts';
import { packageRoot } from './package.ts';

/** Enough to see what is wrong; the rest is often its consequence. */
const MAX_SHOWN = 20;

/** Type errors of a module and of what it imports, our own package and node_modules excepted. */
export function typecheck(file: string, folder: string): readonly Diagnostic[] {
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      // Node's types where the author has them: a module may read files while recording.
      types: typeRoots(folder).length > 0 ? ['node'] : [],
      typeRoots: typeRoots(folder),
      paths: ownPaths(),
    },
  });
  project.addSourceFileAtPath(file);
  project.resolveSourceFileDependencies();
  const problems: Diagnostic[] = [];
  for (const source of project.getSourceFiles()) {
    const from = source.getFilePath();
    if (source.isDeclarationFile() || source.isInNodeModules() || isOurs(from)) continue;
    for (const one of project.getProgram().compilerObject.getSemanticDiagnostics(source.compilerNode)) {
      if (one.category === ts.DiagnosticCategory.Error) problems.push(problem(one, folder));
    }
  }
  return problems.slice(0, MAX_SHOWN);
}

const typeRoots = (folder: string): string[] => {
  for (let at = folder; ; at = path.dirname(at)) {
    const types = path.join(at, 'node_modules', '@types');
    if (existsSync(path.join(types, 'node'))) return [types];
    if (path.dirname(at) === at) return [];
  }
};

// The examples lie in our own package and are still the author's.
const isOurs = (file: string): boolean => {
  const relative = path.relative(packageRoot, file);
  return !relative.startsWith('..') && /^(ir|dsl|compiler|runtime|stdlib|cli|dist)\//.test(relative);
};

/** Our subpath exports as TypeScript's `paths`: types from dist, or from the sources when run from them. */
function ownPaths(): Record<string, string[]> {
  const { exports } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
    exports: Record<string, { types?: string }>;
  };
  const paths: Record<string, string[]> = {};
  for (const [subpath, { types }] of Object.entries(exports)) {
    if (types === undefined) continue;
    const target = import.meta.url.endsWith('.ts')
      ? types.replace('./dist/', './').replace(/\.d\.ts$/, '.ts')
      : types;
    paths[`bytesandbrains${subpath.slice(1)}`] = [path.join(packageRoot, target)];
  }
  return paths;
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
