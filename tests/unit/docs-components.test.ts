// The worked example of docs/components.md does what the page says. `npm test` builds first.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, writeFile } from '../support/pages.ts';
import { projectRoot } from '../support/root.ts';

test('a component of two roles, written as the guide says, finds who likes the same', () => {
  // Within the project, so that it finds the package.
  const folder = path.join(projectRoot, '.cache', 'docs-components');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const blocks = blocksOf(readFileSync(path.join(projectRoot, 'docs/components.md'), 'utf8'));
  for (const block of blocks) if (block.name !== '') writeFile(path.join(folder, block.name), block);
  const run = (...argv: readonly string[]): string =>
    execFileSync(process.execPath, argv, { cwd: folder, encoding: 'utf8' });
  run(path.join(projectRoot, 'dist/cli/main.js'), 'compile', 'model.ts', '--peers', 'topology.json');
  const printed = run(path.join(projectRoot, 'scripts/run-ts.mjs'), 'host.ts');
  expect(printed.trim()).toBe(blocks.find(({ language }) => language === 'text')!.body.trim());
});
