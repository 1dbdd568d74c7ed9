// From what a text says to ONNX messages.

import { create } from '@bufbuild/protobuf';
import type { IToken } from 'chevrotain';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type SparseTensorProto,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type TypeProto,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../generated/onnx-ml_pb.ts';
import { dtypeOfOnnxName, elemTypeOf } from '../types.ts';
import {
  type AttributeNode,
  type DataNode,
  type FieldNode,
  type FunctionNode,
  type GraphNode,
  type ModelNode,
  Numeral,
  type OpNode,
  type Pair,
  Quoted,
  type SingleNode,
  type TensorNode,
  type TypeNode,
  type ValueNode,
} from './grammar.ts';

/** What is wrong at a token: the text is well formed, and still says nothing sensible. */
export interface TextProblem {
  readonly message: string;
  readonly token: IToken;
}

const utf8 = new TextEncoder();

/** The name or string that a token stands for. */
export const textOf = (token: IToken): string =>
  token.tokenType === Quoted ? token.image.slice(1, -1).replace(/\\([\s\S])/g, '$1') : token.image;

/** The attribute types as the text names them. */
const attributeTypes: Readonly<Record<string, AttributeType>> = {
  float: AttributeType.FLOAT,
  int: AttributeType.INT,
  string: AttributeType.STRING,
  tensor: AttributeType.TENSOR,
  graph: AttributeType.GRAPH,
  sparse_tensor: AttributeType.SPARSE_TENSOR,
  type_proto: AttributeType.TYPE_PROTO,
  floats: AttributeType.FLOATS,
  ints: AttributeType.INTS,
  strings: AttributeType.STRINGS,
  tensors: AttributeType.TENSORS,
  graphs: AttributeType.GRAPHS,
  sparse_tensors: AttributeType.SPARSE_TENSORS,
  type_protos: AttributeType.TYPE_PROTOS,
};
export const attributeTypeNames: ReadonlyMap<AttributeType, string> = new Map(
  Object.entries(attributeTypes).map(([name, type]) => [type, name]),
);

export class TextBuilder {
  readonly problems: TextProblem[] = [];
  /** Where each op stands. */
  readonly positions = new Map<NodeProto, number>();

