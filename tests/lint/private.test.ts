// Private inputs followed through the graph: what counts as a leak, what ends it, and the way that is shown.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Finding, lint } from '../../compiler/index.ts';
import { exportModel, formatPosition, importModel, memorySource } from '../../ir/index.ts';
import { exampleFile } from '../support/example.ts';
import { recordText, topologyFrom } from '../support/lint-examples.ts';
import { joined } from '../support/onnx-files.ts';

const topology = topologyFrom(
  '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {}, "archive": {} } }',
);
const body = (...lines: readonly string[]): string =>
  [
    "import { cohort, collect, constant, dataSource, float32, gradient, input, module, on, onnx, output, peer, secret, state, uint32 } from 'bytesandbrains';",
    "const phones = cohort('phone'); const server = peer('server'); const archive = peer('archive');",
    "export default module('m', () => {",
    ...lines,
    '});',
  ].join('\n');
const leaks = async (...lines: readonly string[]): Promise<readonly Finding[]> =>
  lint(await recordText(body(...lines)), { topology }).filter(
    (one) => one.code !== undefined || one.rule === 'private-value-leaves-class',
  );
const messages = async (...lines: readonly string[]): Promise<string[]> =>
  (await leaks(...lines)).map(({ message }) => message);
/** Lines of the author's that the way goes over, with what is said there. */
const way = (one: Finding | undefined): string[] =>
  (one?.related ?? []).map(({ at, message }) => `${formatPosition(at).replace(/:\d+$/, '')} ${message}`);

test('the way is shown line by line, from the input over every op to the reader', async () => {
  const [one, ...rest] = await leaks(
    "const photo = input('photo', float32, [4], { at: server, private: true });",
    'const h =',
    '  photo.mul(2)',
    '    .relu();',
    'const s = h.exp().at(server);',
    "output('y', on(archive, () => s.sqrt()));",
  );
  expect(rest).toEqual([]);
  expect(one?.message).toBe('exp is computed from private input photo and goes from class server to archive');
  expect(formatPosition(one?.at)).toBe('model.ts:8:13');
  expect(way(one)).toEqual([
    'model.ts:4 private input photo enters',
    'model.ts:6 goes into mul (Mul)',
    'model.ts:7 goes into h (Relu)',
    'model.ts:8 goes into exp (Exp)',
    'model.ts:9 crosses to archive, where Sqrt → y reads it',
  ]);
});

test('a secret does not leave its class, and what is computed from it is followed as what a private input brings', async () => {
  const mask = 'const mask = secret(uint32, [4], { at: server });';
  expect(await messages(mask, "output('y', on(archive, () => mask.bitwiseNot()));")).toEqual([
    'a private value of class "server" would cross to "archive"',
  ]);
  expect(
    await messages(
      mask,
      "const m = mask.bitwiseNot().at(server); output('y', on(archive, () => m.bitwiseNot()));",
    ),
  ).toEqual(['bitwiseNot is computed from private input mask and goes from class server to archive']);
  expect(
    await messages(
      mask,
      "const m = mask.bitwiseNot().declassify('a test').at(server); output('y', on(archive, () => m.bitwiseNot()));",
    ),
  ).toEqual([]);
});

test('a collect protects nothing; a declassified value is not followed further', async () => {
  const grad = "const x = input('x', float32, [4], { at: phones.each, private: true }); const g = x.mul(x);";
  expect(
    await messages(
      grad,
      "const c = g.collect({ at: server, within: '5s' }); output('y', on(server, () => c.values.relu()));",
    ),
  ).toEqual(['g is computed from private input x and goes from class phone to server']);
  const noised = "const n = g.add(1).declassify('noised to epsilon 1');";
  expect(
    await messages(
      grad,
      noised,
      "const c = n.exp().collect({ at: server, within: '5s' }); output('y', on(server, () => c.values.relu()));",
    ),
  ).toEqual([]);
});

