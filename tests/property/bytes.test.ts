import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkModel } from '../../compiler/index.ts';
import { DiagnosticError, decodeDataValue, importModel, memorySource, printModel } from '../../ir/index.ts';
import { fixtures } from '../support/onnx-files.ts';

const rich = readFileSync(path.join(fixtures, 'rich.onnx'));
const loop = readFileSync(path.join(fixtures, 'conformance/node/test_loop16_seq_none/model.onnx'));
const file = fc.constantFrom(rich, loop);

const changed = fc
  .tuple(file, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }))
  .map(([bytes, changes]) => {
    const copy = Uint8Array.from(bytes);
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return copy;
  });
const truncated = fc.tuple(file, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % bytes.length));
const anything = fc.oneof(fc.uint8Array({ maxLength: 200 }), changed, truncated);

test('whatever the bytes, import gives a model or says what is wrong and where', () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      const { model, diagnostics } = importModel(memorySource('m.onnx', bytes));
      if (model === undefined) {
        expect(diagnostics.length).toBeGreaterThan(0);
        expect(diagnostics[0]!.at?.file).toBe('m.onnx');
        return;
      }
      // What was imported can be judged and shown, however odd it is.
      for (const problem of checkModel(model)) expect(problem.message).not.toBe('');
      expect(printModel(model)).toContain('main');
    }),
    { numRuns: 1500 },
  );
}, 60_000);

test('a tensor file that cannot be read is a diagnostic', () => {
  const tensor = readFileSync(path.join(fixtures, 'conformance/node/test_abs/test_data_set_0/input_0.pb'));
  fc.assert(
    fc.property(
      fc.constantFrom('tensor', 'sequence', 'optional'),
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(tensor.length - 1).map((at) => tensor.subarray(0, at)),
      ),
      (kind, bytes) => {
        try {
          decodeDataValue(kind, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DiagnosticError);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
