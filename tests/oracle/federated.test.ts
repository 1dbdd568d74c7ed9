// Federated algorithms against runs in numpy: the parameters of every round.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { algorithms, deviations, runsOf } from '../support/federated.ts';
import { projectRoot } from '../support/root.ts';

const runs = runsOf(readFileSync(path.join(projectRoot, 'tests/fixtures/federated/runs.json'), 'utf8'));
const backends = { cpu: cpuBackend(), onnxruntime: onnxRuntimeBackend({ workers: 0 }) };
afterAll(() => Promise.all(Object.values(backends).map((one) => one.close())));

describe.each(Object.entries(backends))('on %s', (_, backend) => {
  test.each(Object.keys(algorithms))('%s gives the parameters of each round', async (name) => {
    const { tolerance, rounds } = runs.algorithms[name]!;
    const found = await deviations(name, runs, backend);
    expect(found).toHaveLength(rounds.length - 1);
    for (const one of found) expect(one).toBeLessThanOrEqual(Math.max(tolerance, 1e-5));
  });
});
