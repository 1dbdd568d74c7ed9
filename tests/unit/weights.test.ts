import { create } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { type TensorProto, TensorProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import {
  bitsOf,
  byteLengthOf,
  DiagnosticError,
  type DType,
  decodeTensorProto,
  dtypes,
  elemTypeOf,
  encodeTensorProto,
  packStrings,
  readTensorProto,
  type Tensor,
  weightByteLength,
  weightOf,
} from '../../ir/index.ts';

const tensor = (dtype: DType, dims: number[], fields: Partial<TensorProto>): number[] => {
  const proto = create(TensorProtoSchema, {
    dataType: elemTypeOf(dtype),
    dims: dims.map(BigInt),
    ...fields,
  } as never);
  return [...readTensorProto(proto).bytes];
};

describe('elements in typed fields become raw little-endian bytes', () => {
  test.each<[DType, number[], Partial<TensorProto>, number[]]>([
    ['float32', [1], { floatData: [1] }, [0, 0, 0x80, 0x3f]],
    ['complex64', [1], { floatData: [1, 0] }, [0, 0, 0x80, 0x3f, 0, 0, 0, 0]],
    ['float64', [1], { doubleData: [-2] }, [0, 0, 0, 0, 0, 0, 0, 0xc0]],
    ['int64', [1], { int64Data: [-2n] }, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['uint64', [1], { uint64Data: [2n ** 63n] }, [0, 0, 0, 0, 0, 0, 0, 0x80]],
    ['uint32', [1], { uint64Data: [0xfffffffen] }, [0xfe, 0xff, 0xff, 0xff]],
    ['int32', [2], { int32Data: [-1, 258] }, [0xff, 0xff, 0xff, 0xff, 2, 1, 0, 0]],
    ['int16', [2], { int32Data: [-2, 3] }, [0xfe, 0xff, 3, 0]],
    ['uint8', [2], { int32Data: [255, 1] }, [255, 1]],
    ['int8', [2], { int32Data: [-1, 1] }, [255, 1]],
    ['bool', [3], { int32Data: [1, 0, 1] }, [1, 0, 1]],
    ['float16', [1], { int32Data: [0x3c00] }, [0, 0x3c]],
    ['bfloat16', [1], { int32Data: [0x3f80] }, [0x80, 0x3f]],
    ['float8e5m2', [2], { int32Data: [0x3c, 0xbc] }, [0x3c, 0xbc]],
    ['uint4', [3], { int32Data: [0x21, 0x03] }, [0x21, 0x03]],
    ['int4', [3], { int32Data: [-1, 2, 3] }, [0x2f, 0x03]],
    [
      'string',
      [2],
      { stringData: [new Uint8Array(0), new TextEncoder().encode('ß')] },
      [0, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0x9f],
    ],
    ['float32', [0, 3], {}, []],
  ])('%s, dimensions [%s]', (dtype, dims, fields, bytes) => {
    expect(tensor(dtype, dims, fields)).toEqual(bytes);
  });
});

test('a tensor of every element type survives its file', () => {
  for (const dtype of dtypes) {
    const bytes =
      dtype === 'string'
        ? packStrings(['', 'a', 'Größe', 'd', 'e', 'f'])
        : Uint8Array.from({ length: byteLengthOf(dtype, 6)! }, (_, index) =>
            bitsOf(dtype) < 8 ? 0x21 : index,
          );
    const value: Tensor = { dtype, dims: [2, 3], bytes };
    expect(decodeTensorProto(encodeTensorProto(value, 'x'))).toEqual(value);
    expect(weightByteLength(weightOf(value))).toBe(bytes.length);
  }
});

describe('a tensor that does not hold what it claims is a diagnostic', () => {
  test.each<[string, DType, number[], Partial<TensorProto>]>([
    ['too few bytes', 'float32', [2], { rawData: new Uint8Array(4) }],
    ['too many entries', 'int64', [1], { int64Data: [1n, 2n] }],
    ['a negative dimension', 'float32', [-1], { floatData: [1] }],
    ['too few strings', 'string', [2], { stringData: [new Uint8Array(0)] }],
    ['too many elements to count', 'uint8', [2 ** 40, 2 ** 40], {}],
  ])('%s', (_, dtype, dims, fields) => {
    expect(() => tensor(dtype, dims, fields)).toThrow(DiagnosticError);
  });

  test('an element type that nobody knows', () => {
    expect(() => readTensorProto(create(TensorProtoSchema, { dataType: 99 }))).toThrow(/BB106.*99/);
  });
});
