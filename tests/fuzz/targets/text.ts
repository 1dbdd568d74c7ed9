// ONNX's textual syntax (.onnxtxt): text in, a model through check and infer or diagnostics out.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { importModel, memorySource } from '../../../ir/index.ts';
import { projectRoot } from '../../support/root.ts';
import { edit, edited } from '../edits.ts';
import { target } from '../harness.ts';
import { verdictOf } from './onnx.ts';

const LARGEST_SEED_CHARACTERS = 1500;
const seeds = readFileSync(path.join(projectRoot, 'tests/fixtures/text/cases.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { readonly text: string }).text)
  .filter((text) => text.length <= LARGEST_SEED_CHARACTERS);
const pieces = fc.constantFrom(
  '<',
  '>',
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  '=',
  '=>',
  ',',
  '"',
  '\\',
  ':',
  '?',
  '/',
  '//',
  '\n',
  '\t',
  '-',
  '.',
  'float',
  'float[N]',
  'int64[3] {1, 2, 3}',
  'seq(float[N])',
  'optional(seq(float))',
  'map(int64, string)',
  'agraph',
  'opset_import',
  'ir_version',
  '<axis = 1>',
  '<axis: int = 1>',
  '@ref',
  'Relu (x)',
  'x',
  '""',
  '1',
  '-1',
  '1e999',
  '9'.repeat(400),
  '0x1p3',
  'nan',
  'inf',
  '__proto__',
  'constructor',
  '\ud800',
  '\u0000',
  '\ufeff',
);
const mutated = fc
  .record({ text: fc.constantFrom(...seeds), edits: fc.array(edit(pieces), { minLength: 1, maxLength: 3 }) })
  .map(({ text, edits }) => edited(text, edits));
const head = '<ir_version: 10, opset_import: ["" : 21]>\nagraph (float[N] x) => (float[N] y) ';
const long = fc
  .record({
    piece: fc.constantFrom(
      '{',
      '(',
      '[',
      '<',
      'y = Relu (x)',
      'x = Relu <a = 1> (x)',
      'float[',
      'seq(',
      '"a"',
      'then_branch = g () => () {',
    ),
    n: fc.oneof({ weight: 20, arbitrary: fc.nat(100) }, { weight: 1, arbitrary: fc.nat(2000) }),
  })
  .map(({ piece, n }) => `${head}{ ${piece.repeat(n)} }`);
const inputs = fc.oneof(
  { weight: 30, arbitrary: mutated },
  { weight: 2, arbitrary: long },
  { weight: 1, arbitrary: fc.string({ maxLength: 60, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 60, unit: 'binary' }).map((text) => `${head}{ ${text} }`) },
);

export const texts = target({
  name: 'text',
  arbitrary: inputs,
  run: (text) => verdictOf(importModel(memorySource('m.onnxtxt', Buffer.from(text)))),
  bytes: (text) => Buffer.from(text),
});
