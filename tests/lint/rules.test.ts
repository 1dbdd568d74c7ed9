// Every rule over graphs and plans: its bad example has exactly that problem, its good example has none at all.

import { describe, expect, test } from 'vitest';
import { rules } from '../../compiler/index.ts';
import { lintExample } from '../support/lint-examples.ts';

describe.each(rules.map((rule) => [rule.id, rule] as const))('%s', (id, { examples }) => {
  test('is found in its bad example, and nothing else is', async () => {
    const found = await lintExample(examples.bad);
    expect(
      new Set(found.map(({ rule, level, message }) => (rule === id ? rule : `${rule} ${level}: ${message}`))),
    ).toEqual(new Set([id]));
  });
  test('its good example has nothing', async () => {
    expect(await lintExample(examples.good)).toEqual([]);
  });
});

test('what only decides whether a flow follows is used', async () => {
  const found = await lintExample({
    model: `
import { entry, module, next, output, peer } from 'bytesandbrains';
const server = peer('server');
export default module('rounds', () => {
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    output('done', round);
    next('round', { round: round.add(1n) }).when(round.less(50n));
  });
});`,
  });
  expect(found.filter(({ rule }) => rule === 'unused-parameter')).toEqual([]);
});

/** Rounds of averaging; nothing else is wrong with them. */
const rounds = (limit: number, condition: string) => ({
  topology: '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }',
  model: `
import { cohort, collect, entry, float32, input, module, next, on, output, peer, state } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('rounds', () => {
  const x = input('x', float32, [4], { at: phones.each });
  entry('round', server, { initial: { round: 0n }, limit: ${limit} }, ({ round }) => {
    const w = state('w', [0, 0, 0, 0], { at: server });
    const now = w.read();
    const delta = on(phones.each, () => x.sub(now));
    const all = collect({ delta }, { at: server, within: '10s', atLeast: 2 });
    const mean = all.delta.reduceMean({ axes: [0], keepdims: false });
    w.assign(now.add(mean.orElse([0, 0, 0, 0])));
    const size = mean.reduceSumSquare({ keepdims: false });
    output('size', size.orElse(0));
    next('round', { round: round.add(1n) }).when(round.less(50n).and(${condition}));
  });
});`,
});
const foundIn = async (limit: number, condition: string): Promise<readonly string[]> =>
  (await lintExample(rounds(limit, condition))).map(({ rule, at }) => `${rule} ${at?.line}`);

test('an update is lost only where an entry lets two flows be open at once', async () => {
  expect(await foundIn(1, 'size.orElse(1).greater(0.1)')).toEqual([]);
  expect(await foundIn(2, 'size.orElse(1).greater(0.1)')).toEqual(['lost-update 12']);
});

test('a session that ends because an answer is missing is told, with the way', async () => {
  expect(await foundIn(1, 'size.greater(0.1)')).toEqual(['unhandled-missing 15']);
  const [found] = await lintExample(rounds(1, 'size.greater(0.1)'));
  expect(found!.message).toBe(
    "next('round') is given a value that is missing if too few members answer: then the session ends",
  );
  expect(found!.related!.map(({ message }) => message.replace(/^\S+ /, ''))).toEqual(
    expect.arrayContaining(['(Collect) is then missing', '(Greater) is then missing']),
  );
});
