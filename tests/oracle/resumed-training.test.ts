// Runs the built package: `npm test` builds first. Training of the digits example that is stopped and resumed ends in the bits
// of one that is not; verify line train.3 does it for longer, and over ten phones.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { readTensorFile } from '../../cli/tensors/files.ts';
import { builtBbc } from '../support/built-bbc.ts';
import { projectRoot } from '../support/root.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'resumed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('digits learnt in two runs are digits learnt in one: parameters, slots of Adam, counter', async () => {
  const example = path.join(projectRoot, 'examples/05-digits');
  const topology = path.join(example, 'topology.json');
  const programs = path.join(folder, 'programs');
  const compile = [path.join(example, 'model.ts'), '--peers', topology, '--no-check', '-o', programs];
  expect((await builtBbc(['compile', ...compile], folder)).status).toBe(0);
  const run = async (flows: number, to: string, ...rest: readonly string[]) => {
    const file = path.join(folder, to);
    const options = ['--topology', topology, '--flows', String(flows), '--checkpoint', file, ...rest];
    expect((await builtBbc(['run', programs, ...options], folder)).status).toBe(0);
    return file;
  };
  const whole = readTensorFile(await run(4, 'whole.npz'));
  const part = await run(2, 'part.npz');
  const resumed = readTensorFile(await run(2, 'resumed.npz', '--resume', part));
  // A megabyte, which expect would compare number by number.
  expect(isDeepStrictEqual(resumed, whole)).toBe(true);
  // Eight parameters, two slots of each, the number of updates, and the share of test digits.
  expect([...whole.keys()].filter((name) => name.startsWith('state:desk:')).length).toBeGreaterThan(24);
});
