// The language of placement rules: text in, a condition that can be asked about ops or an error with its place out.

import fc from 'fast-check';
import { parseCondition } from '../../../compiler/rules/grammar.ts';
import { checkRule, compileRule } from '../../../compiler/rules/rule.ts';
import type { Op } from '../../../ir/index.ts';
import { modelOf } from '../../support/model.ts';
import { target } from '../harness.ts';

const glob = fc.oneof(
  fc.constantFrom(
    'Relu',
    '*',
    'R*u',
    '?'.repeat(20),
    '*a'.repeat(30),
    'encoder.*',
    'ai.onnx::Relu',
    '"a b"',
    "'x'",
    '"',
    "'",
    '"\\"',
    '\\',
    ':',
    '::',
    '',
    '.',
  ),
  fc.string({ maxLength: 8 }),
);
const field = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('op:', 'scope:', 'name:', 'value:') },
  { weight: 1, arbitrary: fc.constantFrom('ops:', '__proto__:', 'constructor:', ':', 'op', 'OP:', 'op: ') },
);
const term = fc.tuple(field, glob).map(([a, b]) => a + b);
const { rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    term,
    fc
      .tuple(tie('rule'), fc.constantFrom(' and ', ' or ', ' ', ' And ', ' or and '), tie('rule'))
      .map((parts) => parts.join('')),
    tie('rule').map((inner) => `not ${inner}`),
    tie('rule').map((inner) => `(${inner})`),
  ),
}));
const tokens = fc
  .array(
    fc.constantFrom(
      'and',
      'or',
      'not',
      '(',
      ')',
      'op:A',
      'scope:b',
      '"',
      "'",
      '\\',
      ' ',
      '\n',
      'x',
      'and:',
      '\u00a0',
      '\ud800',
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(''));
const repeated = fc
  .record({
    head: fc.constantFrom(
      '(',
      'not ',
      'op:A and ',
      'op:A or ',
      'not (',
      'op:"',
      "op:'\\'",
      'op:',
      '\\',
      '(op:A) and ',
      'x',
      ' ',
    ),
    tail: fc.constantFrom('', ')', 'op:A', '"', 'and '),
    n: fc.oneof({ weight: 60, arbitrary: fc.nat(200) }, { weight: 1, arbitrary: fc.nat(40_000) }),
  })
  .map(({ head, tail, n }) => head.repeat(n) + (tail === ')' ? `op:A${tail.repeat(n)}` : tail));

export const ruleText = fc.oneof(
  { weight: 6, arbitrary: rule },
  { weight: 2, arbitrary: tokens },
  { weight: 1, arbitrary: fc.string({ maxLength: 40, unit: 'binary' }) },
);
const texts = fc.oneof({ weight: 60, arbitrary: ruleText }, { weight: 1, arbitrary: repeated });

const model = modelOf(`
  input x: float32[2]
  y = Relu(x) in encoder.layer1
  output y
`);
const [op] = [...model.opsOf()] as [Op];

function read(text: string): readonly string[] {
  const where = JSON.stringify(text);
  const rule = { where: text, on: 'a', at: { file: 't', line: 1, column: 1 }, onAt: { file: 't' } };
  const diagnostics = checkRule(rule, where);
  const { condition, error } = parseCondition(text);
  if ((error === undefined) !== (diagnostics.length === 0))
    throw new Error('checkRule and parseCondition differ');
  if (condition !== undefined && error === undefined) {
    compileRule(rule).matches(op, model);
    return ['accepted'];
  }
  if (error === undefined || error.start < 0 || error.end > text.length + 1)
    throw new Error('an error without a place');
  return [
    `BB408 ${error.message
      .replace(/["(].*|, found.*|;.*|: .*/s, '')
      .trim()
      .slice(0, 40)}`,
  ];
}

export const rules = target({
  name: 'rules',
  arbitrary: texts,
  run: read,
  bytes: (text) => Buffer.from(text),
});
