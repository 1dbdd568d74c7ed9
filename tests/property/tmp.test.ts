import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
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
      if(!Buffer.from(canonical(exported)).equals(canonical(bytes))){const A=JSON.stringify(toJson(ModelProtoSchema,fromBinary(ModelProtoSchema,bytes))),B=JSON.stringify(toJson(ModelProtoSchema,fromBinary(ModelProtoSchema,exported)));let i=0;while(i<A.length&&A[i]===B[i])i++;console.log(A.length,B.length,i,A.slice(Math.max(0,i-300),i+300),'\n-----\n',B.slice(Math.max(0,i-300),i+300));const a=canonical(bytes),b=canonical(exported);let j=0;while(a[j]===b[j])j++;console.log(a.length,b.length,j,Buffer.from(a.slice(j-24,j+24)).toString('hex'),Buffer.from(b.slice(j-24,j+24)).toString('hex'));throw new Error('differs');}
      const again = importModel(memorySource('random', exported)).model!;
      expect(Buffer.from(joined(exportModel(again).pieces)).equals(exported)).toBe(true);
      expect(printModel(again)).toBe(printModel(model!));
    }),
    { numRuns: 9000, endOnFailure: true },
  );
}, 500_000);
