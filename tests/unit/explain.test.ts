// Reads the built package for docs/diagnostics.md: `npm test` builds first.

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { explain } from '../../cli/commands/explain.ts';
import { rules } from '../../cli/lint/rules.ts';
import { messages } from '../../ir/messages.ts';
import { bbcOf } from '../support/bbc.ts';
import { inShell } from '../support/built-bbc.ts';
import { explanations, tryExplanation } from '../support/explanations.ts';
import { onnxOf } from '../support/onnx-text.ts';
import { blocksOf, commandsOf } from '../support/pages.ts';
import { projectRoot } from '../support/root.ts';

const bbc = bbcOf(explain);

test('every diagnostic has an explanation, and every explanation a diagnostic', () => {
  expect(explanations()).toEqual(
    Object.keys(messages)
      .sort()
      .map((code) => `${code}.md`),
  );
});

describe('the example gives the diagnostic as shown, and the fix mends it:', () => {
  const notRun: string[] = [];
  for (const file of explanations()) {
    const code = file.replace('.md', '');
    test(code, async () => {
      const tried = await tryExplanation(file);
      notRun.push(...tried.notRun.map(() => code));
      expect(tried.page).toBe(tried.shown);
      expect(tried.page).toMatch(new RegExp(`(error|warning) ${code}: `));
      expect(tried.mended).not.toMatch(/(error|warning) BB\d{3}: /);
    });
  }
  test('all but few are run', () => {
    // What only a bug of ours gives, a machine without ONNX Runtime (below), and a process that dies by itself, a
    // full disk.
    expect(notRun).toEqual(['BB389', 'BB506', 'BB622', 'BB750', 'BB768', 'BB790', 'BB795', 'BB863']);
  });
  test('BB750, where ONNX Runtime is not found', async () => {
    const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'without-')));
    try {
      // Looked for where there is nothing; what Node says then is its own.
      const from = 'file:///nowhere/node_modules/bytesandbrains/dist/stdlib/backends/onnxruntime/sessions.js';
      const hook = `export const resolve = (name, cx, next) =>
        next(name, name === 'onnxruntime-node' ? { ...cx, parentURL: '${from}' } : cx);`;
      writeFileSync(
        path.join(folder, 'without.mjs'),
        `import { register } from 'node:module';
        register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`,
      );
      writeFileSync(
        path.join(folder, 'model.onnx'),
        onnxOf('agraph (float[2] x) => (float[2] y) { y = Relu (x) }'),
      );
      writeFileSync(path.join(folder, 'topology.json'), '{ "version": 1, "classes": { "phone": {} } }');
      const page = readFileSync(path.join(projectRoot, 'cli/explain/codes/BB750.md'), 'utf8');
      const [shown] = blocksOf(page).flatMap(({ body }) => commandsOf(body));
      const main = path.join(projectRoot, 'dist/cli/main.js');
      const node = `'${process.execPath}' --import ./without.mjs '${main}'`;
      const said = await inShell({})(shown!.line.replace('bbc', node), folder);
      expect(said.replaceAll('/nowhere/', '')).toBe(`${shown!.output}for more: bbc explain BB750\n`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('docs/diagnostics.md is what the explanations and the lint rules say', async () => {
  const { diagnosticsPage } = (await import(path.join(projectRoot, 'scripts/diagnostics-page.mjs'))) as {
    diagnosticsPage: () => Promise<string>;
  };
  expect(readFileSync(path.join(projectRoot, 'docs/diagnostics.md'), 'utf8')).toBe(await diagnosticsPage());
});

describe('bbc explain', () => {
  test('says why, shows an example and a fix', async () => {
    const { status, out } = await bbc('explain', 'bb411');
    expect(status).toBe(0);
    expect(out).toMatch(/^error BB411: more peers than ops\n\nWithout places or rules/);
    expect(out).toMatch(/\nExample\n\n {2}model\.onnx\n {4}agraph/);
    expect(out).toMatch(
      /\n {4}\$ bbc compile model\.onnx --peers topology\.json\n {4}topology\.json:1:17: error BB411/,
    );
    expect(out).toMatch(/\nFix\n\nName fewer classes/);
    for (const line of out.split('\n'))
      if (!line.startsWith(' ')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('gives one document with --json', async () => {
    const { out } = await bbc('explain', 'BB218', '--json');
    expect(Object.keys(JSON.parse(out))).toEqual(['code', 'severity', 'title', 'why', 'example', 'fix']);
    expect(JSON.parse(out)).toMatchObject({ code: 'BB218', severity: 'warning' });
  });

  test('explains every lint rule', async () => {
    for (const { id, summary } of rules) {
      const { status, out } = await bbc('explain', id);
      expect(status).toBe(0);
      expect(out).toContain(summary);
      expect(out).toMatch(/\nBad\n[\s\S]*\nGood\n/);
      expect(JSON.parse((await bbc('explain', id, '--json')).out)).toMatchObject({ rule: id });
    }
  });

  test('lists all codes and rules', async () => {
    const { status, out } = await bbc('explain');
    expect(status).toBe(0);
    for (const name of [...Object.keys(messages), ...rules.map(({ id }) => id)]) expect(out).toContain(name);
    const { codes } = JSON.parse((await bbc('explain', '--json')).out);
    expect(codes.length).toBe(Object.keys(messages).length);
  });

  test('suggests the nearest code or rule', async () => {
    const { status, err } = await bbc('explain', 'unused-paramter');
    expect(status).toBe(1);
    expect(err).toContain('did you mean unused-parameter?');
    expect((await bbc('explain', 'BB999')).err).toContain('error BB890');
  });
});
