import { expect, test } from 'vitest';
import { namedCalls } from '../../cli/load/names.ts';

const names = (text: string) => Object.fromEntries(namedCalls('model.ts', text));

test('a declaration names the outermost call of its initializer', () => {
  expect(names('const h = x.matmul(relu(w))\n  .add(b);')).toEqual({ '2:4': 'h' });
});
test('destructuring names nothing: fields have names of their own', () => {
  expect(names('const { y: logits, z } = split(x);')).toEqual({});
});
test('an assignment names like a declaration, through parentheses, casts and !', () => {
  expect(names('let h = 1; h = (relu(h) as Foo)!;')).toEqual({ '1:17': 'h' });
});
test('what is no call has no name', () => {
  expect(names('const a = 1; const f = () => g(); g();')).toEqual({});
});
