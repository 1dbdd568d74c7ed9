// A value that is larger than what a connection takes at once, from process to process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sendLarge } from '../support/large-value.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'large-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('64 MiB arrive as they were, in messages of 1 MiB, and both ends hold a few times as much at most', async () => {
  const bytes = 64 * 2 ** 20;
  const { status, same, grown } = await sendLarge(folder, bytes);
  expect([status, same]).toEqual(['complete', true]);
  // What was computed, what goes again if a connection breaks, and what one frame is made of.
  expect(grown.sender).toBeGreaterThan(bytes);
  expect(grown.sender).toBeLessThan(5 * bytes);
  expect(grown.receiver).toBeGreaterThan(bytes);
  expect(grown.receiver).toBeLessThan(3 * bytes);
}, 60_000);
