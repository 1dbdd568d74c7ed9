import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import { exportModel, importModel, memorySource, printModel } from '../../ir/index.ts';
import { joined } from '../support/onnx-files.ts';
import { message } from '../support/random-messages.ts';

const models = message(ModelProtoSchema).map((model) => {
  const made = model as ModelProto;
  made.graph ??= create(GraphProtoSchema);
  return toBinary(ModelProtoSchema, made);
});

const canonical = (bytes: Uint8Array): Uint8Array =>
  toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, bytes));

test('import then export gives every message and field back, whatever they are', () => {
  fc.assert(
    fc.property(models, (bytes) => {
      const { model, diagnostics } = importModel(memorySource('random', bytes));
      expect(diagnostics).toEqual([]);
      const exported = joined(exportModel(model!).pieces);
      expect(Buffer.from(canonical(exported)).equals(canonical(bytes))).toBe(true);
      const again = importModel(memorySource('random', exported)).model!;
      expect(Buffer.from(joined(exportModel(again).pieces)).equals(exported)).toBe(true);
      expect(printModel(again)).toBe(printModel(model!));
    }),
    { numRuns: 100 },
  );
}, 60_000);

test('a subgraph that gives out a value of its outer graph does not take over its type', () => {
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ version: 21n }],
    graph: {
      name: 'outer',
      input: [{ name: 'a', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
      output: [{ name: 'y' }],
      node: [
        {
          opType: 'If',
          input: ['a'],
          output: ['y'],
          attribute: [{ name: 'then_branch', type: 5, g: { name: 'then', output: [{ name: 'a' }] } }],
        },
      ],
    },
  });
  const bytes = toBinary(ModelProtoSchema, model);
  const exported = joined(exportModel(importModel(memorySource('capture', bytes)).model!).pieces);
  expect(canonical(exported)).toEqual(canonical(bytes));
});
