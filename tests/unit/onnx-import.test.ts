import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../../ir/generated/onnx-ml_pb.ts';
import { type ByteSource, exportModel, importModel, memorySource, readWeight } from '../../ir/index.ts';
import { joined } from '../support/onnx-files.ts';

const GIGABYTE = 1 << 30;

function modelOf(initializer: TensorProto[], more: Partial<ModelProto> = {}): Uint8Array {
  const graph = create(GraphProtoSchema, { name: 'g', initializer });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, graph, ...more } as never));
}
const floats = (count: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);
const rawTensor = (name: string, count: number): TensorProto =>
  create(TensorProtoSchema, { name, dataType: 1, dims: [BigInt(count)], rawData: floats(count) });

/** Counts the bytes that are read. */
function counted(source: ByteSource): ByteSource & { bytesRead: number } {
  const counting = {
    name: source.name,
    byteLength: source.byteLength,
    bytesRead: 0,
    read(offset: number, length: number): Uint8Array {
      counting.bytesRead += length;
      return source.read(offset, length);
    },
  };
  return counting;
}

/** A model whose only weight has `weightBytes` of raw_data, which are not in memory. */
function hugeModel(weightBytes: number): ByteSource {
  const small = modelOf([create(TensorProtoSchema, { name: 'w', dataType: 2, dims: [BigInt(weightBytes)] })]);
  // raw_data = field 9, appended to the tensor, which ends the graph, which ends the model.
  const head = [0x4a, ...varint(weightBytes)];
  const content = weightBytes + head.length;
  const tensor = small.subarray(small.length - tensorLength(small));
  const graphName = [0x12, 1, 0x67];
  const tensorHead = [0x2a, ...varint(tensor.length + content)];
  const graphLength = graphName.length + tensorHead.length + tensor.length + content;
  const prefix = Uint8Array.from([
    8,
    10,
    0x3a,
    ...varint(graphLength),
    ...graphName,
    ...tensorHead,
    ...tensor,
    ...head,
  ]);
  return {
    name: 'huge.onnx',
    byteLength: prefix.length + weightBytes,
    read: (offset, length) => {
      const bytes = new Uint8Array(length);
      if (offset < prefix.length)
        bytes.set(prefix.subarray(offset, Math.min(prefix.length, offset + length)));
      return bytes;
    },
  };
}
const tensorLength = (model: Uint8Array): number => model[model.indexOf(0x2a) + 1]!;
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

describe('weights', () => {
  test('of gigabytes are ranges: import reads the graph only', () => {
    const source = counted(hugeModel(1.5 * GIGABYTE));
    const { model, diagnostics } = importModel(source);
    expect(diagnostics).toEqual([]);
    const { weight } = model!.value(model!.mainGraph.initializers[0]!);
    expect(weight!.range).toMatchObject({
      byteLength: 1.5 * GIGABYTE,
      offset: source.byteLength - 1.5 * GIGABYTE,
    });
    expect(source.bytesRead).toBeLessThan(1 << 20);
    // Export refers to the same range.
    const pieces = exportModel(model!).pieces;
    expect(pieces.reduce((sum, piece) => sum + piece.byteLength, 0)).toBe(source.byteLength);
    expect(source.bytesRead).toBeLessThan(1 << 20);
  });

  test('in packed float_data are ranges too', () => {
    const tensor = create(TensorProtoSchema, {
      name: 'w',
      dataType: 1,
      dims: [100n],
      floatData: Array.from({ length: 100 }, (_, index) => index),
    });
    const bytes = modelOf([tensor]);
    const { model } = importModel(memorySource('m', bytes));
    const weight = model!.value(model!.mainGraph.initializers[0]!).weight!;
    expect(weight.field).toBe('float_data');
    expect(weight.proto.floatData).toEqual([]);
    expect(readWeight(weight).bytes).toEqual(floats(100));
    expect(joined(exportModel(model!).pieces)).toEqual(Buffer.from(bytes));
  });

  test('given twice in one tensor, or beside a field of our mark, stay whole and come back', () => {
    const tensor = toBinary(TensorProtoSchema, rawTensor('w', 50));
    const twice = Uint8Array.from([...tensor, ...tensor.subarray(tensor.lastIndexOf(0x4a))]);
    const mark = [0xf8, 0xff, 0xff, 0xff, 0x0f, 0];
    for (const odd of [twice, Uint8Array.from([...tensor, ...mark])]) {
      const graph = Uint8Array.from([0x2a, ...varint(odd.length), ...odd]);
      const bytes = Uint8Array.from([8, 10, 0x3a, ...varint(graph.length), ...graph]);
      const { model, diagnostics } = importModel(memorySource('m', bytes));
      expect(diagnostics).toEqual([]);
      const weight = model!.value(model!.mainGraph.initializers[0]!).weight!;
      expect(readWeight(weight).bytes).toEqual(floats(50));
      const again = joined(exportModel(model!).pieces);
      expect(importModel(memorySource('m', again)).model).toBeDefined();
      expect(again.includes(Buffer.from(mark))).toBe(odd !== twice);
    }
  });

  test('keep the bits of a NaN', () => {
    const payload = Uint8Array.from([1, 0, 0xa0, 0x7f, 1, 0, 0xc0, 0xff]);
    const bytes = modelOf([
      create(TensorProtoSchema, { name: 'w', dataType: 1, dims: [2n], rawData: payload }),
    ]);
    const { model } = importModel(memorySource('m', bytes));
    expect(joined(exportModel(model!).pieces)).toEqual(Buffer.from(bytes));
  });
});

