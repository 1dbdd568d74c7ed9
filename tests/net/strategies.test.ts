// Every strategy as processes over WebSockets, in the smallest deployment that it admits.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { expected } from '../support/pipelines.ts';
import { type Strategy, smallest, strategies, strategyNames } from '../support/strategies.ts';
import { StrategyProcesses } from '../support/strategy-processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'strategies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const processes = new StrategyProcesses(folder);
const sizes = (name: (typeof strategyNames)[number]): string =>
  Object.entries(smallest(name))
    .map(([cls, count]) => `${count} ${cls}`)
    .join(', ');
const named = strategyNames.map((name) => [name, sizes(name)] as const);
const byItself = (name: (typeof strategyNames)[number]): boolean =>
  (strategies[name] as Strategy).byItself !== undefined;

test.each(named.filter(([name]) => !byItself(name)))('%s, %s: the bits of one process', async (name) => {
  const { several, one } = await processes.run(name);
  expect(several).toEqual(one);
  expect(Object.keys(several.statuses)).toEqual(['complete']);
});

// When flows start that start by themselves is another matter each time.
test.each(named.filter(([name]) => byItself(name)))(
  '%s, %s: every flow ends, and all are heard',
  async (name) => {
    const { several } = await processes.run(name);
    expect(Object.keys(several.statuses)).toEqual(['complete']);
    for (const count of Object.values(several.messages)) expect(count).toBeGreaterThan(0);
  },
);

test('pipeline, 1 client, 1 front, 1 back: the answers of the whole model', async () => {
  const answers = await processes.answers(6);
  expect(answers).toHaveLength(6);
  for (const [request, answer] of answers.entries())
    for (const [axis, value] of expected(request).entries())
      expect((answer as readonly number[])[axis]).toBeCloseTo(value, 6);
});
