// Strategies as processes over WebSockets, each in the smallest deployment that it admits: of each way in which members meet,
// one. All of them: `npm run verify -- strategies.9`.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { StrategyProcesses } from '../support/strategy-processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'strategies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const processes = new StrategyProcesses(folder);

test.each(['diLoCo', 'pushSum'] as const)('%s gives the bits of one process', async (name) => {
  const { several, one } = await processes.run(name);
  expect(several).toEqual(one);
  expect(several.statuses).toEqual({ complete: 3 });
});

test.each(['fedBuff'] as const)('%s goes on without rounds, and comes to its end', async (name) => {
  const { several } = await processes.run(name);
  expect(Object.keys(several.statuses)).toEqual(['complete']);
  for (const count of Object.values(several.messages)) expect(count).toBeGreaterThan(0);
});
