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
