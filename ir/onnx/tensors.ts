// Tensor files (.pb): TensorProto, and the SequenceProto and OptionalProto of ONNX's test data.

import { create, fromBinary, type Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import {
  type DataValue,
  isTensor,
  type OptionalValue,
  type SequenceValue,
  type SparseValue,
} from '../data.ts';
import { DiagnosticError, diagnostic } from '../diagnostic.ts';
import {
  type OptionalProto,
  OptionalProto_DataType,
  OptionalProtoSchema,
  type SequenceProto,
  SequenceProto_DataType,
  SequenceProtoSchema,
} from '../generated/onnx-data_pb.ts';
import {
  type SparseTensorProto,
  SparseTensorProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../generated/onnx-ml_pb.ts';
import { dtypeOfElemType, type Tensor } from '../types.ts';
import { isPresent } from './attributes.ts';
import { encodeBytes } from './encode.ts';
import { scan } from './scan.ts';
import { memorySource, problemOf } from './source.ts';
import { readWeight, weightDraft, weightOf } from './weights.ts';

/** Which message a file holds. */
export type DataKind = 'tensor' | 'sequence' | 'optional' | 'sparse';

/** The tensor in a TensorProto file. `name` is for messages. Throws {@link DiagnosticError} (BB101, BB106). */
export const decodeTensorProto = (bytes: Uint8Array, name = 'tensor'): Tensor =>
  readTensorProto(decode(TensorProtoSchema, bytes, name));

export const encodeTensorProto = (tensor: Tensor, name = ''): Uint8Array =>
  encodeBytes(TensorProtoSchema, weightDraft(weightOf(tensor, name)));

/** The value in a file that holds the message for `kind`. Throws {@link DiagnosticError} as above. */
export function decodeDataValue(kind: DataKind, bytes: Uint8Array, name: string = kind): DataValue {
  switch (kind) {
    case 'tensor':
      return decodeTensorProto(bytes, name);
    case 'sequence':
      return sequenceOf(decode(SequenceProtoSchema, bytes, name));
    case 'optional':
      return optionalOf(decode(OptionalProtoSchema, bytes, name));
    case 'sparse':
      return sparseOf(decode(SparseTensorProtoSchema, bytes, name));
  }
}

export function encodeDataValue(value: DataValue, name = ''): Uint8Array {
  if (isTensor(value)) return encodeTensorProto(value, name);
  switch (value.kind) {
    case 'sequence':
      return encodeBytes(SequenceProtoSchema, sequenceDraft(value, name));
    case 'optional':
      return encodeBytes(OptionalProtoSchema, optionalDraft(value, name));
    case 'sparse':
      return encodeBytes(SparseTensorProtoSchema, sparseDraft(value, name));
  }
}

function decode<M extends Message>(schema: GenMessage<M>, bytes: Uint8Array, name: string): M {
  try {
    return fromBinary(schema, scan(schema, memorySource(name, bytes), { cut: false }).bytes) as M;
  } catch (error) {
    const { reason, offset, over } = problemOf(error);
    const at = { file: name, ...(offset !== undefined && { offset }) };
    throw new DiagnosticError(
      over ? diagnostic('BB110', over, { at }) : diagnostic('BB107', { reason }, { at }),
    );
  }
}

/** The tensor in a message. Throws {@link DiagnosticError} (BB106). */
export function readTensorProto(proto: TensorProto): Tensor {
  const dtype = dtypeOfElemType(proto.dataType);
  const dims = proto.dims.map(Number);
  if (!isPresent(proto, 'rawData')) return readWeight({ dtype, dims, proto });
  const source = memorySource(proto.name, proto.rawData);
  return readWeight({ dtype, dims, proto, range: { source, offset: 0, byteLength: source.byteLength } });
}

function sequenceOf(proto: SequenceProto): DataValue {
  return {
    kind: 'sequence',
    values: [
      ...proto.tensorValues.map(readTensorProto),
      ...proto.sparseTensorValues.map(sparseOf),
      ...proto.sequenceValues.map(sequenceOf),
      ...proto.optionalValues.map(optionalOf),
    ],
  };
}

function optionalOf(proto: OptionalProto): DataValue {
  if (proto.tensorValue !== undefined) return { kind: 'optional', value: readTensorProto(proto.tensorValue) };
  if (proto.sparseTensorValue !== undefined)
    return { kind: 'optional', value: sparseOf(proto.sparseTensorValue) };
  if (proto.sequenceValue !== undefined) return { kind: 'optional', value: sequenceOf(proto.sequenceValue) };
  if (proto.optionalValue !== undefined) return { kind: 'optional', value: optionalOf(proto.optionalValue) };
  return { kind: 'optional', value: null };
}

/** Throws {@link DiagnosticError} (BB106, BB107). */
function sparseOf({ dims, values, indices }: SparseTensorProto): SparseValue {
  if (values === undefined || indices === undefined)
    throw new DiagnosticError(diagnostic('BB107', { reason: 'a sparse tensor without values or indices' }));
  return {
    kind: 'sparse',
    dims: dims.map(Number),
    values: readTensorProto(values),
    indices: readTensorProto(indices),
  };
}

type Container = Exclude<DataValue, Tensor>;
const kindOf = (value: DataValue): DataKind => (isTensor(value) ? 'tensor' : value.kind);

const elementTypes = {
  tensor: SequenceProto_DataType.TENSOR,
  sparse: SequenceProto_DataType.SPARSE_TENSOR,
  sequence: SequenceProto_DataType.SEQUENCE,
  optional: SequenceProto_DataType.OPTIONAL,
} as const;

function sequenceDraft({ values }: SequenceValue, name: string): object {
  const of = <Kind extends Container['kind']>(kind: Kind): Extract<Container, { kind: Kind }>[] =>
    values.filter((one): one is Extract<Container, { kind: Kind }> => kindOf(one) === kind);
  return {
    ...create(SequenceProtoSchema),
    ...(name === '' ? {} : { name }),
    elemType: elementTypes[values[0] === undefined ? 'tensor' : kindOf(values[0])],
    tensorValues: values.filter(isTensor).map((one) => weightDraft(weightOf(one))),
    sparseTensorValues: of('sparse').map((one) => sparseDraft(one, '')),
    sequenceValues: of('sequence').map((one) => sequenceDraft(one, '')),
    optionalValues: of('optional').map((one) => optionalDraft(one, '')),
  };
}

const sparseDraft = ({ dims, values, indices }: SparseValue, name: string): object => ({
  ...create(SparseTensorProtoSchema),
  dims: dims.map(BigInt),
  // The name of a sparse tensor is that of its values.
  values: weightDraft(weightOf(values, name)),
  indices: weightDraft(weightOf(indices)),
});

function optionalDraft({ value }: OptionalValue, name: string): object {
  const draft = { ...create(OptionalProtoSchema), ...(name === '' ? {} : { name }) };
  if (value === null) return { ...draft, elemType: OptionalProto_DataType.UNDEFINED };
  if (isTensor(value))
    return { ...draft, elemType: OptionalProto_DataType.TENSOR, tensorValue: weightDraft(weightOf(value)) };
  switch (value.kind) {
    case 'sparse':
      return {
        ...draft,
        elemType: OptionalProto_DataType.SPARSE_TENSOR,
        sparseTensorValue: sparseDraft(value, ''),
      };
    case 'sequence':
      return { ...draft, elemType: OptionalProto_DataType.SEQUENCE, sequenceValue: sequenceDraft(value, '') };
    case 'optional':
      return { ...draft, elemType: OptionalProto_DataType.OPTIONAL, optionalValue: optionalDraft(value, '') };
  }
}
