// A reduction of `npm run verify -- runtime.6`: some of the examples in every order.

import { expect, test } from 'vitest';
import { exploredExamples, exploreExample } from '../support/explored.ts';

test.each(exploredExamples.filter(([name]) => ['04-voice-detector', '09-split-fed'].includes(name)))(
  '%s comes out the same in every order',
  (name, ...options) => {
    const { whole, findings, runs, status } = exploreExample(name, ...options);
    expect({ whole, findings, status }).toEqual({ whole: true, findings: [], status: 0 });
    expect(runs).toBeGreaterThan(5);
  },
  60_000,
);
