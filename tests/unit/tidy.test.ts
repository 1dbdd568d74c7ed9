// Style that a machine can hold: who may import whom, what the core must not call, what no file may contain.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
/** Tracked files and new ones, ignored ones not: what a commit would hold. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const isSource = (file: string): boolean => /\.(ts|mjs)$/.test(file);
const layerOf = (file: string): string => file.split('/')[0]!;
const sources = files.filter(isSource);

/** Lines of a file without comments; strings stay. Rough, and enough: a banned call in a string is as suspicious. */
const codeLines = (file: string): string[] =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n')
    .map((line) => line.replace(/(^|\s)\/\/.*$/, ''));

/** `file:line: what`, for every line of the files that matches. */
function offences(within: readonly string[], pattern: RegExp, advice: string): string[] {
  return within.flatMap((file) =>
    codeLines(file).flatMap((line, index) => {
      const match = pattern.exec(line);
      return match === null ? [] : [`${file}:${index + 1}: ${match[0].trim()} — ${advice}`];
    }),
  );
}

const imports = /(?:from|import\(|import)\s*['"]([^'"]+)['"]/g;
const importsOf = (file: string): string[] =>
  [...codeLines(file).join('\n').matchAll(imports)].map((match) => match[1]!);

const mayImport: Record<string, readonly string[]> = {
  ir: ['ir'],
  dsl: ['ir', 'dsl'],
  compiler: ['ir', 'compiler'],
  runtime: ['ir', 'runtime'],
  stdlib: ['ir', 'dsl', 'runtime', 'stdlib'],
  cli: ['ir', 'dsl', 'compiler', 'runtime', 'stdlib', 'cli'],
};

test('layers import only the layers below them', () => {
  const wrong = sources.flatMap((file) => {
    const allowed = mayImport[layerOf(file)];
    if (allowed === undefined) return [];
    return importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => path.posix.join(path.posix.dirname(file), name))
      .filter((target) => !allowed.includes(layerOf(target)))
      .map(
        (target) =>
          `${file} imports ${target} — ${layerOf(file)} may import ${allowed.join(', ')}: move what both need to ir/, or let cli/ join them`,
      );
  });
  expect(wrong).toEqual([]);
});

test('examples use the public subpaths only', () => {
  const wrong = sources
    .filter((file) => layerOf(file) === 'examples')
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .filter((name) => layerOf(path.posix.join(path.posix.dirname(file), name)) !== 'examples')
        .map((name) => `${file} imports ${name} — import from 'bytesandbrains' or one of its subpaths`),
    );
  expect(wrong).toEqual([]);
});

/** Where the outside world is allowed: clocks, timers, files, processes. */
const isEdge = (file: string): boolean =>
  /^(runtime\/host|cli|stdlib\/backends|stdlib\/(?:data|models)\/node|scripts|tests|bench|examples)\//.test(
    file,
  ) || !file.includes('/');
const core = sources.filter((file) => !isEdge(file));

test('the core imports no module of Node', () => {
  expect(
    offences(core, /from 'node:[^']+'|import\('node:[^']+'\)/, 'take bytes, sinks and time from the caller'),
  ).toEqual([]);
});

test('the core has no clock, no chance, no timer', () => {
  expect(
    offences(
      core,
      /\b(Date\.now|new Date\(|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|crypto\.getRandomValues)\b/,
      'these are inputs of the core: take `now` or entropy as an argument, or move the code to runtime/host',
    ),
  ).toEqual([]);
});

test('imports of our own files say .ts', () => {
  const wrong = sources
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.') && !/\.(ts|json)$/.test(name) && !name.includes('/dist/'))
        .map((name) => `${file} imports ${name} — name the source file; the build rewrites it`),
    );
  expect(wrong).toEqual([]);
});

test('no test is skipped or left alone', () => {
  const tests = sources.filter((file) => /\.test\.ts$/.test(file) && !file.endsWith('tidy.test.ts'));
  expect(
    offences(
      tests,
      /\b(test|it|describe)\.(skip|only|todo)\b/,
      'fix it, delete it, or run a smaller fixture; `runIf` or `skipIf` with a stated condition for full sets',
    ),
  ).toEqual([]);
});

const isText = (file: string): boolean => /\.(ts|mjs|json|md|yaml|yml|txt)$|^\.ci\/run$|^\.npmrc$/.test(file);

test('no file names a path of one machine or a registry', () => {
  const wrong = files
    .filter((file) => isText(file) && !file.endsWith('tidy.test.ts') && !file.startsWith('tests/fixtures/'))
    .flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => {
          const match = /\/(?:home|Users|root|work)\/[a-z]|["']\/tmp\/|https?:\/\/registry\./i.exec(line);
          if (match === null) return [];
          return [
            `${file}:${index + 1}: ${match[0]} — paths are relative to the project, registries are npm's business`,
          ];
        }),
    );
  expect(wrong).toEqual([]);
});

test('generated files say so at their beginning', () => {
  const wrong = sources
    .filter((file) => file.includes('/generated/'))
    .filter((file) => !/generated/i.test(read(file).split('\n', 3).join('\n')))
    .map((file) => `${file} — let its generator write "// Generated by …" on line 1`);
  expect(wrong).toEqual([]);
});

test('no hand-written source file is much longer than 500 lines', () => {
  const wrong = sources
    .filter((file) => !file.includes('/generated/') && !file.startsWith('tests/'))
    .map((file) => [file, read(file).split('\n').length - 1] as const)
    .filter(([, lines]) => lines > 550)
    .map(([file, lines]) => `${file}: ${lines} lines — it answers two questions: split it by question`);
  expect(wrong).toEqual([]);
});

test('the lock file holds every optional package, those of other platforms too', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const wrong = Object.entries(packages).flatMap(([name, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter(
        (dependency) => !Object.keys(packages).some((key) => key.endsWith(`node_modules/${dependency}`)),
      )
      .map((dependency) => `${name} → ${dependency} — npm ci refuses such a lock file: restore its entry`),
  );
  expect(wrong).toEqual([]);
});
