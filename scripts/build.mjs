// Builds dist/ with the TypeScript compiler that ts-morph carries, so that the compiler which checks a
// user's model.ts is the one that checks us. `--check` type-checks everything (tests and examples too) and builds
// nothing; `--unchecked` builds what such a check has found right.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Project } from 'ts-morph';

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const check = process.argv.includes('--check');
const unchecked = process.argv.includes('--unchecked');

// The graph page's script runs in browsers: it has a configuration of its own.
const projects = [check ? 'tsconfig.check.json' : 'tsconfig.json', 'tsconfig.page.json'].map(
  // Emitting checks all types once more, unless told not to.
  (tsConfigFilePath) =>
    new Project({ tsConfigFilePath, compilerOptions: unchecked ? { noCheck: true } : {} }),
);
const diagnostics = unchecked ? [] : projects.flatMap((project) => project.getPreEmitDiagnostics());
if (diagnostics.length > 0) {
  process.stderr.write(
    process.stderr.isTTY
      ? projects[0].formatDiagnosticsWithColorAndContext(diagnostics)
      : diagnostics.map((one) => format(one)).join('\n'),
  );
  process.stderr.write(`\n${diagnostics.length} type errors\n`);
  process.exit(1);
}

if (!check) {
  // Stale output of a deleted source file must not survive, or an import of it would still work.
  rmSync('dist', { recursive: true, force: true });
  for (const project of projects) await project.emit();
  cpSync('cli/graph/page/style.css', 'dist/cli/graph/page/style.css');
  chmodSync('dist/cli/main.js', 0o755);
  cpSync('cli/init/templates', 'dist/cli/init/templates', { recursive: true });
  cpSync('cli/explain/codes', 'dist/cli/explain/codes', { recursive: true });
  mkdirSync('dist/schemas', { recursive: true });
  for (const folder of ['compiler/schemas', 'ir/schemas']) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder)) cpSync(path.join(folder, file), path.join('dist/schemas', file));
  }
}

function format(one) {
  const file = one.getSourceFile()?.getFilePath();
  const place = file === undefined ? '' : `${path.relative('.', file)}:${one.getLineNumber()}: `;
  const flatten = (text) =>
    typeof text === 'string'
      ? text
      : [text.getMessageText(), ...(text.getNext() ?? []).map((next) => `  ${flatten(next)}`)].join('\n');
  return `${place}TS${one.getCode()}: ${flatten(one.getMessageText())}`;
}
