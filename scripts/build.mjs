// Builds dist/: JavaScript by esbuild, declarations by the TypeScript that checks a user's model.ts. `--check`
// type-checks everything, tests and examples too; `--js` leaves the declarations as they were. What TypeScript found is
// kept in .cache/build for the next time.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { getLibFiles, ts } from '@ts-morph/common';
import { build as bundle, transform } from 'esbuild';

/** Packages that come with ours as one file each: as hundreds they take longer to load than what they do. */
const bundled = { chevrotain: ['chevrotain/LICENSE.txt', 'lodash-es/LICENSE'] };

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const cache = path.resolve('.cache/build');
const declarations = path.join(cache, 'declarations');
mkdirSync(cache, { recursive: true });

if (process.argv.includes('--check')) {
  // The graph page's script runs in browsers: it has a configuration of its own.
  report(
    ['tsconfig.check.json', 'tsconfig.page.json'].flatMap((file) => typeErrors(open(file, { noEmit: true }))),
  );
} else {
  await build();
}

async function build() {
  const sources = ['tsconfig.json', 'tsconfig.page.json'].flatMap((file) => configured(file, {}).fileNames);
  // Stale output of a deleted source file must not survive, or an import of it would still work.
  rmSync('dist', { recursive: true, force: true });
  await Promise.all([
    ...sources.map((file) => emitJavaScript(path.relative('.', file))),
    ...Object.entries(bundled).map(([name, licences]) => emitPackage(name, licences)),
  ]);
  emitDeclarations(sources.map((file) => path.relative('.', file)));
  cpSync('cli/graph/page/style.css', 'dist/cli/graph/page/style.css');
  chmodSync('dist/cli/main.js', 0o755);
  cpSync('stdlib/models/python', 'dist/stdlib/models/python', { recursive: true });
  cpSync('cli/init/templates', 'dist/cli/init/templates', { recursive: true });
  cpSync('cli/explain/codes', 'dist/cli/explain/codes', { recursive: true });
  cpSync('cli/bench/digits', 'dist/cli/bench/digits', { recursive: true });
  for (const folder of ['compiler/schemas', 'ir/schemas'])
    cpSync(folder, 'dist/schemas', { recursive: true });
}

async function emitJavaScript(file) {
  const output = path.join('dist', file.replace(/\.ts$/, '.js'));
  const { code, map } = await transform(readFileSync(file, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    sourcefile: path.relative(path.dirname(output), file),
    sourcesContent: false,
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  });
  mkdirSync(path.dirname(output), { recursive: true });
  writeFileSync(
    output,
    `${withDistImports(code, path.dirname(output))}//# sourceMappingURL=${path.basename(output)}.map\n`,
  );
  writeFileSync(`${output}.map`, map);
}

/** Imports name `.ts` files, which is what lies beside them in the tree; in dist it is `.js`. */
function withDistImports(code, folder) {
  return code.replace(/(\b(?:from|import)\b\s*\(?\s*["'])([^"'\n]*)(["'])/g, (whole, before, name, after) => {
    if (name in bundled) return `${before}${path.relative(folder, `dist/packages/${name}.js`)}${after}`;
    return /^\.{1,2}\//.test(name) ? `${before}${name.replace(/\.ts$/, '.js')}${after}` : whole;
  });
}

/** A package as one file, beside the licences of what is in it. */
async function emitPackage(name, licences) {
  const outfile = `dist/packages/${name}.js`;
  await bundle({
    entryPoints: [name],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  });
  for (const one of licences) cpSync(`node_modules/${one}`, `dist/packages/${one.replaceAll('/', '.')}`);
}

/** Only those of changed files are made again, so they are kept apart from dist, which is always new. */
function emitDeclarations(sources) {
  // Types are for --check to check.
  const options = {
    declaration: true,
    emitDeclarationOnly: true,
    noCheck: true,
    sourceMap: false,
    outDir: declarations,
  };
  if (!existsSync(declarations)) rmSync(infoFile('tsconfig.json'), { force: true });
  if (!process.argv.includes('--js') || !existsSync(declarations)) open('tsconfig.json', options).emit();
  const current = new Set(sources.map((file) => file.replace(/\.ts$/, '.d.ts')));
  cpSync(declarations, 'dist', {
    recursive: true,
    filter: (from) => statSync(from).isDirectory() || current.has(path.relative(declarations, from)),
  });
}

function infoFile(config) {
  return path.join(
    cache,
    `${path.basename(config, '.json')}.${process.argv.includes('--check') ? 'check' : 'emit'}.tsbuildinfo`,
  );
}

function configured(config, options) {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (problem) => report([problem]) };
  return ts.getParsedCommandLineOfConfigFile(config, options, host);
}

function open(config, options) {
  const parsed = configured(config, { ...options, incremental: true, tsBuildInfoFile: infoFile(config) });
  const host = ts.createIncrementalCompilerHost(parsed.options);
  const folder = libFolder();
  host.getDefaultLibLocation = () => folder;
  host.getDefaultLibFileName = (target) => path.join(folder, ts.getDefaultLibFileName(target));
  return ts.createIncrementalProgram({ rootNames: parsed.fileNames, options: parsed.options, host });
}

/** TypeScript's own declarations lie in its bundle; what is incremental wants them as files. */
function libFolder() {
  const folder = path.join(cache, `lib-${ts.version}`);
  if (!existsSync(folder)) {
    mkdirSync(folder);
    for (const { fileName, text } of getLibFiles()) writeFileSync(path.join(folder, fileName), text);
  }
  return folder;
}

function typeErrors(program) {
  const problems = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getSyntacticDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...program.getSemanticDiagnostics(),
  ];
  program.emit();
  return problems;
}

function report(problems) {
  if (problems.length === 0) return;
  const host = {
    getCurrentDirectory: () => process.cwd(),
    getCanonicalFileName: (file) => file,
    getNewLine: () => '\n',
  };
  process.stderr.write(
    process.stderr.isTTY
      ? ts.formatDiagnosticsWithColorAndContext(problems, host)
      : ts.formatDiagnostics(problems, host),
  );
  process.stderr.write(`\n${problems.length} type errors\n`);
  process.exit(1);
}