  model({ fields, graph, functions }: ModelNode): ModelProto {
    const model = create(ModelProtoSchema, {
      graph: this.#graph(graph),
      functions: functions.map((one) => this.#function(one)),
    });
    const text = (field: FieldNode): string => this.#string(field.value, field.key);
    const number = (field: FieldNode): bigint => this.#integer(this.#literal(field));
    for (const field of fields) {
      switch (field.key.image) {
        case 'ir_version':
          model.irVersion = number(field);
          break;
        case 'model_version':
          model.modelVersion = number(field);
          break;
        case 'producer_name':
          model.producerName = text(field);
          break;
        case 'producer_version':
          model.producerVersion = text(field);
          break;
        case 'domain':
          model.domain = text(field);
          break;
        case 'doc_string':
          model.docString = text(field);
          break;
        case 'opset_import':
          model.opsetImport = this.#opsets(field);
          break;
        case 'metadata_props':
          model.metadataProps = this.#entries(this.#list(field));
          break;
        default:
          this.#wrong(field.key, `a model has no field "${field.key.image}"`);
      }
    }
    return model;
  }

  #function(node: FunctionNode): FunctionProto {
    const fn = create(FunctionProtoSchema, {
      name: textOf(node.name),
      input: node.inputs.map(({ name }) => textOf(name)),
      output: node.outputs.map(({ name }) => textOf(name)),
      node: node.ops.map((op) => this.#op(op)),
      valueInfo: [...node.inputs, ...node.outputs, ...node.values]
        .filter(({ type }) => type !== undefined)
        .map((value) => this.#valueInfo(value)),
    });
    for (const one of node.attributes) {
      if ('name' in one) fn.attributeProto.push(this.#attribute(one));
      else fn.attribute.push(textOf(one));
    }
    for (const field of node.fields) {
      switch (field.key.image) {
        case 'domain':
          fn.domain = this.#string(field.value, field.key);
          break;
        case 'overload':
          fn.overload = this.#string(field.value, field.key);
          break;
        case 'doc_string':
          fn.docString = this.#string(field.value, field.key);
          break;
        case 'opset_import':
          fn.opsetImport = this.#opsets(field);
          break;
        default:
          this.#wrong(field.key, `a function has no field "${field.key.image}"`);
      }
    }
    return fn;
  }

  #graph(node: GraphNode): GraphProto {
    const graph = create(GraphProtoSchema, { name: textOf(node.name) });
    for (const value of node.inputs) {
      graph.input.push(this.#valueInfo(value));
      if (value.data !== undefined) graph.initializer.push(this.#initializer(value, value.data));
    }
    graph.output = node.outputs.map((value) => this.#valueInfo(value));
    for (const value of node.values) {
      if (value.data === undefined) graph.valueInfo.push(this.#valueInfo(value));
      else graph.initializer.push(this.#initializer(value, value.data));
    }
    graph.node = node.ops.map((op) => this.#op(op));
    return graph;
  }

  #op(node: OpNode): NodeProto {
    const names = (list: OpNode['inputs']): string[] => list.map((name) => (name ? textOf(name) : ''));
    const domain = node.op.slice(0, -1).map(({ image }) => image);
    const op = create(NodeProtoSchema, {
      output: names(node.outputs),
      input: names(node.inputs),
      opType: node.op.at(-1)!.image,
      attribute: node.attributes.map((one) => this.#attribute(one)),
    });
    if (node.label !== undefined) op.name = textOf(node.label);
    if (domain.length > 0) op.domain = domain.join('.');
    if (node.overload !== undefined) op.overload = node.overload.image;
    this.positions.set(op, node.at.startOffset);
    return op;
  }

  // --- types and values ------------------------------------------------------------------------------

  #valueInfo({ at, name, type }: ValueNode): ValueInfoProto {
    const info = create(ValueInfoProtoSchema, { name: textOf(name) });
    if (type !== undefined) info.type = this.#type(type, at);
    return info;
  }

  #type(node: TypeNode, at: IToken): TypeProto {
    switch (node.kind) {
      case 'tensor':
        return create(TypeProtoSchema, { value: { case: 'tensorType', value: this.#shaped(node, at) } });
      case 'sparse':
        return create(TypeProtoSchema, {
          value: { case: 'sparseTensorType', value: this.#shaped(node, at) },
        });
      case 'seq':
        return create(TypeProtoSchema, {
          value: { case: 'sequenceType', value: { elemType: this.#type(node.elem, at) } },
        });
      case 'optional':
        return create(TypeProtoSchema, {
          value: { case: 'optionalType', value: { elemType: this.#type(node.elem, at) } },
        });
      case 'map':
        return create(TypeProtoSchema, {
          value: {
            case: 'mapType',
            value: {
              keyType: this.#elemType(node.key.image, node.key),
              valueType: this.#type(node.value, at),
            },
          },
        });
    }
  }

  #shaped({ elem, dims }: Extract<TypeNode, { kind: 'tensor' | 'sparse' }>, at: IToken) {
    return {
      elemType: this.#elemType(elem, at),
      ...(dims !== undefined && { shape: { dim: dims.map((dim) => this.#dim(dim)) } }),
    };
  }

  #elemType(name: string, at: IToken): number {
    const dtype = dtypeOfOnnxName(name);
    if (dtype !== undefined) return elemTypeOf(dtype);
    this.#wrong(at, `"${name}" is no element type`);
    return 0;
  }

  #dim(token: IToken) {
    if (token.image === '?') return {};
    if (token.tokenType === Numeral)
      return { value: { case: 'dimValue' as const, value: this.#integer(token) } };
    return { value: { case: 'dimParam' as const, value: textOf(token) } };
  }

  #initializer({ type, name, at }: ValueNode, data: DataNode): TensorProto {
    if (type === undefined) this.#wrong(name, `the initializer "${textOf(name)}" has no type`);
    const node = type ?? { kind: 'tensor', elem: 'float', dims: [] };
    return this.#tensor({ type: node, name, data, at });
  }

  #tensor({ type, name, data, at }: TensorNode): TensorProto {
    const tensor = create(TensorProtoSchema, {});
    if (name !== undefined) tensor.name = textOf(name);
    if (type.kind !== 'tensor' || type.dims === undefined) {
      this.#wrong(at, 'data needs the type of a tensor with all its dimensions');
      return tensor;
    }
    tensor.dataType = this.#elemType(type.elem, at);
    for (const dim of type.dims) {
      if (dim.tokenType === Numeral) tensor.dims.push(this.#integer(dim));
      else this.#wrong(dim, 'the dimensions of data are numbers');
    }
    if (data?.kind === 'external') {
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.externalData = this.#entries(data.entries);
    } else if (data !== undefined) this.#fill(tensor, type.elem, data.values);
    return tensor;
  }

  #fill(tensor: TensorProto, elem: string, values: readonly IToken[]): void {
    switch (elem) {
      case 'string':
        tensor.stringData = values.map((value) => utf8.encode(this.#string(value, value)));
        break;
      case 'float':
      case 'complex64':
        tensor.floatData = values.map((value) => Math.fround(this.#float(value)));
        break;
      case 'double':
      case 'complex128':
        tensor.doubleData = values.map((value) => this.#float(value));
        break;
      case 'int64':
        tensor.int64Data = values.map((value) => this.#integer(value));
        break;
      case 'uint32':
      case 'uint64':
        tensor.uint64Data = values.map((value) => this.#integer(value, 0n, 2n ** 64n));
        break;
      default:
        tensor.int32Data = values.map((value) => Number(this.#integer(value, -(2n ** 31n), 2n ** 31n)));
    }
  }

  // --- attributes ------------------------------------------------------------------------------------

  #attribute({ name, type, value }: AttributeNode): AttributeProto {
    const attribute = create(AttributeProtoSchema, { name: textOf(name) });
    const declared = type === undefined ? undefined : attributeTypes[type.image];
    if (type !== undefined && declared === undefined)
      this.#wrong(type, `"${type.image}" is no attribute type`);
    if (declared !== undefined) attribute.type = declared;
    if (!Array.isArray(value)) this.#single(attribute, value as SingleNode, declared, name);
    else this.#listed(attribute, value, declared, name);
    return attribute;
  }

  #single(
    attribute: AttributeProto,
    node: SingleNode,
    declared: AttributeType | undefined,
    at: IToken,
  ): void {
    if (node.kind === 'reference') {
      attribute.refAttrName = textOf(node.token);
      return;
    }
    const type = singleType(node, declared === AttributeType.FLOAT);
    if (declared !== undefined && declared !== type) {
      const [wanted, found] = [declared, type].map((one) => attributeTypeNames.get(one));
      this.#wrong(at, `"${attribute.name}" is ${found}, not ${wanted}`);
    }
    attribute.type = type;
    if (node.kind === 'tensor') attribute.t = this.#tensor(node.tensor);
    else if (node.kind === 'sparse') attribute.sparseTensor = this.#sparse(node.sparse);
    else if (node.kind === 'type') attribute.tp = this.#type(node.type, at);
    else if (node.kind === 'graph') attribute.g = this.#graph(node.graph);
    else if (type === AttributeType.STRING) attribute.s = utf8.encode(textOf(node.token));
    else if (type === AttributeType.INT) attribute.i = this.#integer(node.token);
    else attribute.f = Math.fround(this.#float(node.token));
  }

  #listed(
    attribute: AttributeProto,
    nodes: readonly SingleNode[],
    declared: AttributeType | undefined,
    at: IToken,
  ): void {
    if (nodes.length === 0) {
      if (declared === undefined) this.#wrong(at, 'an empty list needs its type, as in "axes: ints = []"');
      return;
    }
    const floats =
      declared === AttributeType.FLOATS ||
      (declared === undefined && nodes.some((node) => singleType(node, false) === AttributeType.FLOAT));
    for (const node of nodes) {
      const one = create(AttributeProtoSchema, { name: attribute.name });
      this.#single(one, node, floats ? AttributeType.FLOAT : undefined, at);
      const type = listType(one.type);
      if (type === undefined) this.#wrong(at, 'a list holds no references');
      else if (attribute.type !== AttributeType.UNDEFINED && attribute.type !== type)
        this.#wrong(at, `the list "${attribute.name}" mixes types`);
      else attribute.type = type;
      append(attribute, one);
    }
  }

  #sparse({ type, values, indices }: Extract<SingleNode, { kind: 'sparse' }>['sparse']): SparseTensorProto {
    const dims = type.kind === 'tensor' || type.kind === 'sparse' ? (type.dims ?? []) : [];
    return create(SparseTensorProtoSchema, {
      values: this.#tensor(values),
      indices: this.#tensor(indices),
      dims: dims.map((dim) => this.#integer(dim)),
    });
  }

  // --- literals --------------------------------------------------------------------------------------

  #literal({ key, value }: FieldNode): IToken {
    if (!Array.isArray(value)) return value as IToken;
    this.#wrong(key, `${key.image} is one value, not a list`);
    return key;
  }

  #list({ key, value }: FieldNode): readonly Pair[] {
    if (Array.isArray(value)) return value;
    this.#wrong(key, `${key.image} is a list in square brackets`);
    return [];
  }

  #opsets(field: FieldNode) {
    return this.#list(field).map(([domain, version]) =>
      create(OperatorSetIdProtoSchema, { domain: textOf(domain), version: this.#integer(version) }),
    );
  }

  #entries(pairs: readonly Pair[]) {
    return pairs.map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key: textOf(key), value: this.#string(value, value) }),
    );
  }

  #string(value: FieldNode['value'], at: IToken): string {
    if (!Array.isArray(value) && (value as IToken).tokenType === Quoted) return textOf(value as IToken);
    this.#wrong(at, 'a string in double quotes belongs here');
    return '';
  }

  #integer(token: IToken, least = -(2n ** 63n), beyond = 2n ** 63n): bigint {
    if (/^-?\d+$/.test(token.image)) {
      const value = BigInt(token.image);
      if (value >= least && value < beyond) return value;
      this.#wrong(token, `${token.image} is outside [${least}, ${beyond})`);
    } else this.#wrong(token, 'a whole number belongs here');
    return 0n;
  }

  #float(token: IToken): number {
    const text = token.image.toLowerCase();
    const special = /^(-?)(inf|nan)/.exec(text);
    if (special !== null)
      return special[2] === 'nan'
        ? Number.NaN
        : special[1] === '-'
          ? Number.NEGATIVE_INFINITY
          : Number.POSITIVE_INFINITY;
    if (token.tokenType === Numeral && Number.isFinite(Number(text))) return Number(text);
    this.#wrong(token, 'a number belongs here');
    return 0;
  }

  #wrong(token: IToken, message: string): void {
    this.problems.push({ message, token });
  }
}

/** The attribute type of a single value; whole numbers count as floats if `floats`. */
function singleType(node: SingleNode, floats: boolean): AttributeType {
  switch (node.kind) {
    case 'tensor':
      return AttributeType.TENSOR;
    case 'sparse':
      return AttributeType.SPARSE_TENSOR;
    case 'type':
      return AttributeType.TYPE_PROTO;
    case 'graph':
      return AttributeType.GRAPH;
    case 'reference':
      return AttributeType.UNDEFINED;
    case 'literal':
      if (node.token.tokenType === Quoted) return AttributeType.STRING;
      return /^-?\d+$/.test(node.token.image) && !floats ? AttributeType.INT : AttributeType.FLOAT;
  }
}

const listTypes = new Map<AttributeType, AttributeType>([
  [AttributeType.FLOAT, AttributeType.FLOATS],
  [AttributeType.INT, AttributeType.INTS],
  [AttributeType.STRING, AttributeType.STRINGS],
  [AttributeType.TENSOR, AttributeType.TENSORS],
  [AttributeType.GRAPH, AttributeType.GRAPHS],
  [AttributeType.SPARSE_TENSOR, AttributeType.SPARSE_TENSORS],
  [AttributeType.TYPE_PROTO, AttributeType.TYPE_PROTOS],
]);
const listType = (type: AttributeType): AttributeType | undefined => listTypes.get(type);

function append(list: AttributeProto, one: AttributeProto): void {
  if (one.type === AttributeType.FLOAT) list.floats.push(one.f);
  else if (one.type === AttributeType.INT) list.ints.push(one.i);
  else if (one.type === AttributeType.STRING) list.strings.push(one.s);
  else if (one.t !== undefined) list.tensors.push(one.t);
  else if (one.g !== undefined) list.graphs.push(one.g);
  else if (one.sparseTensor !== undefined) list.sparseTensors.push(one.sparseTensor);
  else if (one.tp !== undefined) list.typeProtos.push(one.tp);
}
