// Builds dist/ with the TypeScript compiler that ts-morph carries, so that the compiler which checks a
// user's model.ts is the one that checks us. `--check` type-checks everything (tests and examples too).
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ts } from 'ts-morph';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const check = process.argv.includes('--check');
const configFile = check ? 'tsconfig.check.json' : 'tsconfig.json';

const config = ts.getParsedCommandLineOfConfigFile(configFile, check ? { noEmit: true } : {}, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
  },
});

// Stale output of a deleted source file must not survive, or an import of it would still work.
if (!check) rmSync('dist', { recursive: true, force: true });

const program = ts.createProgram(config.fileNames, config.options);
const diagnostics = [...config.errors, ...ts.getPreEmitDiagnostics(program)];
if (diagnostics.length === 0 && !check) diagnostics.push(...program.emit().diagnostics);

if (diagnostics.length > 0) {
  const host = {
    getCurrentDirectory: () => root,
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  };
  const format = process.stderr.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  process.stderr.write(format(diagnostics, host));
  process.exit(1);
}

if (!check) {
  chmodSync('dist/cli/main.js', 0o755);
  mkdirSync('dist/schemas', { recursive: true });
  for (const folder of ['compiler/schemas', 'ir/schemas']) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder)) cpSync(path.join(folder, file), path.join('dist/schemas', file));
  }
}
