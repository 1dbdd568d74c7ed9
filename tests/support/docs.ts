// The pages in docs/ that show commands, each run in a folder where the package is installed.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withBuiltBbc } from './built-bbc.ts';
import { type PageRun, runPage } from './pages.ts';
import { projectRoot } from './root.ts';

export const docsFolder = path.join(projectRoot, 'docs');

/** Pages with sessions, relative to docs/. */
export const pages = (): string[] =>
  (readdirSync(docsFolder, { recursive: true }) as string[])
    .filter((file) => file.endsWith('.md') && file !== 'diagnostics.md')
    .filter((file) => readFileSync(path.join(docsFolder, file), 'utf8').includes('\n```console\n'))
    .sort();

/** Runs a page with the built `bbc`. */
export async function runDocsPage(file: string): Promise<PageRun & { shown: string }> {
  const shown = readFileSync(path.join(docsFolder, file), 'utf8');
  const folder = mkdtempSync(path.join(tmpdir(), 'docs-'));
  try {
    const bin = path.join(folder, 'node_modules/.bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(path.join(projectRoot, 'dist/cli/main.js'), path.join(bin, 'bbc'));
    for (const name of ['bytesandbrains', '@gutenye'])
      symlinkSync(
        name === 'bytesandbrains' ? projectRoot : path.join(projectRoot, 'node_modules', name),
        path.join(folder, 'node_modules', name),
      );
    const env = { PATH: `${bin}:${process.env.PATH}` };
    return { shown, ...(await runPage(shown, folder, withBuiltBbc(env))) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
