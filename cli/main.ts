#!/usr/bin/env node
// bbc, as a process.

import { readFileSync } from 'node:fs';
import { commands } from './commands.ts';
import { runCli } from './frame.ts';

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
