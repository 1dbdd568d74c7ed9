#!/usr/bin/env node
// The commands of bbc. Each file in commands/ is one of them.

import { readFileSync } from 'node:fs';
import { check } from './commands/check.ts';
import { compileCommand } from './commands/compile.ts';
import { completionOf } from './commands/completion.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { explain } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { graph } from './commands/graph.ts';
import { infer } from './commands/infer.ts';
import { init } from './commands/init.ts';
import { inspect } from './commands/inspect.ts';
import { lintCommand } from './commands/lint.ts';
import { node } from './commands/node.ts';
import { run } from './commands/run.ts';
import { type CommandSpec, runCli } from './frame.ts';

const commands: readonly CommandSpec[] = [
  init,
  compileCommand,
  graph,
  check,
  lintCommand,
  infer,
  inspect,
  explain,
  exportCommand,
  conformanceCommand,
  run,
  node,
  completionOf(() => commands),
];

// dist/cli/main.js → package.json
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// A reader that went away (`bbc inspect | head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const status = await runCli(commands, process.argv.slice(2), process, version);
// Leave even if a worker still holds the loop open, but not before everything is written.
process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
