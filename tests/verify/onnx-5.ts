// Done line 5: every conformance model of opset 7 to 20 converted to 21 gives the same outputs on ONNX Runtime and on the
// CPU backend; so do all of them converted to the newest opset that each takes, and the real models.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { NEWEST_RUNNABLE_OPSET } from '../../ir/index.ts';
import {
  type Converted,
  compareConverted,
  compareModel,
  onCpu,
  onOnnxRuntime,
} from '../support/converted.ts';
import { sharedOnnx } from '../support/onnx-files.ts';
import type { Line, Verification } from './verification.ts';

const OLDEST = 7;
const CONVERTED_TO = 21;
const NEWEST_OPSET = 27;

const verify: Line = async (cx) => {
  const folder = path.join(sharedOnnx, 'conformance');
  const older = (target: number) => (opset: number) => opset >= OLDEST && opset < target;
  for (const [target, engine, where] of [
    [CONVERTED_TO, onOnnxRuntime, 'ONNX Runtime'],
    [NEWEST_RUNNABLE_OPSET, onOnnxRuntime, 'ONNX Runtime'],
    [CONVERTED_TO, onCpu, 'the CPU backend'],
    [NEWEST_OPSET, onCpu, 'the CPU backend'],
  ] as const) {
    await report(cx, `conformance models from opset ${OLDEST} on, converted to ${target}, on ${where}`, () =>
      compareConverted(folder, target, older(target), engine),
    );
  }
  for (const target of [CONVERTED_TO, NEWEST_RUNNABLE_OPSET]) {
    await report(cx, `real models, converted to ${target}`, async () => {
      const results: Converted[] = [];
      for (const name of cx.modelNames)
        results.push(await compareModel(name, readFileSync(cx.model(name)), target));
      return results;
    });
  }
};
export default verify;

async function report(
  cx: Verification,
  what: string,
  run: () => Promise<readonly Converted[]>,
): Promise<void> {
  const results = await cx.step(what, async () => [...(await run())]);
  const of = (outcome: Converted['outcome']): readonly Converted[] =>
    results.filter((one) => one.outcome === outcome);
  for (const { name, outcome, reason } of results)
    if (outcome !== 'same' && outcome !== 'close' && outcome !== 'not run')
      cx.note(`${name}: ${outcome}: ${reason}`);
  const wrong = of('differs').length + of('refused').length;
  cx.figure(
    what,
    `${of('same').length} of ${results.length} the same bits, ${of('close').length} within tolerance; ${of('not run').length} that the backend does not run as they are, ${of('no kernel').length} without a kernel of that opset, ${of('refused').length} refused, ${of('differs').length} different`,
    wrong === 0 && of('same').length > 0,
  );
}
