// Reads the built package for docs/operators.md: `npm test` builds first.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ops } from '../../ir/generated/opset.ts';
import { projectRoot } from '../support/root.ts';

interface Row {
  readonly domain: string;
  readonly type: string;
  readonly types?: string;
}
const page = (await import(path.join(projectRoot, 'scripts/operators-page.mjs'))) as {
  operatorRows(): Promise<readonly Row[]>;
  operatorsPage(): Promise<string>;
  withoutRule: Readonly<Record<string, string>>;
};

test('docs/operators.md is what the registries say', async () => {
  expect(readFileSync(path.join(projectRoot, 'docs/operators.md'), 'utf8')).toBe(await page.operatorsPage());
});

test('every operator has a row, and an inference rule unless a reason is written down', async () => {
  const rows = await page.operatorRows();
  const listed = new Set(rows.map(({ domain, type }) => `${domain === 'ai.onnx' ? '' : domain} ${type}`));
  const all = Object.entries(ops).flatMap(([domain, of]) =>
    Object.keys(of).map((type) => `${domain} ${type}`),
  );
  expect(all.filter((one) => !listed.has(one))).toEqual([]);
  const bare = rows.filter(
    ({ domain, types }) => types === undefined && page.withoutRule[domain] === undefined,
  );
  expect(bare).toEqual([]);
});
