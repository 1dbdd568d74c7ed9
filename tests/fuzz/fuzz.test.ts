// A seeded reduction of what `npm run verify -- tools.5` runs at full size.

import { expect, test } from 'vitest';
import { replayCommand } from './harness.ts';
import { targets } from './targets.ts';

/** Cases, by how long one takes. */
const runs: Readonly<Record<string, number>> = { onnx: 250, conformance: 150, node: 60, text: 150 };
const SEED = 1;

for (const target of targets) {
  test(`hostile input to ${target.name}: no throw that is no diagnostic, nothing slow, nothing beyond its caps`, () => {
    const { failure, cases, outcomes } = target.fuzz({ seed: SEED, runs: runs[target.name] ?? 250 });
    const replay =
      failure && `${failure.error}\n${replayCommand(target.name, SEED, failure.path)}\n${failure.hex}`;
    expect(replay).toBeUndefined();
    // A fuzzer whose inputs all end at the door tests the door.
    expect(outcomes.accepted ?? outcomes['flow-ended'] ?? 0).toBeGreaterThan(cases / 100);
  });
}
