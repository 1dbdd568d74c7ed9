// TypeProto and ValueType, both ways.

import { create } from '@bufbuild/protobuf';
import { type TensorShapeProto, type TypeProto, TypeProtoSchema } from '../generated/onnx-ml_pb.ts';
import { type Dim, dtypeOfElemType, elemTypeOf, type Shape, type ValueType } from '../types.ts';

/** The type a TypeProto states; undefined if it states none. */
export function typeOf(proto: TypeProto | undefined): ValueType | undefined {
  const stated = proto?.value;
  switch (stated?.case) {
    case 'tensorType':
    case 'sparseTensorType':
      return {
        kind: stated.case === 'tensorType' ? 'tensor' : 'sparse',
        dtype: dtypeOfElemType(stated.value.elemType),
        dims: shapeOf(stated.value.shape),
      };
    case 'sequenceType':
      return { kind: 'sequence', elem: typeOf(stated.value.elemType) };
    case 'optionalType':
      return { kind: 'optional', elem: typeOf(stated.value.elemType) };
    case 'mapType':
      return {
        kind: 'map',
        key: dtypeOfElemType(stated.value.keyType),
        value: typeOf(stated.value.valueType),
      };
    case 'opaqueType':
      return { kind: 'opaque', domain: stated.value.domain, name: stated.value.name };
    default:
      return undefined;
  }
}

function shapeOf(proto: TensorShapeProto | undefined): Shape {
  return proto?.dim.map(({ value }): Dim => {
    // Files in the wild say "" and -1 for "not known".
    if (value.case === 'dimParam') return value.value === '' ? null : value.value;
    if (value.case === 'dimValue') return value.value < 0n ? null : Number(value.value);
    return null;
  });
}

/** A type as the value of an attribute. */
export const typeProtoOf = (type: ValueType): TypeProto => create(TypeProtoSchema, typeDraft(type));

/** Fields of a TypeProto, for `encode`. */
export function typeDraft(type: ValueType | undefined): object {
  switch (type?.kind) {
    case 'tensor':
    case 'sparse':
      return {
        value: {
          case: type.kind === 'tensor' ? 'tensorType' : 'sparseTensorType',
          value: {
            elemType: type.dtype === undefined ? 0 : elemTypeOf(type.dtype),
            shape: type.dims === undefined ? undefined : { dim: type.dims.map(dimensionDraft) },
          },
        },
      };
    case 'sequence':
      return { value: { case: 'sequenceType', value: { elemType: typeDraft(type.elem) } } };
    case 'optional':
      return { value: { case: 'optionalType', value: { elemType: typeDraft(type.elem) } } };
    case 'map':
      return {
        value: {
          case: 'mapType',
          value: {
            keyType: type.key === undefined ? 0 : elemTypeOf(type.key),
            valueType: typeDraft(type.value),
          },
        },
      };
    case 'opaque':
      return { value: { case: 'opaqueType', value: { domain: type.domain, name: type.name } } };
    default:
      return {};
  }
}

function dimensionDraft(dim: Dim): object {
  if (dim === null) return {};
  return typeof dim === 'number'
    ? { value: { case: 'dimValue', value: BigInt(dim) } }
    : { value: { case: 'dimParam', value: dim } };
}

/** Whether two types say the same; dimensions by number or name. */
export function sameType(a: ValueType | undefined, b: ValueType | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'tensor':
    case 'sparse': {
      const other = b as typeof a;
      if (a.dtype !== other.dtype || a.dims?.length !== other.dims?.length) return false;
      return a.dims === undefined || a.dims.every((dim, index) => dim === other.dims![index]);
    }
    case 'sequence':
    case 'optional':
      return sameType(a.elem, (b as typeof a).elem);
    case 'map':
      return a.key === (b as typeof a).key && sameType(a.value, (b as typeof a).value);
    case 'opaque':
      return a.domain === (b as typeof a).domain && a.name === (b as typeof a).name;
  }
}
