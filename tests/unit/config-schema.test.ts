// bytesandbrains.json: its parser and its schema agree, and problems are pointed at.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../compiler/index.ts';
import { formatDiagnostic } from '../../ir/index.ts';

const file = path.join(import.meta.dirname, '../../compiler/schemas/config.schema.json');
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(
  JSON.parse(readFileSync(file, 'utf8')),
);
const ids = ['idle-peer', 'lost-update'];
const parse = (text: string) => parseConfig(text, 'bytesandbrains.json', ids);

describe('parser and schema both take', () => {
  test.each([
    ['nothing', {}],
    ['lint without rules', { lint: {} }],
    ['a reference to the schema', { $schema: 'x', lint: { rules: {} } }],
    ['every level', { lint: { rules: { 'idle-peer': 'off', 'lost-update': 'info' } } }],
  ])('%s', (_, config) => {
    expect(validate(config)).toBe(true);
    expect(parse(JSON.stringify(config)).diagnostics).toEqual([]);
  });
});

describe('parser and schema both refuse', () => {
  test.each([
    ['an unknown field', { lnt: {} }],
    ['an unknown field of lint', { lint: { rule: {} } }],
    ['rules that are no object', { lint: { rules: ['idle-peer'] } }],
    ['an unknown level', { lint: { rules: { 'idle-peer': 'warn' } } }],
    ['a level that is no string', { lint: { rules: { 'idle-peer': 2 } } }],
    ['a list', []],
  ])('%s', (_, config) => {
    expect(validate(config)).toBe(false);
    expect(parse(JSON.stringify(config)).config).toBeUndefined();
  });
});

test('an unknown rule is pointed at, with the nearest one', () => {
  const { diagnostics } = parse('{ "lint": { "rules": { "idle-per": "off" } } }');
  expect(diagnostics.map(formatDiagnostic).join('\n')).toBe(
    [
      'bytesandbrains.json:1:24: error BB405: there is no rule "idle-per"',
      '    { "lint": { "rules": { "idle-per": "off" } } }',
      '                           ^^^^^^^^^^',
      '  try: did you mean "idle-peer"?',
    ].join('\n'),
  );
});

test('a rule that comes twice is refused', () => {
  const { config, diagnostics } = parse('{"lint":{"rules":{"idle-peer":"off","idle-peer":"info"}}}');
  expect([config, diagnostics[0]?.code]).toEqual([undefined, 'BB401']);
});
