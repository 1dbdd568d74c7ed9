// Done line 3: ONNX's backend test cases, uncut against the expected values, then cut over 3 peers and after every
// op against the bits of the uncut run.

import path from 'node:path';
import { type Case, readIndex } from '../../cli/conformance/cases.ts';
import { runAll } from '../../cli/conformance/run-all.ts';
import type { Split } from '../../cli/conformance/run-case.ts';
import { onnxRuntime } from '../../cli/conformance/whole.ts';
import { fixtures, sharedOnnx } from '../support/onnx-files.ts';
import type { Line } from './verification.ts';

/** Few enough for an interrupted run to lose little. */
const CHUNK = 100;
/** Values of these types do not cross to JavaScript, so a case of them cannot be run at all for now. */
const CLOSED = /sequence|optional|bfloat16|float8|float4|int4|int2|is no tensor|is of kind/i;

/** What became of one case: a reason where it did not pass. */
interface Result {
  readonly name: string;
  readonly status: string;
  readonly reason: string;
  readonly [key: string]: string;
}

const verify: Line = async (cx) => {
  const full = path.join(sharedOnnx, 'conformance');
  let folder = full;
  let cases: readonly Case[];
  try {
    cases = readIndex(full);
  } catch {
    folder = path.join(fixtures, 'conformance');
    cases = readIndex(folder);
    cx.note('../shared/onnx is not there: only the fixtures stand for it');
  }

  const uncut = await run('uncut', undefined);
  const missed = uncut.filter(({ status }) => status === 'failed');
  for (const { name, reason } of missed) cx.note(`failed: ${name}: ${reason}`);
  // The uncut run hands the file itself to ONNX Runtime: differing elements are its own.
  const own = missed.filter(({ reason }) => !/ elements differ/.test(reason));
  cx.figure(
    'uncut, but for elements that ONNX Runtime itself computes otherwise',
    `${tally(uncut)}; ${own.length} failed otherwise`,
    own.length === 0 && uncut.some(({ status }) => status === 'passed'),
  );
  const closed = uncut.filter(({ status }) => status === 'unsupported');
  const foreign = closed.filter(({ reason }) => CLOSED.test(reason));
  cx.note(
    `unsupported: ${foreign.length} with types that do not cross to JavaScript, ${closed.length - foreign.length} refused by ONNX Runtime`,
  );

  const before = new Map(uncut.map((one) => [one.name, one]));
  for (const [what, split] of [
    ['cut over 3 peers', 3],
    ['cut after every op', 'every'],
  ] as const) {
    const results = await run(what, split);
    const worse = results.filter(({ name, status, reason }) => {
      const other = before.get(name)!;
      return status !== other.status || (status === 'failed' && reason !== other.reason);
    });
    for (const { name, status, reason } of worse) cx.note(`${status}: ${name}: ${reason}`);
    const ran = results.filter(({ status }) => status !== 'unsupported').length;
    cx.figure(
      `${what}, the bits of the uncut run`,
      `${ran - worse.length} of ${ran} that run uncut`,
      worse.length === 0 && ran > 0,
    );
  }

  async function run(what: string, split: Split): Promise<readonly Result[]> {
    const results: Result[] = [];
    for (let from = 0; from < cases.length; from += CHUNK) {
      const some = await cx.step(`${what}, from case ${from}`, async () => {
        const verdicts = await runAll(folder, cases.slice(from, from + CHUNK), {
          split,
          backend: onnxRuntime('disabled'),
        });
        return verdicts.map((one): Result => ({ name: one.case, status: one.status, reason: one.reason }));
      });
      results.push(...some);
    }
    return results;
  }
};
export default verify;

function tally(results: readonly Result[]): string {
  const count = (wanted: string): number => results.filter(({ status }) => status === wanted).length;
  return `${count('passed')} of ${results.length} passed, ${count('failed')} failed, ${count('unsupported')} unsupported`;
}
