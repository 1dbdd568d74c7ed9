// The part of onnx-ml.proto that is needed to run a model, by the runtime's small codec: the full reader would be
// most of the backend's size in a browser. Nested graphs stay bytes until they are needed.

import {
  bytes,
  float,
  int64,
  list,
  type Message,
  message,
  string,
  table,
  uint,
} from '../../../runtime/proto/codec.ts';
import { opset, tensor, valueInfo } from '../../../runtime/proto/onnx.ts';

const sparse = table({ values: message(1, tensor), indices: message(2, tensor), dims: list(int64(3)) });

const attribute = table({
  name: string(1),
  f: float(2),
  i: int64(3),
  s: bytes(4),
  t: message(5, tensor),
  g: bytes(6),
  floats: list(float(7)),
  ints: list(int64(8)),
  strings: list(bytes(9)),
  tensors: list(message(10, tensor)),
  tp: bytes(14),
  type: uint(20),
  refAttrName: string(21),
  sparseTensor: message(22, sparse),
});

const node = table({
  input: list(string(1)),
  output: list(string(2)),
  name: string(3),
  opType: string(4),
  attribute: list(message(5, attribute)),
  domain: string(7),
  overload: string(8),
});

export const graph = table({
  node: list(message(1, node)),
  name: string(2),
  initializer: list(message(5, tensor)),
  input: list(message(11, valueInfo)),
  output: list(message(12, valueInfo)),
  sparseInitializer: list(message(15, sparse)),
});

const fn = table({
  name: string(1),
  input: list(string(4)),
  output: list(string(5)),
  attribute: list(string(6)),
  node: list(message(7, node)),
  opsetImport: list(message(9, opset)),
  domain: string(10),
  attributeProto: list(message(11, attribute)),
  overload: string(13),
});

export const model = table({
  irVersion: uint(1),
  graph: message(7, graph),
  opsetImport: list(message(8, opset)),
  functions: list(message(25, fn)),
});

export type AttributeProto = Message<typeof attribute>;
export type NodeProto = Message<typeof node>;
export type GraphProto = Message<typeof graph>;
export type FunctionProto = Message<typeof fn>;
export type ModelProto = Message<typeof model>;
export type SparseProto = Message<typeof sparse>;
export type ValueInfoProto = Message<typeof valueInfo>;
