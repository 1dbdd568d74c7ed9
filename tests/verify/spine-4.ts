// Done line 4: import and export of every model at hand gives the same messages, and the same bytes the second
// time; ONNX's own checker accepts every program that the compiler emits.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkWithPython, compileInto } from '../support/check-programs.ts';
import { fixtures, onnxFiles, sharedOnnx } from '../support/onnx-files.ts';
import { type RoundTrip, verifyRoundTrip } from '../support/roundtrip.ts';
import { largeModel } from './large-model.ts';
import type { Line, Verification } from './verification.ts';

const COUNTS = [2, 3, 4, 5, 6, 7, 8];
/** Of the conformance models every so many-eth is compiled, over each number of these peers. */
const SAMPLED = 5;
const SAMPLE_COUNTS = [1, 2, 3];

const verify: Line = async (cx) => {
  const conformance = onnxFiles(path.join(sharedOnnx, 'conformance'));
  const local = onnxFiles(path.join(fixtures, 'conformance'));
  const real = [...cx.modelNames.map((name) => cx.model(name)), largeModel(cx)];
  if (conformance.length === 0) cx.note('../shared/onnx is not there: only the fixtures stand for it');
  roundTrips(cx, 'fixtures', onnxFiles(fixtures));
  if (conformance.length > 0) roundTrips(cx, 'conformance models', conformance);
  roundTrips(cx, 'real models', real);
  for (const file of real) await checked(cx, path.basename(file), [file], COUNTS);
  const sample = (conformance.length > 0 ? conformance : local).filter((_, index) => index % SAMPLED === 0);
  await checked(cx, `${sample.length} conformance models`, sample, SAMPLE_COUNTS);
};
export default verify;

function roundTrips(cx: Verification, what: string, files: readonly string[]): void {
  const results = files.map((file): RoundTrip => verifyRoundTrip(file));
  const count = (outcome: RoundTrip['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length;
  for (const { file, outcome, detail } of results)
    if (outcome === 'changed') cx.note(`${path.basename(file)}: ${detail}`);
  const refused = count('refused');
  cx.figure(
    `${what} equal after import and export`,
    `${count('equal')} of ${files.length}${refused === 0 ? '' : `, ${refused} malformed ones refused`}`,
    count('changed') === 0 && count('equal') > 0,
  );
}

async function checked(
  cx: Verification,
  what: string,
  files: readonly string[],
  counts: readonly number[],
): Promise<void> {
  const result = await cx.step(`programs of ${what}`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'programs-'));
    try {
      const programs: string[] = [];
      const codes: Record<string, number> = {};
      for (const [index, file] of files.entries()) {
        for (const count of counts) {
          const one = await compileInto(path.join(folder, `${index}-${count}`), file, count);
          programs.push(...one.programs);
          for (const code of one.refused) codes[code] = (codes[code] ?? 0) + 1;
        }
      }
      const verdict = checkWithPython(programs);
      const refused = Object.entries(verdict?.refused ?? {}).map(([file, why]): [string, string] => {
        const [index, ...rest] = path.relative(folder, file).split(/[-/]/);
        return [`${path.basename(path.dirname(files[Number(index)]!))}, peers ${rest.join(' ')}`, why];
      });
      return { programs: programs.length, codes, version: verdict?.version ?? null, refused };
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
  const { programs, codes, version, refused } = result;
  const notCompiled = Object.entries(codes).map(([code, times]) => `${times} × ${code}`);
  const also = notCompiled.length === 0 ? '' : `; not compiled: ${notCompiled.join(', ')}`;
  if (version === null) {
    cx.note(`${what}: ${programs} programs NOT CHECKED: set PYTHON to a Python that has onnx${also}`);
    return;
  }
  for (const [where, why] of refused) cx.note(`${where}: ${why}`);
  cx.figure(
    `programs of ${what} that ONNX’s checker accepts`,
    `${programs - refused.length} of ${programs} (onnx ${version})${also}`,
    refused.length === 0 && programs > 0,
  );
}
