// Done line 5: every conformance model of opset 7 to 20 converted to 21 gives the same outputs on ONNX Runtime; so do
// all conformance and real models converted to the newest opset that ONNX Runtime takes.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { NEWEST_RUNNABLE_OPSET } from '../../ir/index.ts';
import { type Converted, compareConverted, compareModel } from '../support/converted.ts';
import { sharedOnnx } from '../support/onnx-files.ts';
import type { Line, Verification } from './verification.ts';

const OLDEST = 7;
const CONVERTED_TO = 21;

const verify: Line = async (cx) => {
  const folder = path.join(sharedOnnx, 'conformance');
  const before = (opset: number): boolean => opset >= OLDEST && opset < CONVERTED_TO;
  await report(cx, `conformance models of opset 7 to 20, converted to ${CONVERTED_TO}`, () =>
    compareConverted(folder, CONVERTED_TO, before),
  );
  const newest = (opset: number): boolean => opset >= OLDEST && opset < NEWEST_RUNNABLE_OPSET;
  await report(cx, `conformance models of opset 7 to 25, converted to ${NEWEST_RUNNABLE_OPSET}`, () =>
    compareConverted(folder, NEWEST_RUNNABLE_OPSET, newest),
  );
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
    `${of('same').length} of ${results.length} the same bits, ${of('close').length} within tolerance; ${of('not run').length} that ONNX Runtime does not run as they are, ${of('no kernel').length} without a kernel of that opset, ${of('refused').length} refused, ${of('differs').length} different`,
    wrong === 0 && of('same').length > 0,
  );
}
