// The part of onnx-ml.proto that a node reads. What it only passes on stays bytes.

import { utf8Decoder } from '../../ir/utf8.ts';
import {
  bytes,
  double,
  float,
  int64,
  list,
  type Message,
  message,
  optional,
  string,
  table,
  uint,
} from './codec.ts';

const entry = table({ key: string(1), value: string(2) });

export const tensor = table({
  dims: list(int64(1)),
  dataType: uint(2),
  floatData: list(float(4)),
  int32Data: list(int64(5)),
  stringData: list(bytes(6)),
  int64Data: list(int64(7)),
  name: string(8),
  rawData: bytes(9),
  doubleData: list(double(10)),
  uint64Data: list(int64(11)),
  externalData: list(message(13, entry)),
  dataLocation: uint(14),
});

const attribute = table({
  name: string(1),
  i: int64(3),
  s: bytes(4),
  ints: list(int64(8)),
  strings: list(bytes(9)),
});

export const node = table({
  input: list(string(1)),
  output: list(string(2)),
  name: string(3),
  opType: string(4),
  attribute: list(message(5, attribute)),
  domain: string(7),
  overload: string(8),
  metadataProps: list(message(9, entry)),
});

/** Type of an op and graphs below it, as far as needed to find the functions that are called. */
export const calls = table({
  opType: string(4),
  domain: string(7),
  overload: string(8),
  attribute: list(bytes(5)),
});
export const attributeGraphs = table({ g: list(bytes(6)), graphs: list(bytes(11)) });
export const graphNodes = table({ node: list(bytes(1)) });

const graph = table({ node: list(message(1, node)), initializer: list(bytes(5)) });

export const opset = table({ domain: string(1), version: uint(2) });

export const fn = table({
  name: string(1),
  input: list(string(4)),
  output: list(string(5)),
  node: list(bytes(7)),
  opsetImport: list(message(9, opset)),
  domain: string(10),
  valueInfo: list(bytes(12)),
  overload: string(13),
});

export const model = table({
  irVersion: uint(1),
  graph: message(7, graph),
  opsetImport: list(message(8, opset)),
  functions: list(bytes(25)),
});

const dim = table({ dimValue: optional(int64(1)), dimParam: string(2) });
const shape = table({ dim: list(message(1, dim)) });
const tensorType = table({ elemType: uint(1), shape: message(2, shape) });
const type = table({ tensorType: message(1, tensorType) });
export const valueInfo = table({ name: string(1), type: message(2, type) });

// What a segment's model is written with: pieces of the program, as they are, in other places.
const segmentGraph = table({
  node: list(bytes(1)),
  name: string(2),
  initializer: list(bytes(5)),
  input: list(bytes(11)),
  output: list(bytes(12)),
});
export const segmentModel = table({
  irVersion: uint(1),
  producerName: string(2),
  graph: message(7, segmentGraph),
  opsetImport: list(message(8, opset)),
  functions: list(bytes(25)),
});

// Parts of messages, for when the rest need not be read.
export const tensorHead = table({ name: string(8), dataLocation: uint(14) });
export const valueName = table({ name: string(1) });
export const opType = table({ opType: string(4) });
export const functionHead = table({ name: string(1), node: list(bytes(7)), domain: string(10) });

export type TensorProto = Message<typeof tensor>;
export type NodeProto = Message<typeof node>;
export type FunctionProto = Message<typeof fn>;
export type ModelProto = Message<typeof model>;

export const EXTERNAL = 1;

export const attributeOf = ({ attribute }: NodeProto, name: string) =>
  attribute.find((one) => one.name === name);

/** An attribute that is a text. */
export function textIn(node: NodeProto, name: string): string | undefined {
  const bytes = attributeOf(node, name)?.s;
  return bytes && utf8Decoder.decode(bytes);
}

export const textsIn = (node: NodeProto, name: string): readonly string[] =>
  (attributeOf(node, name)?.strings ?? []).map((one) => utf8Decoder.decode(one));

export const metadataOf = ({ metadataProps }: NodeProto, key: string): string | undefined =>
  metadataProps.find((one) => one.key === key)?.value;
