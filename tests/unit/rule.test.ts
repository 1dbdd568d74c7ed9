import { expect, test } from 'vitest';
import { parseCondition } from '../../compiler/rules/grammar.ts';
import { compileRule } from '../../compiler/rules/rule.ts';
import { ModelEditor, NO_VALUE, type Op } from '../../ir/index.ts';

const editor = new ModelEditor({ irVersion: 10, opsets: new Map([['', 21]]), file: 'm.onnx' });
const main = editor.addGraph({ kind: 'main', name: 'main' });
const output = editor.addValue(main, { name: 'onnx::Flatten_0' });
const made = editor.addOp(main, {
  type: 'Flatten',
  name: '/encoder/Flatten (1)',
  scope: 'encoder.layer1',
  inputs: [],
  outputs: [output],
});
const model = editor.finish();

function matches(where: string, patch: Partial<Op> = {}): boolean {
  const at = { file: 't.json', line: 1, column: 1 };
  return compileRule({ where, on: 'p', at, onAt: at }).matches({ ...model.op(made), ...patch }, model);
}

test('op types match in any domain unless the rule names one', () => {
  expect(matches('op:Flatten')).toBe(true);
  expect(matches('op:Flat*')).toBe(true);
  expect(matches('op:Flat')).toBe(false);
  expect(matches('op:ai.onnx::Flatten')).toBe(true);
  expect(matches('op:ai.onnx.ml::Flatten')).toBe(false);
  expect(matches('op:Flatten', { domain: 'ai.onnx.ml' })).toBe(true);
  expect(matches('op:ai.onnx.ml::*', { domain: 'ai.onnx.ml' })).toBe(true);
});

test('a scope holds the scopes inside it', () => {
  expect(matches('scope:encoder')).toBe(true);
  expect(matches('scope:encoder.*')).toBe(true);
  expect(matches('scope:encoder.*', { scope: 'encoder' })).toBe(true);
  expect(matches('scope:encoder.layer1')).toBe(true);
  expect(matches('scope:encoder.layer')).toBe(false);
  expect(matches('scope:enc')).toBe(false);
  expect(matches('scope:*.layer1')).toBe(true);
  expect(matches('scope:encoder.*', { scope: undefined })).toBe(false);
});

test('names and values match by glob, odd ones in quotes', () => {
  expect(matches('name:/encoder/*')).toBe(true);
  expect(matches(`name:'/encoder/Flatten (1)'`)).toBe(true);
  expect(matches('name:"/encoder/Flatten (?)"')).toBe(true);
  expect(matches('value:onnx::Flatten_0')).toBe(true);
  expect(matches('value:Flatten_0')).toBe(false);
  expect(matches('value:*', { outputs: [NO_VALUE] })).toBe(false);
});

test('not binds closer than and, and closer than or', () => {
  expect(matches('op:Add or op:Flatten and not op:Flatten')).toBe(false);
  expect(matches('(op:Add or op:Flatten) and not op:Add')).toBe(true);
  expect(matches('not op:Add and not not op:Flatten')).toBe(true);
  expect(matches('op:Flatten or op:Add and op:Mul')).toBe(true);
});

test.each([
  ['op:', 3, 'expected a pattern right after the ":", found the end'],
  ['op: Add', 3, 'expected a pattern right after the ":"'],
  ['op:Add and', 10, 'expected a condition such as op:Softmax, found the end'],
  ['op:Add op:Mul', 7, 'expected "and", "or", ")" or the end, found op:'],
  ['(op:Add', 7, 'expected "and", "or", ")" or the end, found the end'],
  ['op:Add)', 6, 'expected "and", "or", ")" or the end, found )'],
  ['nam:x', 0, 'unknown field "nam"; did you mean "name"?'],
  ['size:x', 0, 'unknown field "size"; the fields are scope, op, name, value'],
  [`name:'x`, 5, 'a quote that does not end'],
  ['Softmax', 0, 'expected a condition such as op:Softmax, found Softmax'],
  ['or', 0, 'expected a condition such as op:Softmax, found or'],
  [' ', 1, 'expected a condition such as op:Softmax, found the end'],
])('%j does not parse, pointing at character %d', (text, start, message) => {
  expect(parseCondition(text).error).toMatchObject({ start, message });
});

test('a hostile glob costs at most pattern times text', () => {
  expect(matches(`name:${'*a'.repeat(500)}`, { name: `${'a'.repeat(4000)}b` })).toBe(false);
});
