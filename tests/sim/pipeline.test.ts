// Pipeline inference over replicas: a stream of requests has the answers of the whole model, whoever is gone in the middle. A
// reduction of verify line strategies.7.

import { beforeAll, describe, expect, test } from 'vitest';
import { expected, recoveryOf, type Stream, stream } from '../support/pipelines.ts';

const REQUESTS = 24;
/** In s: there, from stage to stage, and back. */
const ROUND = 0.03;
let whole: Stream;
beforeAll(async () => {
  whole = await stream(REQUESTS, 1, 1n);
});

test('what is answered is what the whole model gives', () => {
  expect(whole.answers).toHaveLength(REQUESTS);
  for (const [request, answer] of whole.answers.entries())
    for (const [axis, value] of expected(request).entries())
      expect((answer as readonly number[])[axis]).toBeCloseTo(value, 6);
});

test('four requests on their way at once take a quarter of the time', async () => {
  const together = await stream(REQUESTS, 4, 1n);
  expect(together.answers).toEqual(whole.answers);
  expect(whole.lasted).toBeGreaterThan(REQUESTS * ROUND * 0.99);
  expect(together.lasted).toBeLessThan(whole.lasted / 3.9);
});

describe('a replica that is gone in the middle', () => {
  test.each([
    ['of the first stage, others are told', 'front/1', '100ms', '300ms'],
    ['of the last stage, others are told', 'back/0', '105ms', '300ms'],
    ['nobody is told: requests wait for as long as they were to', 'back/1', '100ms', 'never'],
  ])('%s', async (_, who, at, notice) => {
    const found = await stream(REQUESTS, 4, 1n, { who, at, notice });
    // None is lost, and none is wrong: bit for bit.
    expect(found.answers).toEqual(whole.answers);
    // Those that were on their way there go again; once it is known, nobody else goes there.
    expect(Math.max(...found.tries)).toBe(2);
    const again = found.tries.filter((tries) => tries > 1).length;
    expect(again).toBeGreaterThan(0);
    expect(again).toBeLessThanOrEqual(4);
    const wait = notice === 'never' ? 2 : 0.3;
    const recovery = recoveryOf(found, Number.parseFloat(at) / 1000);
    expect(recovery).toBeGreaterThan(wait - ROUND);
    expect(recovery).toBeLessThan(wait + 3 * ROUND);
  });
});
