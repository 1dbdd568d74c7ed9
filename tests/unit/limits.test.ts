// What a file is refused for although nothing in it is wrong: each limit says what there is too much of, and how
// much is read.

import { expect, test } from 'vitest';
import { tensorsIn } from '../../cli/tensors/files.ts';
import { checkModel, parseConfig, parseTopology, Verdict } from '../../compiler/index.ts';
import { type Diagnostic, DiagnosticError, importModel, memorySource } from '../../ir/index.ts';
import { bombs } from '../fuzz/model-bombs.ts';

function model(name: string, bytes: Uint8Array): readonly Diagnostic[] {
  const { model, diagnostics } = importModel(memorySource(name, bytes));
  return model === undefined
    ? diagnostics
    : [...checkModel(model), ...new Verdict(model).types().diagnostics];
}
const topology = (fields: string, classes = '"a":{}') =>
  parseTopology(`{"version":1,"classes":{${classes}},${fields}}`, 't.json').diagnostics;
function tensors(name: string, text: string): readonly Diagnostic[] {
  try {
    tensorsIn(name, Buffer.from(text), []);
    return [];
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics;
  }
}
const nested = '['.repeat(200);

test.each([
  ['levels of nested messages', () => model('m.onnx', bombs['types in types']!(119))],
  ['dimensions: this tensor has 100', () => model('m.onnx', bombs['a rank of n']!(2))],
  [
    'functions that call one another: here 150',
    () => model('m.onnx', bombs['functions that call the next']!(30)),
  ],
  ['steps to infer the types', () => model('m.onnx', bombs['functions that call the next twice']!(30))],
  ['brackets within one another', () => model('m.onnxtxt', Buffer.from(`agraph ${nested}`))],
  ['levels of objects and lists', () => topology(`"peers":${nested}`)],
  ['levels of objects and lists', () => parseConfig(nested, 'bytesandbrains.json', []).diagnostics],
  ['peers in all classes', () => topology('"peers":{}', '"b":{"count":99999},"c":{"count":2}')],
  [
    'conditions within one another',
    () => topology(`"place":[{"where":"${'('.repeat(200)}op:A${')'.repeat(200)}","on":"a"}]`),
  ],
  ['characters in a rule', () => topology(`"place":[{"where":"${' '.repeat(20_000)}op:A","on":"a"}]`)],
  ['arrays within one another', () => tensors('x.json', `{"x":${nested}${']'.repeat(200)}}`)],
])('more %s than is read', (what, read) => {
  const over = read().filter(({ code }) => code === 'BB110');
  expect(over[0]?.message).toMatch(new RegExp(`^over a limit: more than \\d+ ${what}`));
  expect(over[0]?.at).toBeDefined();
});
