// Done line 6: on det, rec, cls and silero, op counts no worse than onnxsim's with its `fuse_*` optimisers skipped,
// outputs equal within 1e-6. And on every conformance model that simplifying changes, the outputs keep their bits.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readIndex } from '../../cli/conformance/cases.ts';
import { opCounts } from '../../cli/simplify.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { sharedOnnx } from '../support/onnx-files.ts';
import { projectRoot } from '../support/root.ts';
import {
  countsOf,
  differences,
  givenInputs,
  simplifyCase,
  simplifyFile,
  worseCounts,
} from '../support/simplify.ts';
import type { Line } from './verification.ts';

const TOLERANCE = 1e-6;
const SEEDS = [1, 2, 3];
/** Cases in one step, so that an interrupted run goes on. */
const CASES = 200;

const verify: Line = async (cx) => {
  // At this level ONNX Runtime computes op by op: what differs is our doing.
  const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 0 });
  for (const name of Object.keys(givenInputs)) {
    const file = cx.model(name);
    const theirs = await cx.step(`onnxsim ${name}`, () =>
      simplifiedByOnnxsim(cx.packageFolder('onnxsim'), file, path.join(cx.folder, `${name}.onnx`)),
    );
    const { model, original, applied } = simplifyFile(file);
    const [was, is] = [original, model].map((one) => [...opCounts(one).values()].reduce((a, b) => a + b, 0));
    const sum = Object.values(theirs).reduce((a, b) => a + b, 0);
    const worse = worseCounts(opCounts(model), theirs);
    cx.figure(`${name}: ops, original → ours, onnxsim`, `${was} → ${is}, ${sum}`, is! <= sum);
    cx.figure(
      `${name}: operators of which there are more than in onnxsim's`,
      worse.join('; ') || 'none',
      worse.length === 0,
    );
    cx.note([...applied].map(([rewrite, count]) => `${rewrite} ${count}`).join(', '));
    const found = await cx.step(`outputs of ${name}`, () => differences(backend, name, file, model, SEEDS));
    const most = found.includes(null) ? null : Math.max(...found.map(Number));
    cx.figure(
      `${name}: largest difference of an output`,
      most ?? 'types or shapes',
      most !== null && most <= TOLERANCE,
    );
  }

  const folder = path.join(sharedOnnx, 'conformance');
  if (!existsSync(folder)) return cx.note('the conformance set is not there');
  const cases = readIndex(folder);
  const counts = { unchanged: 0, equal: 0, 'not run': 0, wrong: 0 };
  for (let from = 0; from < cases.length; from += CASES) {
    const results = await cx.step(`cases from ${from}`, async () => {
      const found = [];
      for (const one of cases.slice(from, from + CASES))
        found.push({ path: one.path, ...(await simplifyCase(folder, one, backend)) });
      return found;
    });
    for (const { path: name, status, reason } of results) {
      counts[status]++;
      if (status === 'wrong') cx.note(`${name}: ${reason}`);
    }
  }
  const text = Object.entries(counts)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
  cx.figure(`of ${cases.length} conformance models`, text, counts.wrong === 0 && counts.equal > 0);
};
export default verify;

function simplifiedByOnnxsim(folder: string, model: string, out: string): Record<string, number> {
  const script = path.join(projectRoot, 'tests/support/onnxsim.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, folder, model, out], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(stderr);
  return countsOf(out);
}
