import { expect, test } from 'vitest';
import { namedCalls } from '../../cli/load/names.ts';

const names = (text: string): Record<string, unknown> =>
  Object.fromEntries(
    [...namedCalls('model.ts', text)].map(([at, { name, names }]) => [
      at,
      name ?? Object.fromEntries(names!),
    ]),
  );

test('a declaration names the outermost call of its initializer', () => {
  expect(names('const h = x.matmul(relu(w))\n  .add(b);')).toEqual({ '2:4': 'h' });
});
test('what a call gives may be called', () => {
  expect(names('const h = net(weights, mode)(x);\nconst z = block({\n  w,\n})(x);')).toEqual({
    '1:28': 'h',
    '4:2': 'z',
  });
});
test('destructuring names each result', () => {
  expect(names('const { y: logits, z } = split(x);\nconst [a, , b] = topk(x);')).toEqual({
    '1:26': { y: 'logits', z: 'z' },
    '2:18': { '0': 'a', '2': 'b' },
  });
});
test('an assignment names like a declaration, through parentheses, casts and !', () => {
  expect(names('let h = 1; h = (relu(h) as Foo)!;')).toEqual({ '1:17': 'h' });
});
test('what is done at a place names the call that its body gives', () => {
  expect(names('const h = on(phone, () => x.relu());\nconst { a: z } = on(hub, () => split(x));')).toEqual({
    '1:29': 'h',
    '2:32': { a: 'z' },
  });
  expect(names('const h = on(phone, () => {\n  const w = relu(x);\n  return w.add(1);\n});')).toEqual({
    '2:13': 'w',
    '3:12': 'h',
  });
  expect(names('const h = on(phone, body);')).toEqual({ '1:11': 'h' });
});
test('a mark on a value leaves the name to the call that makes it', () => {
  expect(names("const h = x.relu().add(1).declassify('only sums');")).toEqual({ '1:20': 'h' });
});
test('what is no call has no name', () => {
  expect(names('const a = 1; const f = () => g(); g();')).toEqual({});
});
test('so does a mark on its gradient', () => {
  expect(names("const h = middle(w)(x).declassifyGradient('a mean');")).toEqual({ '1:19': 'h' });
});