test('state carries it from flow to flow, whichever comes first in the graph', async () => {
  const [one] = await leaks(
    "const x = input('x', float32, [4], { at: server, private: true });",
    "const w = state('w', constant([0, 0, 0, 0]), { at: server });",
    'const before = w.read();',
    "output('y', on(archive, () => before.relu()));",
    'w.assign(before.add(x));',
  );
  expect(one?.message).toMatch(/^before is computed from private input x/);
  expect(way(one)[1]).toMatch(/model\.ts:8 goes into .* \(Add\)/);
  expect(way(one)[2]).toBe('model.ts:6 before is read from state w');
});

test('several private inputs of one value are one finding, and what happens elsewhere is none', async () => {
  expect(
    await messages(
      "const a = input('a', float32, [4], { at: server, private: true });",
      "const b = input('b', float32, [4], { at: server, private: true });",
      'const sum = a.add(b);',
      'const far = on(archive, () => sum.relu());',
      "output('back', on(server, () => far.exp()));",
    ),
  ).toEqual(['sum is computed from private inputs a, b and goes from class server to archive']);
});

test('the input itself is refused by the compiler, under the same rule', async () => {
  const [one] = await leaks(
    "const x = input('x', float32, [4], { at: server, private: true });",
    "output('y', on(archive, () => x.relu()));",
  );
  expect(one).toMatchObject({ rule: 'private-value-leaves-class', code: 'BB418', level: 'error' });
});

test('only results of ops can be declassified, and only with a reason', async () => {
  const x = "const x = input('x', float32, [4], { at: server, private: true });";
  await expect(messages(x, "output('y', x.declassify('public'));")).rejects.toThrow('BB308');
  await expect(messages(x, "output('y', x.relu().declassify(' '));")).rejects.toThrow('BB308');
});

test('marks survive export and import', async () => {
  const x = "input('x', float32, [4]).relu().declassify('too coarse').declassifyGradient('noised')";
  const model = await recordText(body(`output('y', ${x});`));
  const back = importModel(memorySource('m.onnx', joined(exportModel(model).pieces)));
  expect([...back.model!.opsOf()].map((op) => [op.declassified, op.declassifiedGradient])).toEqual([
    ['too coarse', 'noised'],
  ]);
});

test('private data of a member stays with it, and what is computed from it is followed', async () => {
  const data =
    "const { x, label } = dataSource('train', { at: phones.each, fields: { x: [float32, ['N', 4]], label: [float32, ['N']] }, private: true }).batch(0, 8);";
  const collected = (value: string): string =>
    `output('y', collect(${value}, { at: server, within: '5s' }).values);`;
  const [sum] = await leaks(data, 'const s = x.reduceSum();', collected('s'));
  expect(sum?.message).toBe('s is computed from private value x and goes from class phone to server');
  expect(way(sum)).toEqual([
    'model.ts:4 private field x of train is read',
    'model.ts:5 goes into s (ReduceSum)',
    'model.ts:6 crosses to server, where Collect → y reads it',
  ]);
  expect(await messages(data, collected('label'))).toEqual([
    'a private value of class "phone" would cross to "server"',
  ]);
  expect(await messages(data, "const s = x.reduceSum().declassify('a sum');", collected('s'))).toEqual([]);
  expect(await messages(data.replace('private: true', 'private: false'), collected('x'))).toEqual([]);
});

