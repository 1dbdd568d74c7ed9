// Rules over the author's source: what of it runs while recording, and what it touches there.

import { expect, test } from 'vitest';
import { lintAuthored } from '../../cli/lint/authored.ts';
import { sourceRules } from '../../cli/lint/source/rules.ts';
import type { Finding } from '../../compiler/index.ts';
import { formatPosition } from '../../ir/index.ts';
import { sourcesFrom } from '../support/sources.ts';

/** `rule file:line:column`, for each problem that rules find in a module and its helper files. */
const found = (model: string, helpers: Readonly<Record<string, string>> = {}): string[] =>
  problems(model, helpers).map(({ rule, at }) => `${rule} ${formatPosition(at)}`);
const problems = (model: string, helpers: Readonly<Record<string, string>> = {}): readonly Finding[] =>
  lintAuthored(sourcesFrom({ ...helpers, 'model.ts': model }), { findings: [], ran: () => false }, {});

const inBody = (line: string, before = ''): string =>
  `import { constant, float32, input, module, output } from 'bytesandbrains';\n${before}\nexport default module('m', () => {\n${line}\noutput('y', input('x', float32, [2]).relu());\n});`;

for (const rule of sourceRules) {
  test(`${rule.id}: finds its bad example, and nothing in the good one`, { timeout: 60_000 }, () => {
    const inBad = problems(rule.examples.bad.model);
    expect(inBad.length).toBeGreaterThan(0);
    expect(new Set(inBad.map((one) => one.rule))).toEqual(new Set([rule.id]));
    for (const { message, hint, excerpt } of inBad) {
      expect(message).not.toMatch(/\.$/);
      expect(hint).not.toBe('');
      expect(excerpt).toContain('^');
    }
    expect(found(rule.examples.good.model)).toEqual([]);
  });
}

test('names are resolved: what is shadowed is not flagged, what is renamed is', () => {
  const clock = 'clock-while-recording model.ts:4:1';
  expect(found(inBody('Date.now();'))).toEqual([clock]);
  expect(found(inBody('Date.now();', 'const Date = { now: () => 1 };'))).toEqual([]);
  expect(found(inBody('((Date: { now(): number }) => Date.now())({ now: () => 1 });'))).toEqual([]);
  expect(found(inBody('class Math { static random() { return 4; } }; Math.random();'))).toEqual([]);
  expect(found(inBody('globalThis.Date.now();'))).toEqual([clock]);
  expect(found(inBody("Date['now']();"))).toEqual([clock]);
  expect(found(inBody('(Date as DateConstructor).now();'))).toEqual(['clock-while-recording model.ts:4:1']);
  expect(found(inBody('n();', 'const D = Date; const n = D.now;'))).toEqual([clock]);
  expect(found(inBody('n();', 'const { now: n } = Date;'))).toEqual([clock]);
  expect(found(inBody('performance.now();'))).toEqual([clock]);
  expect(found(inBody('p.now();', "import { performance as p } from 'perf_hooks';"))).toEqual([clock]);
  expect(found(inBody('process.hrtime.bigint();'))).toEqual([clock]);
  expect(found(inBody('p.hrtime();', "import p from 'node:process';"))).toEqual([clock]);
});

test('a date that is written down is no clock', () => {
  expect(
    found(inBody("new Date('2026-01-01'); new Date(0); Date.parse('2026-01-01'); Date.UTC(2026);")),
  ).toEqual([]);
  expect(found(inBody('new Date(); Date(); new Date;'))).toHaveLength(3);
});

test('a function that is handed on is flagged where it is handed on', () => {
  const [first] = problems(inBody('[1].map(Math.random);'));
  expect(first?.at).toMatchObject({ line: 4, column: 9 });
});

test('what cannot run while recording is not flagged', () => {
  expect(found(inBody('', 'function helper() { return Math.random(); }'))).toEqual([]);
  expect(found(inBody('', 'export const helper = () => Math.random();'))).toEqual([]);
  expect(found(inBody('tools.a();', 'const tools = { a: () => 1, b: () => Math.random() };'))).toEqual([]);
  expect(found(inBody('', "const other = module('other', () => { Math.random(); });"))).toEqual([]);
  expect(
    found(
      inBody('new Dice().fixed();', 'class Dice { fixed() { return 4; } roll() { return Math.random(); } }'),
    ),
  ).toEqual([]);
  expect(found(inBody('', 'type T = typeof Math.random; interface I { now: typeof Date.now }'))).toEqual([]);
});

