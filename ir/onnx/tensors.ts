// Tensor files (.pb): TensorProto, and the SequenceProto and OptionalProto of ONNX's test data.

import { create, fromBinary, type Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { DiagnosticError, diagnostic } from '../diagnostic.ts';
import {
  type OptionalProto,
  OptionalProto_DataType,
  OptionalProtoSchema,
  type SequenceProto,
  SequenceProto_DataType,
  SequenceProtoSchema,
} from '../generated/onnx-data_pb.ts';
import { type TensorProto, TensorProtoSchema } from '../generated/onnx-ml_pb.ts';
import { dtypeOfElemType, type Tensor } from '../types.ts';
import { isPresent } from './attributes.ts';
import { encodeBytes } from './encode.ts';
import { scan } from './scan.ts';
import { memorySource, problemOf } from './source.ts';
import { readWeight, weightDraft, weightOf } from './weights.ts';

/** A run-time value in files: a tensor, a list of values, or an optional one (null: none). */
export type DataValue =
  | { readonly kind: 'tensor'; readonly tensor: Tensor }
  | { readonly kind: 'sequence'; readonly values: readonly DataValue[] }
  | { readonly kind: 'optional'; readonly value: DataValue | null };

/** The tensor in a TensorProto file. `name` is for messages. Throws {@link DiagnosticError} (BB101, BB106). */
export const decodeTensorProto = (bytes: Uint8Array, name = 'tensor'): Tensor =>
  readTensorProto(decode(TensorProtoSchema, bytes, name));

export const encodeTensorProto = (tensor: Tensor, name = ''): Uint8Array =>
  encodeBytes(TensorProtoSchema, weightDraft(weightOf(tensor, name)));

/** The value in a file that holds the message for `kind`. Throws {@link DiagnosticError} as above. */
export function decodeDataValue(kind: DataValue['kind'], bytes: Uint8Array, name: string = kind): DataValue {
  switch (kind) {
    case 'tensor':
      return { kind, tensor: decodeTensorProto(bytes, name) };
    case 'sequence':
      return sequenceOf(decode(SequenceProtoSchema, bytes, name));
    case 'optional':
      return optionalOf(decode(OptionalProtoSchema, bytes, name));
  }
}

export function encodeDataValue(value: DataValue, name = ''): Uint8Array {
  switch (value.kind) {
    case 'tensor':
      return encodeTensorProto(value.tensor, name);
    case 'sequence':
      return encodeBytes(SequenceProtoSchema, sequenceDraft(value, name));
    case 'optional':
      return encodeBytes(OptionalProtoSchema, optionalDraft(value, name));
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
      ...proto.tensorValues.map((one): DataValue => ({ kind: 'tensor', tensor: readTensorProto(one) })),
      ...proto.sequenceValues.map(sequenceOf),
      ...proto.optionalValues.map(optionalOf),
    ],
  };
}

function optionalOf(proto: OptionalProto): DataValue {
  if (proto.tensorValue !== undefined)
    return { kind: 'optional', value: { kind: 'tensor', tensor: readTensorProto(proto.tensorValue) } };
  if (proto.sequenceValue !== undefined) return { kind: 'optional', value: sequenceOf(proto.sequenceValue) };
  if (proto.optionalValue !== undefined) return { kind: 'optional', value: optionalOf(proto.optionalValue) };
  return { kind: 'optional', value: null };
}

const elementTypes = {
  tensor: SequenceProto_DataType.TENSOR,
  sequence: SequenceProto_DataType.SEQUENCE,
  optional: SequenceProto_DataType.OPTIONAL,
} as const;

function sequenceDraft(value: DataValue & { kind: 'sequence' }, name: string): object {
  const of = <Kind extends DataValue['kind']>(kind: Kind): (DataValue & { kind: Kind })[] =>
    value.values.filter((one): one is DataValue & { kind: Kind } => one.kind === kind);
  return {
    ...create(SequenceProtoSchema),
    ...(name === '' ? {} : { name }),
    elemType: elementTypes[value.values[0]?.kind ?? 'tensor'],
    tensorValues: of('tensor').map((one) => weightDraft(weightOf(one.tensor))),
    sequenceValues: of('sequence').map((one) => sequenceDraft(one, '')),
    optionalValues: of('optional').map((one) => optionalDraft(one, '')),
  };
}

function optionalDraft(optional: DataValue & { kind: 'optional' }, name: string): object {
  const { value } = optional;
  const draft = { ...create(OptionalProtoSchema), ...(name === '' ? {} : { name }) };
  switch (value?.kind) {
    case 'tensor':
      return {
        ...draft,
        elemType: OptionalProto_DataType.TENSOR,
        tensorValue: weightDraft(weightOf(value.tensor)),
      };
    case 'sequence':
      return { ...draft, elemType: OptionalProto_DataType.SEQUENCE, sequenceValue: sequenceDraft(value, '') };
    case 'optional':
      return { ...draft, elemType: OptionalProto_DataType.OPTIONAL, optionalValue: optionalDraft(value, '') };
    default:
      return { ...draft, elemType: OptionalProto_DataType.UNDEFINED };
  }
}
