// Import and export of every model at hand: the same messages, and the same bytes the second time.

import path from 'node:path';
import { fixtures, onnxFiles, sharedOnnx } from '../support/onnx-files.ts';
import { type RoundTrip, verifyRoundTrip } from '../support/roundtrip.ts';
import type { Line } from './verification.ts';

const run: Line = async (cx) => {
  const conformance = onnxFiles(path.join(sharedOnnx, 'conformance'));
  show('fixtures', onnxFiles(fixtures));
  if (conformance.length === 0) cx.note('../shared/onnx is not there: only the fixtures stand for it');
  else show('conformance models', conformance);
  show(
    'real models',
    cx.modelNames.map((name) => cx.model(name)),
  );

  function show(what: string, files: readonly string[]): void {
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
};

export default run;
