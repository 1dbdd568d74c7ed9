// Modules with faults that their authors marked: lint finds exactly these.

import { expect, test } from 'vitest';
import { foundFaults, seededFaults, seededModules } from '../support/lint-seeded.ts';

test('there are ten modules, and each has a fault', () => {
  expect(seededModules.length).toBe(10);
  for (const name of seededModules) expect(seededFaults(name)).not.toEqual([]);
});

test.each(seededModules)('%s: exactly its seeded faults', async (name) => {
  expect(await foundFaults(name)).toEqual(seededFaults(name));
});
