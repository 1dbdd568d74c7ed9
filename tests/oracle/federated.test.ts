// Federated algorithms against runs in numpy: the parameters of every round.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { algorithms, deviations, runsOf } from '../support/federated.ts';
import { averaged } from '../support/gossip.ts';
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

describe.each(Object.entries(backends))('without a server, on %s', (_, backend) => {
  const x0 = [
    [1, -2],
    [3, 0.5],
    [-4, 8],
    [0.25, 1],
  ];
  /** Doubly stochastic: a ring. And two by turns that are only column-stochastic, to one neighbour each. */
  const ring = [0, 1, 2, 3].map((i) =>
    [0, 1, 2, 3].map((j) => (i === j ? 0.5 : (i + j) % 2 === 1 ? 0.25 : 0)),
  );
  const pushes = [1, 3].map((to) =>
    [0, 1, 2, 3].map((i) =>
      [0, 1, 2, 3].map((j) => (i === j ? 1 - 0.1 * (j + 1) : i === (j + to) % 4 ? 0.1 * (j + 1) : 0)),
    ),
  );
  test.each([
    ['gossip', 'on a ring', [ring]],
    ['push-sum', 'over shares that change by turns', pushes],
  ] as const)('%s %s is the product of its matrices', async (kind, _, matrices) => {
    const found = await averaged(kind, { x0, matrices, steps: 6 }, backend);
    let want = x0.map((one) => [...one, 1]);
    for (const [step, got] of found.entries()) {
      const shares = matrices[step % matrices.length]!;
      want = shares.map((row) =>
        want[0]!.map((_, at) => row.reduce((sum, part, j) => sum + part * want[j]![at]!, 0)),
      );
      got.forEach((one, i) => {
        const [weight] = want[i]!.slice(-1);
        for (const [at, value] of one.entries()) expect(value).toBeCloseTo(want[i]![at]! / weight!, 5);
      });
    }
    expect(found).toHaveLength(6);
  });
});