test('what runs while recording is flagged, however it is reached', () => {
  const random = (line: number): unknown[] => [
    expect.stringMatching(`random-while-recording model.ts:${line}:`),
  ];
  expect(found(inBody('', 'const seed = Math.random();'))).toEqual(random(2));
  expect(found(inBody('a();', 'function a() { return b(); } const b = () => Math.random();'))).toEqual(
    random(2),
  );
  expect(found(inBody('tools.b();', 'const tools = { a: () => 1, b: () => Math.random() };'))).toEqual(
    random(2),
  );
  expect(found(inBody('Object.values(tools);', 'const tools = { b() { return Math.random(); } };'))).toEqual(
    random(2),
  );
  expect(found(inBody('other();', "const other = module('other', () => { Math.random(); });"))).toEqual(
    random(2),
  );
  expect(found(inBody('new Dice().roll();', 'class Dice { roll() { return Math.random(); } }'))).toEqual(
    random(2),
  );
  expect(found(inBody('new Dice();', 'class Dice { side = Math.random(); }'))).toEqual(random(2));
  expect(found(inBody('[1].forEach(() => { Math.random(); });'))).toEqual(random(4));
  expect(found(inBody('(() => Math.random())();'))).toEqual(random(4));
  expect(
    found(`${inBody('').replace('export default ', 'const m = ')}\nexport { m as default };\nMath.random();`),
  ).toEqual(random(8));
});

test('helper files count as far as the module uses them, and the way there is told', () => {
  const lib = 'export const noise = () => Math.random();\nexport const clock = () => Date.now();\n';
  const [first, ...rest] = problems(inBody('noise();', "import { noise } from './lib.ts';"), {
    'lib.ts': lib,
  });
  expect(rest).toEqual([]);
  expect(first?.rule).toBe('random-while-recording');
  expect(first?.at).toEqual({ file: 'lib.ts', line: 1, column: 28 });
  expect(first?.related).toEqual([
    { message: 'recorded through this use of noise', at: { file: 'model.ts', line: 4, column: 1 } },
  ]);
  expect(found(inBody('l.clock();', "import * as l from './lib.ts';"), { 'lib.ts': lib })).toEqual([
    'clock-while-recording lib.ts:2:28',
  ]);
});

test('a file of which only types are imported does not run', () => {
  const lib = 'export interface Options { a: number }\nexport const start = Date.now();\n';
  expect(found(inBody('', "import { Options } from './lib.ts'; let o: Options;"), { 'lib.ts': lib })).toEqual(
    [],
  );
  expect(found(inBody('', "import { start } from './lib.ts';"), { 'lib.ts': lib })).toHaveLength(1);
  expect(found(inBody('', "import './lib.ts';"), { 'lib.ts': lib })).toHaveLength(1);
});

test('each reading of the environment is one finding, at its line', () => {
  const environment = (...columns: number[]): string[] =>
    columns.map((column) => `environment-while-recording model.ts:4:${column}`);
  expect(found(inBody('process.env.HOME; process.argv[2];'))).toEqual(environment(1, 19));
  expect(found(inBody('const e = process.env; e.HOME; e.USER;'))).toEqual(environment(11));
  expect(found(inBody('const { env, argv: [, file] } = process; env.HOME;'))).toEqual(environment(9, 14));
  expect(found(inBody('const { HOME } = process.env; HOME;'))).toEqual(environment(18));
  expect(found(inBody('process.stdout.write(process.cwd());'))).toEqual(environment(22));
});

test('files are flagged through every import of fs; onnx() and JSON imports are not', () => {
  for (const [head, call] of [
    ["import fs from 'fs';", "fs.existsSync('a')"],
    ["import { promises } from 'node:fs';", "promises.readFile('a')"],
    ["import { readFile } from 'fs/promises';", "readFile('a')"],
    ['', "fetch('https://example.org')"],
  ] as const) {
    expect(found(inBody(`${call};`, head))).toEqual(['file-read-while-recording model.ts:4:1']);
  }
  expect(
    found(inBody('net;', "import { onnx } from 'bytesandbrains'; const net = onnx('./a.onnx');")),
  ).toEqual([]);
});
