// Bad input to `bbc` in this process, and a few cases to the built one: `npm run verify -- spine.6` gives it all.

import { afterAll, describe, expect, test } from 'vitest';
import { bench } from '../../cli/commands/bench.ts';
import { compileCommand } from '../../cli/commands/compile.ts';
import { conformanceCommand } from '../../cli/commands/conformance.ts';
import { run } from '../../cli/commands/run.ts';
import { errorCases, faults, type Printed, runCase } from '../errors/cases.ts';
import { bbcOf } from '../support/bbc.ts';

const bbc = bbcOf(bench, compileCommand, conformanceCommand, run);
const before = process.cwd();
afterAll(() => process.chdir(before));

async function inProcess(folder: string, argv: readonly string[]): Promise<Printed> {
  process.chdir(folder);
  try {
    const { status, out, err } = await bbc(...argv);
    return { status, stdout: out, stderr: err };
  } finally {
    process.chdir(before);
  }
}

describe('bbc refuses, says why and where, and writes nothing:', () => {
  test.each(errorCases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    expect(faults(one, await runCase(one, inProcess))).toEqual([]);
  });
});

describe('so does the built command line:', () => {
  const names = ['an empty .onnx', 'an input of wrong shape', 'an unknown option'];
  test.each(names)('%s', async (name) => {
    const one = errorCases.find((each) => each.name === name)!;
    expect(faults(one, await runCase(one))).toEqual([]);
  });
});
