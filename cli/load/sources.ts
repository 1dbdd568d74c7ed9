// The author's sources as TypeScript's compiler sees them: a module's file and what it imports. Opened once, for
// the type check and for lint. The compiler is used directly, and not through a ts-morph project, which would parse
// every comment of every declaration: half of the time of a small module.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { getLibFiles, ts } from '@ts-morph/common';
import { packageRoot } from './package.ts';

export interface SourcesOptions {
  /** Node's types too, where the author has them. */
  readonly nodeTypes: boolean;
  /** Files that are not on the disk, or another text of those that are. */
  readonly overlay?: ReadonlyMap<string, string>;
}

/** Files of one folder with everything that they import. */
export function openSources(
  files: string | readonly string[],
  { nodeTypes, overlay }: SourcesOptions,
): ts.Program {
  const rootNames = typeof files === 'string' ? [files] : files;
  const folder = path.dirname(rootNames[0] ?? '.');
  const types = nodeTypes ? nodeTypesFor(folder) : undefined;
  return ts.createProgram({
    rootNames,
    host: hostFor(folder, overlay),
    options: {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: types === undefined ? [] : ['node'],
      typeRoots: types === undefined ? [] : [types],
      paths: ownPaths(),
    },
  });
}

/** What the author wrote: our own package, node_modules and declarations excepted. */
export const authoredFiles = (program: ts.Program): readonly ts.SourceFile[] =>
  program.getSourceFiles().filter((one) => !one.isDeclarationFile && isAuthored(one.fileName));

const isAuthored = (file: string): boolean => !file.includes('/node_modules/') && !isOurs(file);

// The examples lie in our own package and are still the author's.
const isOurs = (file: string): boolean => {
  const relative = path.relative(packageRoot, file);
  return !relative.startsWith('..') && /^(ir|dsl|compiler|runtime|stdlib|cli|dist)\//.test(relative);
};

/** The folder of `@types` from which Node's types come, if the author has them: a module may read files. */
export function nodeTypesFor(folder: string): string | undefined {
  for (let at = folder; ; at = path.dirname(at)) {
    const types = path.join(at, 'node_modules', '@types');
    if (existsSync(path.join(types, 'node'))) return types;
    if (path.dirname(at) === at) return undefined;
  }
}

const LIB_FOLDER = '/lib';
/** TypeScript's own declarations, by name; they lie in its bundle. */
let libs: ReadonlyMap<string, string> | undefined;
const libText = (file: string): string | undefined => {
  libs ??= new Map(getLibFiles().map(({ fileName, text }) => [`${LIB_FOLDER}/${fileName}`, text]));
  return libs.get(file);
};

/** Parsed files that are not the author's, and so are the same for every module that this process opens. */
const parsed = new Map<string, ts.SourceFile>();

function hostFor(folder: string, overlay: ReadonlyMap<string, string> = new Map()): ts.CompilerHost {
  const read = (file: string): string | undefined =>
    overlay.get(file) ?? libText(file) ?? ts.sys.readFile(file);
  return {
    // Nobody reads the comments of declarations, and types are not in them.
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
    getSourceFile(file, options) {
      const kept = parsed.get(file);
      if (kept !== undefined) return kept;
      const text = read(file);
      if (text === undefined) return undefined;
      const authored = isAuthored(file) && libText(file) === undefined;
      const source = ts.createSourceFile(file, text, options, authored);
      if (!authored) parsed.set(file, source);
      return source;
    },
    readFile: read,
    fileExists: (file) => overlay.has(file) || libText(file) !== undefined || ts.sys.fileExists(file),
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    ...(ts.sys.realpath && { realpath: ts.sys.realpath }),
    getCurrentDirectory: () => folder,
    getDefaultLibLocation: () => LIB_FOLDER,
    getDefaultLibFileName: (options) => `${LIB_FOLDER}/${ts.getDefaultLibFileName(options)}`,
    getCanonicalFileName: (file) => file,
    useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
    getNewLine: () => '\n',
    writeFile: () => {},
  };
}

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
