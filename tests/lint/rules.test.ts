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
