// `bbc lint --fix`: before and after.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lintCommand } from '../../cli/commands/lint.ts';
import { applyEdits, diffOf, editsOf } from '../../cli/lint/fix/edits.ts';
import { fixableRules, withFixes } from '../../cli/lint/fix/options.ts';
import { rules } from '../../cli/lint/rules.ts';
import type { Finding, TextEdit } from '../../compiler/index.ts';
import { bbcOf } from '../support/bbc.ts';
import { lintFiles, withFiles } from '../support/lint-files.ts';
import { sourcesFrom } from '../support/sources.ts';

const bbc = bbcOf(lintCommand);

const before = `import { cohort, collect, float32, input, module, on, output, peer, randomNormal } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('round', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const drawn = on(phones.each, () => x.randomNormalLike());
  const noisy = on(phones.each, () => x.add(drawn).add(randomNormal({ shape: [4] })));
  const all = collect({ noisy }, { at: server, atLeast: 1 });
  const again = noisy.collect();
  // bbc-lint-disable-next-line unseeded-random, clock-while-recording: it is gone
  const sum = on(server, () => all.noisy.reduceMean().add(again.values.reduceMean()));
  output('y', sum); // bbc-lint-disable-line unused-parameter: it was one
});
`;
const after = before
  .replace('randomNormalLike()', 'randomNormalLike({ seed: 6041 })')
  .replace('{ shape: [4] }', '{ shape: [4], seed: 7056 }')
  .replace('atLeast: 1 }', "atLeast: 1, within: '30s' }")
  .replace('.collect()', ".collect({ within: '30s' })")
  .replace('  // bbc-lint-disable-next-line unseeded-random, clock-while-recording: it is gone\n', '')
  .replace(' // bbc-lint-disable-line unused-parameter: it was one', '');

test('everything that can be mended is, over as many rounds as it takes, and nothing else changes', {
  timeout: 120_000,
}, async () => {
  await withFiles({ 'model.ts': before }, async (folder) => {
    const file = path.join(folder, 'model.ts');
    const dry = await bbc('lint', file, '--no-check', '--fix', '--dry-run');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(dry.out).toContain('-  const again = noisy.collect();\n');
    expect(dry.out).toContain("+  const again = noisy.collect({ within: '30s' });\n");
    const { status, out } = await bbc('lint', file, '--no-check', '--fix');
    expect(readFileSync(file, 'utf8')).toBe(after);
    expect(status).toBe(0);
    expect(out).toMatch(/model\.ts: 7 changed\nnothing found\n$/);
    expect(readdirSync(folder).sort()).toEqual(['model.ts', 'node_modules']);
  });
});

test('--dry-run without --fix, or in another format, is wrong usage', async () => {
  expect((await bbc('lint', 'model.ts', '--dry-run')).status).toBe(2);
  expect((await bbc('lint', 'model.ts', '--fix', '--dry-run', '--json')).status).toBe(2);
});

test('fixable rules are rules', () => {
  const ids = rules.map(({ id }) => id);
  expect(fixableRules.filter((id) => !ids.includes(id))).toEqual([]);
});

/** The text of a call after the fix of a finding there; undefined if it has none. */
function mended(rule: string, code: string, times = 1): string | undefined {
  const text = `import { collect, randomNormal } from 'bytesandbrains';\nimport * as bb from 'bytesandbrains';\n${code}`;
  const at = { file: 'model.ts', line: 3, column: code.search(/collect|randomNormal|other/) + 1 };
  const finding: Finding = { rule, level: 'warning', message: '', hint: '', at };
  const all = Array.from({ length: times }, () => finding);
  const [one] = withFixes(sourcesFrom({ 'model.ts': text }), all);
  return one?.fix === undefined ? undefined : applyEdits(text, one.fix).split('\n').slice(2).join('\n');
}

test('an option is written only where the call is surely ours and has none like it', {
  timeout: 60_000,
}, () => {
  expect(mended('cohort-without-deadline', 'collect(x);')).toBe("collect(x, { within: '30s' });");
  expect(mended('cohort-without-deadline', 'bb.collect(x, {});')).toBe("bb.collect(x, { within: '30s' });");
  expect(mended('cohort-without-deadline', 'collect(x, { at: s, } );')).toBe(
    "collect(x, { at: s, within: '30s', } );",
  );
  expect(mended('cohort-without-deadline', 'collect(x, options);')).toBeUndefined();
  expect(mended('cohort-without-deadline', 'collect(x, { ...options });')).toBeUndefined();
  expect(mended('cohort-without-deadline', 'collect(...all);')).toBeUndefined();
  expect(mended('cohort-without-deadline', 'other(x);')).toBeUndefined();
  expect(mended('unseeded-random', 'randomNormal({ shape: [1] });')).toBe(
    'randomNormal({ shape: [1], seed: 3001 });',
  );
  // A helper that is called twice draws twice: one seed would make both draws equal.
  expect(mended('unseeded-random', 'randomNormal({ shape: [1] });', 2)).toBeUndefined();
});

test('with a topology, a collect gets the deadline that the compiler derives from it', async () => {
  const { bad } = rules.find(({ id }) => id === 'cohort-without-deadline')!.examples;
  const within = async (up: string): Promise<string | undefined> => {
    const topology = `{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} },
      "links": [{ "between": ["phone", "server"], "latency": "40ms", "up": "${up}", "down": "1Mbit/s" }] }`;
    const [found] = await lintFiles({ model: bad.model, topology });
    return found?.fix?.[0]?.text;
  };
  expect(await within('1Mbit/s')).toBe(", within: '10s'");
  // 16 bytes in 16 s: four times that, the latency too, and a second.
  expect(await within('8bit/s')).toBe(", within: '66s'");
});

const edit = (start: number, end: number, text: string): TextEdit => ({ file: 'a', start, end, text });
const finding = (...fix: TextEdit[]): Finding => ({ rule: 'r', level: 'info', message: '', hint: '', fix });

test('of edits that touch only the first is made, and a fix of several is made whole or not', () => {
  const chosen = editsOf([
    finding(edit(5, 8, 'x')),
    finding(edit(8, 9, 'y')),
    finding(edit(0, 1, 'z'), edit(6, 7, 'w')),
    finding(edit(10, 10, 'v')),
    { ...finding(edit(20, 21, 'u')), suppressed: { reason: 'kept', at: { file: 'a' } } },
  ]);
  expect(chosen.get('a')).toEqual([edit(5, 8, 'x'), edit(10, 10, 'v')]);
  expect(applyEdits('0123456789abc', chosen.get('a')!)).toBe('01234x89vabc');
});

test('a diff has hunks with context, and counts lines', () => {
  const text = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`).join('');
  const at = (line: string): number => text.indexOf(`${line}\n`);
  const edits = [edit(at('line 2'), at('line 3'), ''), edit(at('line 15'), at('line 15') + 4, 'LINE')];
  expect(diffOf('m.ts', text, edits).split('\n')).toEqual([
    '--- m.ts',
    '+++ m.ts',
    '@@ -1,6 +1,5 @@',
    ' line 1',
    '-line 2',
    '-line 3',
    '+line 3',
    ' line 4',
    ' line 5',
    ' line 6',
    '@@ -12,7 +11,7 @@',
    ' line 12',
    ' line 13',
    ' line 14',
    '-line 15',
    '+LINE 15',
    ' line 16',
    ' line 17',
    ' line 18',
    '',
  ]);
});
