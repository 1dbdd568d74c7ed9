// Comments in the author's source that accept a finding, with a reason.

import { expect, test } from 'vitest';
import { lintAuthored } from '../../cli/lint/authored.ts';
import { suppressionRules } from '../../cli/lint/suppress/rules.ts';
import type { Finding } from '../../compiler/index.ts';
import { lintFiles } from '../support/lint-files.ts';
import { sourcesFrom } from '../support/sources.ts';

/** `rule line`, and the reason where it is suppressed. */
const brief = ({ rule, at, suppressed }: Finding): string =>
  `${rule} ${at?.line}${suppressed === undefined ? '' : ` (${suppressed.reason})`}`;

const lines = (...body: readonly string[]): string =>
  [
    "import { float32, input, module, output } from 'bytesandbrains';",
    "export default module('m', () => {",
    "const x = input('x', float32, [4]);",
    ...body,
    '});',
  ].join('\n');
const lint = (model: string): readonly Finding[] =>
  lintAuthored(sourcesFrom({ 'model.ts': model }), { findings: [], ran: () => false }, {});
const found = (...body: readonly string[]): string[] =>
  lint(lines(...body))
    .map(brief)
    .sort();

for (const rule of suppressionRules) {
  test(`${rule.id}: finds its bad example, and nothing in the good one`, { timeout: 60_000 }, () => {
    const inBad = lint(rule.examples.bad.model);
    expect(inBad.map((one) => one.rule)).toEqual([rule.id]);
    const inGood = lint(rule.examples.good.model);
    expect(inGood.filter((one) => one.suppressed === undefined)).toEqual([]);
  });
}

test('a suppressed finding stays, with its reason', { timeout: 60_000 }, async () => {
  const [one, ...rest] = lint(
    lines("output('y', x.mul(Date.now())); // bbc-lint-disable-line clock-while-recording: shown to users"),
  );
  expect(rest).toEqual([]);
  expect(one).toMatchObject({
    rule: 'clock-while-recording',
    level: 'error',
    suppressed: { reason: 'shown to users', at: { file: 'model.ts', line: 4, column: 33 } },
  });
});

test('one comment may name several rules, and several comments one line', { timeout: 60_000 }, async () => {
  const both = "output('y', x.mul(Date.now()).mul(Math.random()));";
  expect(
    found('// bbc-lint-disable-next-line clock-while-recording, random-while-recording: a demo', both),
  ).toEqual(['clock-while-recording 5 (a demo)', 'random-while-recording 5 (a demo)']);
  expect(
    found(
      '// bbc-lint-disable-next-line clock-while-recording: one',
      '',
      '// bbc-lint-disable-next-line random-while-recording: two',
      both,
    ),
  ).toEqual(['clock-while-recording 7 (one)', 'random-while-recording 7 (two)']);
});

test('a suppression on another line, or of another rule, suppresses nothing', {
  timeout: 60_000,
}, async () => {
  expect(
    found(
      '// bbc-lint-disable-next-line clock-while-recording: wrong line',
      'const y = x.relu();',
      "output('y', y.mul(Date.now())); // bbc-lint-disable-line random-while-recording: wrong rule",
    ),
  ).toEqual(['clock-while-recording 6', 'unused-suppression 4', 'unused-suppression 6']);
});

test('without a reason it has no effect; an unknown id tells the nearest', { timeout: 60_000 }, async () => {
  expect(found("output('y', x.mul(Date.now())); // bbc-lint-disable-line clock-while-recording:")).toEqual([
    'clock-while-recording 4',
    'suppression-without-reason 4',
  ]);
  const [one] = lint(lines("output('y', x.relu()); // bbc-lint-disable-line clock-while-recoding: why"));
  expect(one).toMatchObject({ rule: 'unknown-rule', hint: 'did you mean clock-while-recording?' });
  expect(found("output('y', x.relu()); // bbc-lint-disable-line : why")).toEqual(['unknown-rule 4']);
});

const server = '{ "version": 1, "classes": { "server": {} } }';

test('rules over the graph are suppressed at their line; one that did not look leaves its suppression alone', {
  timeout: 60_000,
}, async () => {
  const model = lines(
    '// bbc-lint-disable-next-line unused-parameter: callers send it anyway',
    "const mask = input('mask', float32, [4]);",
    '// bbc-lint-disable-next-line edge-without-link: a relay forwards it',
    "output('y', x.relu());",
  );
  const used = 'unused-parameter 5 (callers send it anyway)';
  expect((await lintFiles({ model })).map(brief)).toEqual([used]);
  expect((await lintFiles({ model, topology: server })).map(brief)).toEqual([used, 'unused-suppression 6']);
});

test('what the compiler refuses cannot be suppressed', { timeout: 60_000 }, async () => {
  const model = `import { float32, input, module, on, output, peer } from 'bytesandbrains';
export default module('m', () => {
const x = input('x', float32, [4], { at: peer('a') });
const h = on(peer('a'), () => x.relu());
output('y', on(peer('b'), () => h.exp())); // bbc-lint-disable-line edge-without-link: it works here
});`;
  const topology = '{ "version": 1, "classes": { "a": {}, "b": {} }, "links": [] }';
  const findings = await lintFiles({ model, topology });
  expect(findings.map(({ rule, suppressed }) => [rule, suppressed])).toEqual([
    ['edge-without-link', undefined],
  ]);
});

test('text in a string is no comment', { timeout: 60_000 }, () => {
  const before = "const s = '// bbc-lint-disable-line nothing'; `// bbc-lint-disable-line b`;";
  expect(found(before, "output('y', x.relu());")).toEqual([]);
});