describe('what goes back', () => {
  const head = [
    "const x = input('x', float32, [4], { at: server });",
    "const label = input('label', float32, [4], { at: phones.each, private: true });",
    "const w = state('w', constant([1, 1, 1, 1]), { at: server });",
  ];
  const trained = (mark: string, ...more: readonly string[]): string[] => [
    ...head,
    `const h = on(server, () => w.read().mul(x))${mark};`,
    'const loss = on(phones.each, () => h.sub(label).reduceSumSquare());',
    ...more,
  ];

  test('a gradient holds the labels that went into it, unless the value it belongs to says otherwise', async () => {
    const sum = "const total = collect(loss.declassify('a mean'), { at: server, within: '5s' }).values;";
    const step =
      "const g = on(server, () => gradient(total.reduceSum({ keepdims: false }), w.read())); output('g', g);";
    const [one, ...rest] = await leaks(...trained('', sum, step));
    expect(rest).toEqual([]);
    expect(one?.message).toMatch(/is computed from private input label and goes from class phone to server$/);
    expect(way(one).at(0)).toBe('model.ts:5 private input label enters');
    expect(await messages(...trained(".declassifyGradient('summed over 3 phones')", sum, step))).toEqual([]);
  });

  test('it speaks of that gradient alone', async () => {
    const mark = ".declassifyGradient('summed')";
    const both = [
      'const other = on(server, () => w.read().add(x));',
      'const loss2 = on(phones.each, () => h.add(other).sub(label).reduceSumSquare());',
      "const total = collect(loss2.declassify('a mean'), { at: server, within: '5s' }).values;",
      "const g = on(server, () => gradient(total.reduceSum({ keepdims: false }), w.read())); output('g', g);",
    ];
    const found = await messages(...trained(mark, ...both));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/private input label and goes from class phone to server$/);
  });

  test('an input, and no reason, are refused', async () => {
    await expect(messages(...head, "output('y', x.declassifyGradient('why not'));")).rejects.toThrow('BB308');
    await expect(messages(...head, "output('y', x.relu().declassifyGradient(''));")).rejects.toThrow('BB308');
  });
});

describe('examples/08-private-split', () => {
  const text = readFileSync(exampleFile('08-private-split', 'model.ts'), 'utf8');
  const peers = topologyFrom(readFileSync(exampleFile('08-private-split', 'topology.json'), 'utf8'));
  const changed = async (from: string, to: string): Promise<readonly Finding[]> => {
    expect(text).toContain(from);
    return lint(await recordText(text.replace(from, to)), { topology: peers });
  };
  const lineOf = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;
  const label = `model.ts:${lineOf('digits.batch(step')} private field label of train is read`;

  test('keeps images and labels on the client', async () => {
    expect(lint(await recordText(text), { topology: peers })).toEqual([]);
  });
  test('labels read at the server do not compile', async () => {
    const loss = 'crossEntropy(logits, label)';
    const [one, ...rest] = await changed(loss, `on(server, () => ${loss})`);
    expect(rest).toEqual([]);
    expect(one).toMatchObject({ rule: 'private-value-leaves-class', code: 'BB418', level: 'error' });
    expect(one).toMatchObject({ value: 'label', at: { line: lineOf(loss) } });
  });
  test('labels in another form are found, with the way that they take', async () => {
    const loss = 'crossEntropy(logits, label)';
    const encoded = 'label.oneHot(10n, constant([0.1, 0.9])).argMax({ axis: 1, keepdims: false })';
    const [one] = await changed(loss, `on(server, () => crossEntropy(logits, on(client, () => ${encoded})))`);
    expect(one).toMatchObject({
      rule: 'private-value-leaves-class',
      level: 'error',
      at: { line: lineOf(loss) },
    });
    expect(one?.message).toBe(
      'argMax is computed from private value label and goes from class client to server',
    );
    const line = `model.ts:${lineOf(loss)}`;
    expect(way(one)).toEqual([
      label,
      `${line} goes into argMax (2 ops, the last ArgMax)`,
      expect.stringMatching(`^${line} crosses to server, where .* reads it$`),
    ]);
  });
  test('features and gradients leave only because their author says why', async () => {
    const [features] = await changed('(pixels(image)).declassify(FEATURES)', '(pixels(image))');
    expect(features?.message).toMatch(/^features is computed from private value.* image/);
    const [gradient] = await changed('.declassifyGradient(GRADIENT)', '');
    expect(gradient?.message).toMatch(/^grad\/\S+ is computed from private value label/);
    expect(way(gradient).at(0)).toBe(label);
  });
});
