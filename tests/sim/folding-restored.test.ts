// Folding, each node beside a twin that is restored at every poll boundary.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Twin } from '../support/twin.ts';
import { World } from './world.ts';

const plain = World.nodeOf;
beforeAll(() => {
  World.nodeOf = (options) => new Twin(options);
  // At each of them in all tests but the last, of all orders.
  Twin.often = { times: 3000, every: 40 };
});
afterAll(() => {
  World.nodeOf = plain;
});

describe('restored at every poll boundary:', async () => {
  await import('./folding.test.ts');
});

test('that was often', () => {
  expect(Twin.restored).toBeGreaterThan(2000);
});
