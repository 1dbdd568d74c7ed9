// The worked example of a page in docs: its files in a folder, compiled, and its host run.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { blocksOf, writeFile } from './pages.ts';
import { projectRoot } from './root.ts';

/** What the page's host.ts prints, and what the page says that it does. */
export function ranOnPage(name: string): { readonly printed: string; readonly shown: string } {
  // Within the project, so that it finds the package.
  const folder = path.join(projectRoot, '.cache', `docs-${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const blocks = blocksOf(readFileSync(path.join(projectRoot, `docs/${name}.md`), 'utf8'));
  for (const block of blocks) if (block.name !== '') writeFile(path.join(folder, block.name), block);
  const run = (...argv: readonly string[]): string =>
    execFileSync(process.execPath, argv, { cwd: folder, encoding: 'utf8' });
  run(path.join(projectRoot, 'dist/cli/main.js'), 'compile', 'model.ts', '--peers', 'topology.json');
  const printed = run(path.join(projectRoot, 'scripts/run-ts.mjs'), 'host.ts');
  return { printed: printed.trim(), shown: blocks.find(({ language }) => language === 'text')!.body.trim() };
}
