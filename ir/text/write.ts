// ONNX messages to the textual syntax, as onnx.printer lays it out, and complete where that is not: every element
// type, sparse tensors, defaults and types of functions.

import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  SparseTensorProto,
  StringStringEntryProto,
  TensorProto,
  TensorShapeProto,
  TypeProto,
  ValueInfoProto,
} from '../generated/onnx-ml_pb.ts';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation,
} from '../generated/onnx-ml_pb.ts';
import { isPresent } from '../onnx/attributes.ts';
import { bitsOf, type DType, dtypeOfElemType, onnxNameOf } from '../types.ts';
import { attributeTypeNames } from './build.ts';
import { isPlainName } from './grammar.ts';

const utf8 = new TextDecoder();

/** The text of a model, ending with a line break. What the syntax has no place for is left out. */
export function writeText(model: ModelProto): string {
  const fields = [`ir_version: ${model.irVersion}`, `opset_import: ${opsets(model.opsetImport)}`];
  for (const [key, value] of [
    ['producer_name', model.producerName],
    ['producer_version', model.producerVersion],
    ['domain', model.domain],
  ] as const)
    if (value !== '') fields.push(`${key}: ${quoted(value)}`);
  if (model.modelVersion !== 0n) fields.push(`model_version: ${model.modelVersion}`);
  if (model.docString !== '') fields.push(`doc_string: ${quoted(model.docString)}`);
  if (model.metadataProps.length > 0) fields.push(`metadata_props: ${entries(model.metadataProps)}`);
  const parts = [`<\n   ${fields.join(',\n   ')}\n>`, graphText(model.graph!, '')];
  return `${[...parts, ...model.functions.map(functionText)].join('\n')}\n`;
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;
const name = (text: string): string => (isPlainName(text) ? text : quoted(text));
const list = (items: readonly string[], separator = ', '): string => items.join(separator);
const opsets = (imports: readonly OperatorSetIdProto[]): string =>
  `[${list(imports.map(({ domain, version }) => `${quoted(domain)} : ${version}`))}]`;
const entries = (props: readonly StringStringEntryProto[]): string =>
  `[${list(props.map(({ key, value }) => `${quoted(key)}: ${quoted(value)}`))}]`;

function functionText(fn: FunctionProto): string {
  const fields = [`domain: ${quoted(fn.domain)}`];
  if (fn.overload !== '') fields.push(`overload: ${quoted(fn.overload)}`);
  if (fn.docString !== '') fields.push(`doc_string: ${quoted(fn.docString)}`);
  fields.push(`opset_import: ${opsets(fn.opsetImport)}`);
  const attributes = [...fn.attribute.map(name), ...fn.attributeProto.map((one) => attributeText(one, ''))];
  const head = `${name(fn.name)} ${attributes.length > 0 ? `<${list(attributes)}> ` : ''}`;
  const signature = `(${list(fn.input.map(name))}) => (${list(fn.output.map(name))})`;
  const types = fn.valueInfo.length > 0 ? ` <${list(fn.valueInfo.map(valueText))}>` : '';
  return `<\n   ${fields.join(',\n   ')}\n>\n${head}${signature}${types}\n${bodyText(fn.node, '')}`;
}

function graphText(graph: GraphProto, indent: string): string {
  const head = `${name(graph.name)} (${list(graph.input.map(valueText))}) => (${list(graph.output.map(valueText))})`;
  const held = [...graph.initializer.map(initializerText), ...graph.valueInfo.map(valueText)];
  const values = held.length > 0 ? `\n${indent}   <${list(held)}>` : '';
  return `${head}${values}\n${indent}${bodyText(graph.node, indent)}`;
}

const bodyText = (ops: readonly NodeProto[], indent: string): string =>
  `{\n${ops.map((op) => `${indent}   ${opText(op, `${indent}   `)}\n`).join('')}${indent}}`;

function opText(op: NodeProto, indent: string): string {
  const label = op.name === '' ? '' : `[${name(op.name)}] `;
  const type = `${op.domain === '' ? '' : `${op.domain}.`}${op.opType}${op.overload === '' ? '' : `:${op.overload}`}`;
  const attributes =
    op.attribute.length > 0 ? ` <${list(op.attribute.map((one) => attributeText(one, indent)))}>` : '';
  const inputs = ` (${list(op.input.map(name))})`;
  const hasGraph = op.attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0);
  return `${label}${list(op.output.map(name))} = ${type}${hasGraph ? inputs + attributes : attributes + inputs}`;
}

// --- types and tensors -----------------------------------------------------------------------------------

const valueText = (value: ValueInfoProto): string =>
  value.type === undefined || value.type.value.case === undefined
    ? name(value.name)
    : `${typeText(value.type)} ${name(value.name)}`;

const elemName = (elemType: number): string => {
  const dtype = dtypeOfElemType(elemType);
  return dtype === undefined ? 'undefined' : onnxNameOf(dtype);
};

function typeText({ value }: TypeProto): string {
  switch (value.case) {
    case 'tensorType':
      return elemName(value.value.elemType) + shapeText(value.value.shape);
    case 'sparseTensorType':
      return `sparse_tensor(${elemName(value.value.elemType)}${shapeText(value.value.shape)})`;
    case 'sequenceType':
      return `seq(${typeText(value.value.elemType!)})`;
    case 'optionalType':
      return `optional(${typeText(value.value.elemType!)})`;
    case 'mapType':
      return `map(${elemName(value.value.keyType)}, ${typeText(value.value.valueType!)})`;
    default:
      return '';
  }
}

