// Runs what docs/ shows with the built command line: `npm test` builds first.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { docsFolder, pages, runDocsPage } from '../support/docs.ts';
import { blocksOf } from '../support/pages.ts';
import { refusalOf } from '../support/parse-line.ts';

describe('a page shows what its commands print:', () => {
  for (const file of pages()) {
    test(file, { timeout: 600_000 }, async () => {
      const run = await runDocsPage(file);
      expect(run.page).toBe(run.shown);
      expect(run.commands).toBeGreaterThan(0);
    });
  }
});

test('every session is run', () => {
  const marked = pages().flatMap((file) =>
    blocksOf(readFileSync(path.join(docsFolder, file), 'utf8'))
      .filter(({ comment }) => comment.startsWith('not run'))
      .map(() => file),
  );
  expect(marked).toEqual([]);
});

test('every command has a page, and every page is in the index', () => {
  const table = readFileSync(path.join(docsFolder, '../cli/commands.ts'), 'utf8');
  const commands = [...table.matchAll(/from '\.\/commands\/(\w+)\.ts'/g)].map((match) => match[1]!).sort();
  const written = readdirSync(path.join(docsFolder, 'commands')).map((file) => file.replace('.md', ''));
  expect(written.sort()).toEqual(commands);
  const index = readFileSync(path.join(docsFolder, 'README.md'), 'utf8');
  for (const name of written) expect(index).toContain(`(commands/${name}.md)`);
});

describe('the CI recipe', () => {
  const page = readFileSync(path.join(docsFolder, 'ci.md'), 'utf8');
  const recipes = blocksOf(page).filter(({ language }) => language === 'yaml');
  const steps = (text: string): string[] => {
    const recipe = parse(text) as Recipe;
    const jobs = Object.values(recipe.jobs ?? {});
    return recipe.bbc?.script ?? jobs.flatMap((job) => job.steps.flatMap(({ run }) => run ?? []));
  };

  test.each(recipes.map(({ name, body }) => [name, body]))('%s is YAML without a warning', (_, body) => {
    const document = parseDocument(body, { strict: true });
    expect([...document.errors, ...document.warnings]).toEqual([]);
  });

  test.each(recipes.map(({ name, body }) => [name, body]))(
    '%s runs lint, compile and graph as bbc takes them',
    async (_, body) => {
      const lines = steps(body).flatMap((line) => (line.startsWith('npx bbc ') ? [line.slice(4)] : []));
      expect(lines.map((line) => line.split(' ')[1])).toEqual(['lint', 'compile', 'graph']);
      for (const line of lines) expect(await refusalOf(line)).toBe('');
    },
  );

  test('GitHub’s steps are actions or commands, by the names that it knows', () => {
    const github = parse(recipes.find(({ name }) => name.startsWith('.github'))!.body) as Recipe;
    for (const job of Object.values(github.jobs!)) {
      expect(job['runs-on']).toMatch(/^ubuntu-/);
      for (const { uses, run } of job.steps) {
        expect([uses, run].filter((one) => one !== undefined)).toHaveLength(1);
        if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w/-]+@v\d+$/);
      }
    }
  });
});

interface Recipe {
  /** GitHub. */
  readonly jobs?: Readonly<
    Record<string, { 'runs-on': string; steps: readonly { uses?: string; run?: string }[] }>
  >;
  /** GitLab. */
  readonly bbc?: { readonly script: string[] };
}

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
