import { expect, test } from 'vitest';
import { contiguousParts, placeByParts, singleOpParts } from '../../compiler/parts.ts';
import { placeKey } from '../../ir/index.ts';
import { typedModel } from '../support/model.ts';

/** Names of ops by part. */
function parts(text: string, count: number | 'every'): string {
  const model = typedModel(text);
  const found = count === 'every' ? singleOpParts(model) : contiguousParts(model, count);
  return found.map((part) => part.map((op) => model.op(op).name).join(' ')).join(' | ');
}

/** Inputs, ops and outputs with their places, cut over k classes. */
function placed(text: string, k: number): string {
  const model = typedModel(text);
  const classes = Array.from({ length: k }, (_, index) => `p${index}`);
  const { inputs, ops, outputs } = placeByParts(model, contiguousParts(model, k), classes);
  const steps = [...model.opsOf()].map((op) => `${op.name}@${placeKey(ops[op.id]!)}`);
  return [inputs.map(placeKey).join(), ...steps, outputs.map(placeKey).join()].join(' ');
}

const chain = (count: number): string =>
  [
    'input x: float32[4]',
    ...Array.from(
      { length: count },
      (_, index) => `v${index} = Relu(${index === 0 ? 'x' : `v${index - 1}`})`,
    ),
    `output v${count - 1}`,
  ].join('\n');

const sequence = `
  input x: float32[4]
  a = Relu(x)
  b: seq(float32[4]) = SequenceConstruct(a)
  c = SequenceAt(b)
  d = Relu(c)
  output d`;

test('parts are contiguous and of about equal length', () => {
  expect(parts(chain(7), 3)).toBe('v0 v1 | v2 v3 v4 | v5 v6');
  expect(parts(chain(2), 3)).toBe('v0 | v1');
  expect(parts(chain(4), 1)).toBe('v0 v1 v2 v3');
});

test('a part after each op, but never where a value cannot cross', () => {
  expect(parts(chain(3), 'every')).toBe('v0 | v1 | v2');
  expect(parts(sequence, 'every')).toBe('a | b c | d');
  expect(parts(sequence, 3)).toBe('a | b c | d');
  expect(parts(sequence, 2)).toBe('a b c | d');
});

test('parts of single ops can be asked for before inference', () => {
  const model = typedModel(chain(3));
  const editor = model.edit();
  for (const op of model.opsOf()) for (const id of op.outputs) editor.setValue(id, { type: undefined });
  expect(singleOpParts(editor.finish())).toHaveLength(3);
});

test('a part on each class in order, a lone one in the middle', () => {
  expect(placed(chain(3), 3)).toBe('p0 v0@p0 v1@p1 v2@p2 p2');
  expect(placed(chain(1), 3)).toBe('p0 v0@p1 p2');
  expect(placed(chain(1), 2)).toBe('p0 v0@p1 p1');
  expect(placed(chain(2), 3)).toBe('p0 v0@p0 v1@p2 p2');
});

test('where inputs or outputs cannot cross, their ops go to them', () => {
  expect(placed('input x: seq(float32[4])\na: float32[4] = SequenceAt(x)\noutput a', 3)).toBe('p0 a@p0 p2');
  expect(placed('input x: float32[4]\na: seq(float32[4]) = SequenceConstruct(x)\noutput a', 3)).toBe(
    'p0 a@p2 p2',
  );
  expect(placed('input x: seq(float32[4])\na = SequenceErase(x)\noutput a', 3)).toBe('p0 a@p0 p0');
});

test('constants count for nothing, unless there is nothing else', () => {
  const text = 'input x: float32[4]\nk = Constant()\na = Add(x, k)\nb = Add(a, k)\noutput b';
  expect(parts(text, 'every')).toBe('a | b');
  expect(parts('k = Constant()\noutput k', 3)).toBe('k');
  expect(placed('k = Constant()\noutput k', 3)).toBe(' k@p1 p2');
});

test('values that vary from run to run are no constants', () => {
  expect(parts('a: float32[4] = RandomNormal()\nb: float32[4] = Relu(a)\noutput b', 'every')).toBe('a | b');
});
