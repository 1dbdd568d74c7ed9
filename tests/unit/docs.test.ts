// Runs what docs/ shows with the built command line: `npm test` builds first.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { docsFolder, pages, runDocsPage } from '../support/docs.ts';
import { blocksOf } from '../support/pages.ts';

describe('a page shows what its commands print:', () => {
  for (const file of pages()) {
    test(file, { timeout: 600_000 }, async () => {
      const run = await runDocsPage(file);
      expect(run.page).toBe(run.shown);
      expect(run.commands).toBeGreaterThan(0);
    });
  }
});

test('all but the installation is run', () => {
  const marked = pages().flatMap((file) =>
    blocksOf(readFileSync(path.join(docsFolder, file), 'utf8'))
      .filter(({ comment }) => comment.startsWith('not run'))
      .map(() => file),
  );
  expect(marked).toEqual(['tutorial.md']);
});

test('every command has a page, and every page is in the index', () => {
  const table = readFileSync(path.join(docsFolder, '../cli/commands.ts'), 'utf8');
  const commands = [...table.matchAll(/from '\.\/commands\/(\w+)\.ts'/g)].map((match) => match[1]!).sort();
  const written = readdirSync(path.join(docsFolder, 'commands')).map((file) => file.replace('.md', ''));
  expect(written.sort()).toEqual(commands);
  const index = readFileSync(path.join(docsFolder, 'README.md'), 'utf8');
  for (const name of written) expect(index).toContain(`(commands/${name}.md)`);
});

test('links between pages lead somewhere', () => {
  const wrong = (readdirSync(docsFolder, { recursive: true }) as string[])
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const text = readFileSync(path.join(docsFolder, file), 'utf8');
      return [...text.matchAll(/\]\(([^)#:\s]+\.md)(?:#[^)]*)?\)/g)]
        .filter(([, target]) => !existsSync(path.join(docsFolder, path.dirname(file), target!)))
        .map(([, target]) => `${file} → ${target}`);
    });
  expect(wrong).toEqual([]);
});
