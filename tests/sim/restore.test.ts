// A training run whose peers are killed and restored goes on to the same parameters, bit for bit.

import { expect, test } from 'vitest';
import { withExample } from '../support/crash-everywhere.ts';
import { SplitLearning, type Standing } from '../support/split-learning.ts';

test('split learning, killed at every 7th call of a node, ends with the parameters of a run that nobody kills', async () => {
  const run = await SplitLearning.open(4);
  const expected = await run.finish(run.begin());
  expect(expected.split('\n').length).toBeGreaterThan(10);
  let calls = 0;
  for (
    let standing: Standing | undefined = run.begin();
    standing !== undefined;
    standing = await run.step(standing)
  ) {
    const id = calls % 2 === 0 ? 'client' : 'server';
    if (calls++ % 7 === 0) expect(await run.finish(run.killed(standing, id))).toBe(expected);
  }
  expect(calls).toBeGreaterThan(100);
});

test('the split-learning example, killed at some calls, comes back from its last snapshot and the records since', async () => {
  await withExample(1, async (course) => {
    const { boundaries, parameters } = await course.run();
    expect(boundaries).toBeGreaterThan(100);
    expect(parameters.split('\n').length).toBe(27);
    for (let at = 3; at < boundaries; at += 23) {
      const ended = await course.run(at);
      expect(ended.parameters).toBe(parameters);
      expect(ended.snapshots).toBeGreaterThan(0);
    }
  });
}, 60_000);
