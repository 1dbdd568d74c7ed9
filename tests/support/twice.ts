// Compiles the same source in several ways: from the project, from another directory, and in a copy of the
// project at another path. All must give the same bytes.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** What `bbc compile` wrote, by way of compiling: each file's sha256. `source` and `peers` are relative to the project. */
export function compileEverywhere(source: string, peers: string): Record<string, Record<string, string>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'twice-'));
  try {
    const copy = path.join(folder, 'another', 'path');
    mkdirSync(copy, { recursive: true });
    for (const part of ['dist', 'package.json', 'examples'])
      cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const compile = (project: string, cwd: string, name: string): Record<string, string> => {
      const out = path.join(folder, name);
      const args = [
        'compile',
        path.relative(cwd, path.join(project, source)),
        '-p',
        path.relative(cwd, path.join(project, peers)),
        '-o',
        out,
      ];
      execFileSync(process.execPath, [path.join(project, 'dist/cli/main.js'), ...args], { cwd });
      return hashes(out);
    };
    return {
      'from the project': compile(root, root, 'a'),
      'once more': compile(root, root, 'b'),
      'from another directory': compile(root, folder, 'c'),
      'in a copy at another path': compile(copy, copy, 'd'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hashes(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const file of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const full = path.join(folder, file);
    if (statSync(full).isFile()) found[file] = createHash('sha256').update(readFileSync(full)).digest('hex');
  }
  return found;
}
