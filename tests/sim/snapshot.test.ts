// A node that is restored from a snapshot goes on as it would have: in all worlds of the simulation’s tests, each node has
// a twin that is restored at every poll boundary.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Twin } from '../support/twin.ts';
import { World } from './world.ts';

const plain = World.nodeOf;
beforeAll(() => {
  World.nodeOf = (options) => new Twin(options);
  // At each of them in the first tests; in all of them it takes a minute.
  if (process.env.SNAPSHOT_EVERYWHERE === undefined) Twin.often = { times: 3000, every: 40 };
});
afterAll(() => {
  World.nodeOf = plain;
});

describe('restored at every poll boundary:', async () => {
  for (const file of [
    ...['flows', 'seats', 'joint', 'collect', 'late', 'fragments', 'containers', 'bounds', 'network'],
    'components',
  ])
    await import(`./${file}.test.ts`);
});

test('that was often', () => {
  expect(Twin.restored).toBeGreaterThan(1000);
  console.log(`restored ${Twin.restored} times`);
});