describe('external data', () => {
  const external = (entries: Record<string, string>): Uint8Array =>
    modelOf([
      create(TensorProtoSchema, {
        name: 'w',
        dataType: 1,
        dims: [2n],
        dataLocation: 1,
        externalData: Object.entries(entries).map(([key, value]) => ({ key, value }) as never),
      }),
    ]);
  const data = memorySource('w.bin', floats(4));
  const importWith = (entries: Record<string, string>) =>
    importModel(memorySource('m.onnx', external(entries)), {
      external: (location) => (location === 'data/w.bin' ? data : undefined),
    });

  test('is a range of its file', () => {
    const { model } = importWith({ location: 'data/w.bin', offset: '8', length: '8' });
    const weight = model!.value(model!.mainGraph.initializers[0]!).weight!;
    expect(weight.range).toEqual({ source: data, offset: 8, byteLength: 8 });
    expect([...new Float32Array(readWeight(weight).bytes.slice().buffer)]).toEqual([2, 3]);
  });

  test('without a length ends with its file', () => {
    const { model } = importWith({ location: 'data/w.bin', offset: '8' });
    expect(model!.value(model!.mainGraph.initializers[0]!).weight!.range!.byteLength).toBe(8);
  });

  test.each([
    ['BB102', { location: 'absent.bin' }],
    ['BB103', { location: '../w.bin' }],
    ['BB103', { location: 'data/../../w.bin' }],
    ['BB103', { location: 'a\\..\\..\\w.bin' }],
    ['BB103', { location: '/etc/passwd' }],
    ['BB103', { location: 'C:\\w.bin' }],
    ['BB104', { location: 'data/w.bin', offset: '12', length: '8' }],
    ['BB105', { location: 'data/w.bin', offset: '-1' }],
    ['BB105', { location: 'data/w.bin', offset: '99', length: '1e3' }],
    ['BB105', { offset: '0' }],
  ])('is refused with %s when it says %j', (code, entries) => {
    const { model, diagnostics } = importWith(entries as Record<string, string>);
    expect(model).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code, value: 'w', at: { file: 'm.onnx' } }]);
  });
});

describe('a broken file', () => {
  const refuse = (bytes: Uint8Array): unknown => {
    const { model, diagnostics } = importModel(memorySource('m.onnx', bytes));
    expect(model).toBeUndefined();
    return diagnostics[0];
  };

  test('is refused at the byte where a length passes the end', () => {
    const bytes = modelOf([rawTensor('w', 50)]);
    expect(refuse(bytes.subarray(0, bytes.length - 1))).toMatchObject({
      code: 'BB101',
      message: expect.stringContaining('claims'),
      at: { file: 'm.onnx', offset: 2 },
    });
  });

  test('is refused quickly if it claims more than memory holds', () => {
    const bytes = Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    expect(refuse(bytes)).toMatchObject({ code: 'BB101', at: { offset: 0 } });
  });

  test('is refused if messages are nested without end', () => {
    let bytes = Uint8Array.from([]);
    // GraphProto > NodeProto > AttributeProto > GraphProto …
    for (let depth = 0; depth < 3000; depth++) {
      const tag = [0x32, 0x2a, 0x0a][depth % 3]!;
      bytes = Uint8Array.from([tag, ...varint(bytes.length), ...bytes]);
    }
    const model = Uint8Array.from([0x3a, ...varint(bytes.length), ...bytes]);
    expect(refuse(model)).toMatchObject({ message: expect.stringContaining('nested') });
  });

  test.each([
    ['nothing', []],
    ['no graph', [8, 10]],
    ['text that is no UTF-8', [0x12, 2, 0xff, 0xfe]],
    ['a field of another wire type', [0x3d, 0, 0, 0, 0]],
    ['field number 0', [0, 0]],
    ['a group without end', [0x0b]],
  ])('is refused if it holds %s', (_, bytes) => {
    expect(refuse(Uint8Array.from(bytes))).toMatchObject({ code: 'BB101', at: { file: 'm.onnx' } });
  });
});
