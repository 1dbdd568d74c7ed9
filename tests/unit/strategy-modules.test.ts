// What docs/strategies.md says of how long strategies are, and that none of them reaches into the engine.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../support/root.ts';

const folder = path.join(projectRoot, 'stdlib/strategies');
const modules = readdirSync(folder).filter((file) => file !== 'index.ts');
const textOf = (file: string): string => readFileSync(path.join(folder, file), 'utf8');

/** Lines but for comments, imports and empty ones. */
const linesOf = (file: string): number =>
  textOf(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^import [\s\S]*?;$/gm, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length;

/** A list that is right to so many lines need not be changed with each of them. */
const ABOUT = 5;

test('every module is in the list, with about as many lines as it has', () => {
  const page = readFileSync(path.join(projectRoot, 'docs/strategies.md'), 'utf8');
  const listed = new Map(
    [...page.matchAll(/^\| `([\w-]+\.ts)` +\| +(\d+) \|/gm)].map(([, file, lines]) => [file!, Number(lines)]),
  );
  const wrong = modules
    .filter((file) => !(Math.abs((listed.get(file) ?? 0) - linesOf(file)) <= ABOUT))
    .map((file) => `${file}: ${linesOf(file)} lines — say so in the list of docs/strategies.md`);
  expect(wrong).toEqual([]);
  expect([...listed.keys()].filter((file) => !modules.includes(file))).toEqual([]);
});

test('none reaches into the engine', () => {
  const allowed = /^(\.\/|\.\.\/\.\.\/dsl\/|\.\.\/(aggregators|codecs|privacy|protocols|selectors)\/)/;
  const wrong = modules.flatMap((file) =>
    [...textOf(file).matchAll(/(?:from|import\() ?'([^']+)'/g)]
      .map((match) => match[1]!)
      .filter((name) => !allowed.test(name))
      .map(
        (name) =>
          `${file} imports ${name} — what a strategy is made of is in the DSL, codecs and aggregators`,
      ),
  );
  expect(wrong).toEqual([]);
});