function shapeText(shape: TensorShapeProto | undefined): string {
  if (shape === undefined) return '[]';
  if (shape.dim.length === 0) return '';
  const dims = shape.dim.map(({ value }) =>
    value.case === 'dimValue' ? `${value.value}` : value.case === 'dimParam' ? name(value.value) : '?',
  );
  return `[${list(dims, ',')}]`;
}

const initializerText = (tensor: TensorProto): string =>
  `${tensorType(tensor)} ${name(tensor.name)} = ${dataText(tensor)}`;

const tensorType = ({ dataType, dims }: TensorProto): string =>
  elemName(dataType) + (dims.length > 0 ? `[${list(dims.map(String), ',')}]` : '');

const tensorText = (tensor: TensorProto): string =>
  `${tensorType(tensor)}${tensor.name === '' ? '' : ` ${name(tensor.name)}`} ${dataText(tensor)}`;

function sparseText({ values, indices, dims }: SparseTensorProto): string {
  const type = `sparse_tensor(${elemName(values?.dataType ?? 0)}[${list(dims.map(String), ',')}])`;
  return `${type} (${tensorText(values!)}, ${tensorText(indices!)})`;
}

function dataText(tensor: TensorProto): string {
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) return entries(tensor.externalData);
  return `{${list(valuesOf(tensor), ',')}}`;
}

function valuesOf(tensor: TensorProto): readonly string[] {
  const dtype = dtypeOfElemType(tensor.dataType);
  if (isPresent(tensor, 'rawData') && dtype !== undefined) return rawValues(tensor.rawData, dtype);
  if (tensor.stringData.length > 0) return tensor.stringData.map((bytes) => quoted(utf8.decode(bytes)));
  if (tensor.floatData.length > 0) return tensor.floatData.map(shortFloat);
  if (tensor.doubleData.length > 0) return tensor.doubleData.map(floatText);
  const whole = [tensor.int32Data, tensor.int64Data, tensor.uint64Data].find((data) => data.length > 0) ?? [];
  return Array.from(whole as readonly (number | bigint)[], String);
}

/** Elements of raw data as the typed fields would hold them: of floats below 32 bits their bits. */
function rawValues(bytes: Uint8Array, dtype: DType): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = bitsOf(dtype);
  const size = Math.max(1, dtype === 'complex64' ? 4 : dtype === 'complex128' ? 8 : bits / 8);
  const read: (at: number) => string =
    {
      float32: (at: number) => shortFloat(view.getFloat32(at, true)),
      complex64: (at: number) => shortFloat(view.getFloat32(at, true)),
      float64: (at: number) => floatText(view.getFloat64(at, true)),
      complex128: (at: number) => floatText(view.getFloat64(at, true)),
      int64: (at: number) => String(view.getBigInt64(at, true)),
      uint64: (at: number) => String(view.getBigUint64(at, true)),
      int32: (at: number) => String(view.getInt32(at, true)),
      uint32: (at: number) => String(view.getUint32(at, true)),
      int16: (at: number) => String(view.getInt16(at, true)),
      int8: (at: number) => String(view.getInt8(at)),
    }[dtype as string] ?? ((at: number) => String(size === 2 ? view.getUint16(at, true) : view.getUint8(at)));
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => read(index * size));
}

/** The shortest digits that give the same double. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  return Object.is(value, -0) ? '-0.0' : String(value);
}

/** The shortest digits that give the same float32. */
function shortFloat(value: number): string {
  if (Math.fround(value) !== value || Number.isSafeInteger(value)) return floatText(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

// --- attributes ------------------------------------------------------------------------------------------

function attributeText(attribute: AttributeProto, indent: string): string {
  const type = attributeTypeNames.get(attribute.type);
  const head = `${name(attribute.name)}${type === undefined ? '' : `: ${type}`} = `;
  if (attribute.refAttrName !== '') return `${head}@${name(attribute.refAttrName)}`;
  return head + attributeValue(attribute, indent);
}

/** A float that does not read as a whole number. */
const floatLiteral = (value: number): string => {
  const text = shortFloat(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
};

function attributeValue(attribute: AttributeProto, indent: string): string {
  const many = <T>(items: readonly T[], text: (item: T) => string): string => `[${list(items.map(text))}]`;
  const string = (bytes: Uint8Array): string => quoted(utf8.decode(bytes));
  switch (attribute.type) {
    case AttributeType.INT:
      return String(attribute.i);
    case AttributeType.INTS:
      return many(attribute.ints, String);
    case AttributeType.FLOAT:
      return floatLiteral(attribute.f);
    case AttributeType.FLOATS:
      return many(attribute.floats, floatLiteral);
    case AttributeType.STRING:
      return string(attribute.s);
    case AttributeType.STRINGS:
      return many(attribute.strings, string);
    case AttributeType.TENSOR:
      return tensorText(attribute.t!);
    case AttributeType.TENSORS:
      return many(attribute.tensors, tensorText);
    case AttributeType.GRAPH:
      return graphText(attribute.g!, indent);
    case AttributeType.GRAPHS:
      return many(attribute.graphs, (graph) => graphText(graph, indent));
    case AttributeType.SPARSE_TENSOR:
      return sparseText(attribute.sparseTensor!);
    case AttributeType.SPARSE_TENSORS:
      return many(attribute.sparseTensors, sparseText);
    case AttributeType.TYPE_PROTO:
      return typeText(attribute.tp!);
    case AttributeType.TYPE_PROTOS:
      return many(attribute.typeProtos, typeText);
    default:
      return '';
  }
}
