// ONNX files: models and tensors in and out.

export type { SparseTensorProto, TensorProto } from '../generated/onnx-ml_pb.ts';
export { attributeKindOf, attributeTypeOf } from './attributes.ts';
export { constantOf } from './constants.ts';
export type { Piece } from './encode.ts';
export { type Exported, type ExportOptions, type ExternalWeight, exportModel } from './export.ts';
export { type Imported, type ImportOptions, importModel } from './import.ts';
export { withModelMetadata } from './metadata.ts';
export { memorySource, readRange } from './source.ts';
export {
  type DataKind,
  decodeDataValue,
  decodeTensorProto,
  encodeDataValue,
  encodeTensorProto,
  readTensorProto,
} from './tensors.ts';
export { sameType, typeDraft, typeOf } from './types.ts';
export { isExternal, readWeight, weightByteLength, weightOf } from './weights.ts';
