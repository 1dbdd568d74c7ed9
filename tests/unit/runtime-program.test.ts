import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../../ir/generated/onnx-ml_pb.ts';
import { DiagnosticError, DOMAIN, memorySource } from '../../ir/index.ts';
import { checkManifest, decodeProgram, type LoadedBundle, segmentModels } from '../../runtime/index.ts';
import { call, core, edge, f32, makeBundle, recv, send } from '../sim/programs.ts';

const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b')];
const plain = makeBundle({
  class: 'a',
  members,
  edges,
  inputs: ['x'],
  ops: [call('double', ['x'], ['y']), send(0, 'y')],
});

/** A program whose segment has a weight in weights.bin, a small one inside, and calls another function. */
function withWeights(): LoadedBundle {
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
  const opset = (domain: string) => create(OperatorSetIdProtoSchema, { domain, version: 21n });
  const info = (name: string, elemType: number) => {
    const value = create(TypeProto_TensorSchema, { elemType });
    const type = create(TypeProtoSchema, { value: { case: 'tensorType', value } });
    return create(ValueInfoProtoSchema, { name, type });
  };
  const external = create(TensorProtoSchema, {
    name: 'big',
    dataType: 1,
    dims: [2n],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [entry('location', 'weights.bin'), entry('offset', '8'), entry('length', '8')],
  });
  const small = create(TensorProtoSchema, { name: 'small', dataType: 7, dims: [1n], int64Data: [-3n] });
  const model = create(ModelProtoSchema, {
    irVersion: 11n,
    opsetImport: [opset(''), opset(DOMAIN.segment)],
    graph: create(GraphProtoSchema, {
      name: 'g',
      initializer: [external, small],
      node: [
        create(NodeProtoSchema, {
          domain: DOMAIN.segment,
          opType: 's0',
          input: ['x', 'big', 'small'],
          output: ['y', ''],
        }),
      ],
    }),
    functions: [
      create(FunctionProtoSchema, {
        domain: DOMAIN.segment,
        name: 's0',
        input: ['i', 'w', 'k'],
        output: ['o', 'unused'],
        opsetImport: [opset(''), opset('local')],
        valueInfo: [info('i', 1), info('w', 1), info('o', 1), info('h', 1)],
        node: [
          create(NodeProtoSchema, { opType: 'Add', input: ['i', 'w'], output: ['h'] }),
          create(NodeProtoSchema, { domain: 'local', opType: 'f', input: ['h'], output: ['o'] }),
        ],
      }),
      create(FunctionProtoSchema, { domain: 'local', name: 'f', opsetImport: [opset('')] }),
      create(FunctionProtoSchema, { domain: 'local', name: 'other' }),
    ],
  });
  const base = makeBundle({ class: 'a', members: { a: ['a'] }, inputs: ['x'], outputs: ['y'], ops: [] });
  return {
    manifest: base.manifest,
    onnx: toBinary(ModelProtoSchema, model),
    weights: memorySource('weights.bin', new Uint8Array(16)),
  };
}

describe('the model of a segment', () => {
  const bundle = withWeights();
  const segment = segmentModels(bundle).get('s0')!;
  const model = fromBinary(ModelProtoSchema, segment.onnx);

  test('has the run-time values as inputs and what the call passes of weights as initializers', () => {
    expect(segment.inputs).toEqual([{ name: 'i', dtype: 'float32', shape: null }]);
    expect(segment.outputs).toEqual([{ name: 'o', dtype: 'float32', shape: null }]);
    expect(model.graph!.input.map(({ name }) => name)).toEqual(['i']);
    const [big, small] = model.graph!.initializer;
    expect(big).toMatchObject({ name: 'w', dataLocation: TensorProto_DataLocation.EXTERNAL });
    expect(big!.externalData.map(({ value }) => value)).toEqual(['weights.bin', '8', '8']);
    expect(small).toMatchObject({ name: 'k', int64Data: [-3n] });
    expect(segment.weights).toBe(bundle.weights);
  });

  test('keeps ops, IR version and opsets, and only the functions it calls; leaves types of inner values behind', () => {
    expect(model.graph!.node.map(({ opType }) => opType)).toEqual(['Add', 'f']);
    expect(model.graph!.valueInfo).toEqual([]);
    expect(model.irVersion).toBe(11n);
    expect(model.opsetImport.map(({ domain }) => domain)).toEqual(['', 'local']);
    expect(model.functions.map(({ name }) => name)).toEqual(['f']);
  });

  test('has no part of the call that nobody reads', () => {
    expect(model.graph!.output.map(({ name }) => name)).toEqual(['o']);
  });
});

