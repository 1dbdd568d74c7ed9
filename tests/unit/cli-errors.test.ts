// Runs the built command line: `npm test` builds first.

import { describe, expect, test } from 'vitest';
import { errorCases, faults, runCase } from '../errors/cases.ts';

describe('bbc refuses, says why and where, and writes nothing:', () => {
  for (const one of errorCases) {
    test(one.name, { timeout: 60_000 }, async () => {
      expect(faults(one, await runCase(one))).toEqual([]);
    });
  }
});
