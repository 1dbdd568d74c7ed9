// The author's sources as TypeScript's compiler sees them: a module's file and what it imports. Opened once, for
// the type check and for lint.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Project, ts } from 'ts-morph';
import { packageRoot } from './package.ts';

/** The compiler with our types and, where the author has them, Node's; no file yet. */
export function openProject(folder: string): Project {
  return new Project({
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
}

/** A module's file with everything that it imports. */
export function openSources(file: string): Project {
  const project = openProject(path.dirname(file));
  project.addSourceFileAtPath(file);
  project.resolveSourceFileDependencies();
  return project;
}

/** What the author wrote: our own package, node_modules and declarations excepted. */
export const authoredFiles = (project: Project): readonly ts.SourceFile[] =>
  project
    .getSourceFiles()
    .filter((one) => !one.isDeclarationFile() && !one.isInNodeModules() && !isOurs(one.getFilePath()))
    .map((one) => one.compilerNode);

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
