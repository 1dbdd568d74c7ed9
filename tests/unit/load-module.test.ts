import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadModule } from '../../cli/load/module.ts';
import { loadSource } from '../../cli/load.ts';
import { exportModel, formatDiagnostic, printModel } from '../../ir/index.ts';

const fixtures = path.resolve(import.meta.dirname, '../fixtures/modules');
const load = (name: string, check = false) => loadModule(path.join(fixtures, name), { check });
const problems = async (name: string, check = false): Promise<string> =>
  (await load(name, check)).diagnostics.map(formatDiagnostic).join('\n');

test('values take the author’s variables, and ops the author’s lines, helper files included', async () => {
  const { model, diagnostics } = await load('good.ts');
  expect(diagnostics).toEqual([]);
  const text = printModel(model!);
  expect(text).toMatch(/%hidden: .+ = Relu\(.*at good\.ts:8:6/);
  expect(text).toMatch(/%factorValue: /);
  expect(text).toMatch(/Mul\(%hidden, %factorValue\).*at lib\/layers\.ts:5:12/);
});

test('a copy at another path gives the same bytes, and nothing is written beside the source', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'load-'));
  try {
    cpSync(fixtures, folder, { recursive: true });
    const before = readdirSync(folder, { recursive: true }).sort();
    const copy = await loadModule(path.join(folder, 'good.ts'), { check: false });
    const here = await load('good.ts');
    expect(exportModel(copy.model!).pieces).toEqual(exportModel(here.model!).pieces);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what the author’s code throws is a diagnostic at the innermost line of the author’s', async () => {
  expect(await problems('throws.ts')).toBe(
    [
      'lib/layers.ts:9:9: error BB383: the module threw RangeError: layer count must be positive',
      "      throw new RangeError('layer count must be positive');",
      '            ^',
      '  try: correct the module at the marked line; it must run to its end to be recorded',
    ].join('\n'),
  );
});

test('a wrong shape is a type error in our words, before anything runs', { timeout: 60_000 }, async () => {
  const text = await problems('type-error.ts', true);
  expect(text).toContain(
    'type-error.ts:6:24: error BB382: type error TS2345: matmul: inner dimensions differ: 784 and 10',
  );
  expect(text).toContain("      output('y', x.matmul(w));\n                           ^");
});

test('other type errors keep the compiler’s words', { timeout: 60_000 }, async () => {
  expect(await problems('plain-type-error.ts', true)).toContain(
    "plain-type-error.ts:3:14: error BB382: type error TS2322: Type 'string' is not assignable to type 'number'.",
  );
});

test('a wrong shape that was not type-checked is found when recording', async () => {
  expect(await problems('type-error.ts')).toMatch(/^type-error\.ts:6:17: error BB3\d\d: .*784 and 10/);
});

test('a default export that is no module is a diagnostic', async () => {
  expect(await problems('no-module.ts')).toContain('no-module.ts: error BB384: the module has an object');
  expect(await problems('nothing.ts')).toContain('nothing.ts: error BB384: the module has nothing');
});

test('syntax errors and missing imports point into the file', async () => {
  expect(await problems('syntax.ts')).toMatch(/^syntax\.ts:2:17: error BB381: .*Unexpected ";"/);
  expect(await problems('missing-import.ts')).toMatch(
    /^missing-import\.ts:1:19: error BB381: .*Could not resolve "\.\/not-there\.ts"/,
  );
});

test('a file that is not there, and a folder, are diagnostics', async () => {
  const text = async (file: string): Promise<string> =>
    (await loadSource(file)).diagnostics.map(formatDiagnostic).join('\n');
  expect(await text(path.join(fixtures, 'gone.ts'))).toContain('there is no such file');
  expect(await text(path.join(fixtures, 'gone.onnx'))).toContain('there is no such file');
  expect(await text(fixtures)).toContain('BB881');
});
