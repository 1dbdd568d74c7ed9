// Reads the built package for docs/diagnostics.md: `npm test` builds first.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { explain } from '../../cli/commands/explain.ts';
import { rules } from '../../cli/lint/rules.ts';
import { messages } from '../../ir/messages.ts';
import { bbcOf } from '../support/bbc.ts';
import { explanations, tryExplanation } from '../support/explanations.ts';
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
    // What only a bug of ours gives, a machine without ONNX Runtime, and peers on several machines.
    expect(notRun).toEqual(['BB389', 'BB506', 'BB622', 'BB750', 'BB763', 'BB765', 'BB766', 'BB768']);
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