describe('a program that cannot run', () => {
  const refused = (ops: Parameters<typeof makeBundle>[0]['ops'], reason: RegExp): void => {
    const bundle = makeBundle({ class: 'a', members, edges, inputs: ['x'], ops });
    expect(() => decodeProgram(bundle)).toThrow(reason);
  };

  test('is refused with the reason', () => {
    refused([{ op: 'core.Dance', in: ['x'] }], /BB622.*Dance is not known/);
    refused([{ op: 'Relu.Relu', in: ['x'] }], /BB622.*Relu/);
    refused([send(7, 'x')], /edge 7 is not among the outgoing/);
    refused([recv(0, 'y')], /edge 0 is not among the incoming/);
    refused([send(0, 'nothing')], /nothing before .* makes value nothing/);
    refused([core('When', ['x'], ['y'])], /When takes 2 inputs/);
    refused([core('StateRead', ['x'], ['y'], undefined, { key: 'w' })], /outside of a fragment/);
    refused([call('s', ['x'], ['x'])], /made twice/);
    const receiver = makeBundle({ class: 'b', members, edges, ops: [] });
    expect(() => decodeProgram(receiver)).toThrow(/no op receives edge 0/);
  });

  test('damaged bytes give a diagnostic or a program, nothing else', () => {
    for (const { onnx, ...rest } of [plain, withWeights()]) {
      const change = fc.record({ at: fc.nat(onnx.length - 1), to: fc.nat(255) });
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(onnx.length), (changes, cut) => {
          const mutated = onnx.slice(0, cut % 3 === 0 ? cut : onnx.length);
          for (const { at, to } of changes) if (at < mutated.length) mutated[at] = to;
          for (const read of [decodeProgram, segmentModels]) {
            try {
              read({ ...rest, onnx: mutated });
            } catch (error) {
              expect(error).toBeInstanceOf(DiagnosticError);
            }
          }
        }),
        { numRuns: 1000 },
      );
    }
  });
});

describe('constants that the node reads itself', () => {
  test('come from raw data, typed fields and weights.bin alike', () => {
    const constants = { c: f32(1, 2) };
    const ops = [core('Present', ['c'], ['p'])];
    const program = decodeProgram(
      makeBundle({ class: 'a', members: { a: ['a'] }, outputs: ['p'], constants, ops }),
    );
    expect(program.seats[0]!.constants.find((one) => one !== undefined)).toEqual(constants.c);
    const bundle = withWeights();
    const outputs = ['big', 'small'].map((name) => ({ name, dtype: null, shape: null }));
    const { seats } = decodeProgram({ ...bundle, manifest: { ...bundle.manifest, outputs } });
    const [big, small] = seats[0]!.constants.filter((one) => one !== undefined);
    expect(big).toMatchObject({ dtype: 'float32', dims: [2], bytes: new Uint8Array(8) });
    expect(new BigInt64Array(small!.bytes.buffer as ArrayBuffer)).toEqual(BigInt64Array.of(-3n));
  });
});

describe('the manifest', () => {
  const good = JSON.parse(JSON.stringify(plain.manifest)) as Record<string, unknown>;

  test('is taken as it is when it is right', () => {
    expect(checkManifest(good)).toEqual(plain.manifest);
  });

  test('every field is checked, and the path of a wrong one is named', () => {
    for (const field of Object.keys(good).filter((key) => key !== 'version'))
      expect(() => checkManifest({ ...good, [field]: 1.5 })).toThrow(new RegExp(`BB620.*manifest: ${field}`));
    expect(() => checkManifest({ ...good, version: 2 })).toThrow(/BB621.*version 2/);
    expect(() => checkManifest(null)).toThrow(/BB620/);
    const [first] = plain.manifest.edgesOut;
    const edgesOut = [{ ...first, kind: 'smoke' }];
    expect(() => checkManifest({ ...good, edgesOut })).toThrow(/edgesOut\[0\]\.kind is not one of send/);
    const stray = [{ ...first, to: { class: 'z', binder: 'single' } }];
    expect(() => checkManifest({ ...good, edgesOut: stray })).toThrow(/members\.z \(named by edge 0\)/);
  });

  test('random documents give a diagnostic, nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        expect(() => checkManifest(document)).toThrow(DiagnosticError);
      }),
    );
  });
});
