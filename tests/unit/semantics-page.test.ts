import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../support/root.ts';

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');
/** `_name of a test_`, several of them before the file that has them. */
const held = /((?:_[^_]+_(?:,| and)?\s+)+)\(\[[^\]]+\]\(\.\.\/(tests\/[^)]+)\)\)/g;

const titled = (text: string, name: string): boolean =>
  text.includes(`'${name}'`) || text.includes(`\`${name}\``);

test('each rule of docs/semantics.md names the test that holds it, and that test is there', () => {
  const rules = read('docs/semantics.md').split(/\n(?=- |## )/);
  const missing: string[] = [];
  for (const rule of rules.filter((one) => one.startsWith('- '))) {
    if (rule.startsWith('- Not there yet')) continue;
    const found = [...rule.matchAll(held)];
    if (found.length === 0) missing.push(`${rule}: no test`);
    for (const [, names, file] of found)
      for (const [, name] of names!.matchAll(/_([^_]+)_/g))
        if (!titled(read(file!), name!.replaceAll(/\s+/g, ' '))) missing.push(`${file}: ${name}`);
  }
  expect(missing).toEqual([]);
});
