// Done line 3: the conformance cases on the CPU backend, whole and cut in three.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { isRandom, readIndex } from '../../cli/conformance/cases.ts';
import { runAll } from '../../cli/conformance/run-all.ts';
import type { Split, Verdict } from '../../cli/conformance/run-case.ts';
import { cpu } from '../../cli/conformance/whole.ts';
import { projectRoot } from '../support/root.ts';
import type { Line, Verification } from './verification.ts';

const CHUNK = 50;
const LEAST = 0.99;

const verify: Line = async (cx) => {
  const shared = path.resolve(projectRoot, '../shared/onnx/conformance');
  const folder = existsSync(shared) ? shared : path.join(projectRoot, 'tests/fixtures/conformance');
  cx.note(`cases from ${path.relative(projectRoot, folder)}`);
  const counted = new Set(
    readIndex(folder)
      .filter((one) => one.reference === 'pass' && !isRandom(one))
      .map((one) => one.path),
  );
  const whole = await run(cx, folder, 'whole', undefined);
  const passed = whole.filter((one) => one.status === 'passed');
  const share = passed.filter((one) => counted.has(one.case)).length / counted.size;
  cx.figure(
    'cases that the reference reproduces, passed',
    `${(100 * share).toFixed(2)} % of ${counted.size}`,
    share >= LEAST,
  );
  for (const one of whole)
    if (one.status !== 'passed')
      cx.note(
        `${one.status}${counted.has(one.case) ? '' : ', not counted'}: ${one.case}: ${one.reason.slice(0, 200)}`,
      );
  const cut = new Map((await run(cx, folder, 'cut in 3', 3)).map((one) => [one.case, one]));
  const worse = passed.filter((one) => cut.get(one.case)!.status !== 'passed');
  for (const { case: name } of worse) cx.note(`cut: ${name}: ${cut.get(name)!.reason.slice(0, 200)}`);
  cx.figure(
    'of those that pass whole, pass cut in 3',
    `${passed.length - worse.length} of ${passed.length}`,
    worse.length === 0,
  );
};
export default verify;

async function run(
  cx: Verification,
  folder: string,
  what: string,
  split: Split,
): Promise<readonly Verdict[]> {
  const cases = readIndex(folder);
  const results: Verdict[] = [];
  for (let from = 0; from < cases.length; from += CHUNK) {
    const some = await cx.step(`${what}, from case ${from}`, async () => {
      const verdicts = await runAll(folder, cases.slice(from, from + CHUNK), { split, backend: cpu() });
      return verdicts.map((one) => ({ ...one }));
    });
    results.push(...some);
  }
  return results;
}
