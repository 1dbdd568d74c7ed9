// Graphs and functions of a decoded model: names to ids, messages to entries of the model's tables.

import { type Diagnostic, diagnostic, type Position } from '../diagnostic.ts';
import type {
  FunctionProto,
  GraphProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from '../generated/onnx-ml_pb.ts';
import {
  type Attribute,
  type GraphId,
  type ImportedInfo,
  type ModelEditor,
  type ModelFunction,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
  type Weight,
} from '../graph.ts';
import { dtypeOfElemType, tensorType, type ValueType } from '../types.ts';
import { type AttributeReader, isPresent, readAttribute } from './attributes.ts';
import { externalRange, type OpenExternal } from './external.ts';
import { withValues } from './gradient.ts';
import { entriesOf, type Marks, marksOf } from './metadata.ts';
import { domainOf, readOpsets } from './opsets.ts';
import { CUT_FIELD, type Cut, CutConflict } from './scan.ts';
import { memorySource } from './source.ts';
import { typeOf } from './types.ts';

/** The names a graph sees: its own, then those of the graphs around it. */
class Scope {
  readonly graph: GraphId;
  readonly names = new Map<string, ValueId>();
  readonly #parent: Scope | undefined;
  constructor(graph: GraphId, parent: Scope | undefined) {
    this.graph = graph;
    this.#parent = parent;
  }
  find(name: string): ValueId | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#parent) {
      const value = scope.names.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** A list of value infos and the values they are about. */
interface Listed {
  readonly protos: readonly ValueInfoProto[];
  readonly values: readonly ValueId[];
}

/** What is known of where nodes stand: lines of text, or bytes of a binary file. */
export interface NodePositions {
  readonly positions?: ReadonlyMap<NodeProto, Position>;
  readonly offsets?: ReadonlyMap<NodeProto, number>;
}

export class GraphReader {
  /** Byte offsets of ops, by OpId; empty for text. */
  readonly offsets: number[] = [];
  readonly #editor: ModelEditor;
  readonly #cuts: readonly Cut[];
  readonly #file: string;
  readonly #external: OpenExternal | undefined;
  readonly #diagnostics: Diagnostic[];
  readonly #where: NodePositions;
  #early: { value: ValueId; type: ValueType | undefined }[] = [];

  constructor(
    editor: ModelEditor,
    cuts: readonly Cut[],
    file: string,
    external: OpenExternal | undefined,
    diagnostics: Diagnostic[],
    where: NodePositions = {},
  ) {
    this.#editor = editor;
    this.#where = where;
    this.#cuts = cuts;
    this.#file = file;
    this.#external = external;
    this.#diagnostics = diagnostics;
  }

  /** Reads a graph and all inside; `proto` is taken over. */
  graph(proto: GraphProto, kind: 'main' | 'subgraph', outer: Scope | undefined): GraphId {
    const editor = this.#editor;
    const id = editor.addGraph({
      kind,
      name: proto.name,
      ...(outer === undefined ? {} : { parent: outer.graph }),
    });
    const scope = new Scope(id, outer);
    const inputs = proto.input.map(({ name }, index) =>
      this.#declare(scope, name, { def: { kind: 'input', index } }),
    );
    const initializers = this.#initializers(scope, proto, inputs);
    const outputsOf = this.#declareOutputs(scope, proto.node);
    const ops = this.#ops(scope, proto.node, outputsOf);
    const outputs = proto.output.map(({ name }) => this.#use(scope, name, true));
    const listed = {
      inputs: { protos: proto.input, values: inputs },
      outputs: { protos: proto.output, values: outputs },
      valueInfo: this.#listed(scope, proto.valueInfo),
    };
    this.#setTypes(scope, Object.values(listed));
    const infos = {
      ...residueInfos('inputs', this.#infos(scope, listed.inputs)),
      ...residueInfos('outputs', this.#infos(scope, listed.outputs)),
      ...residueInfos('valueInfo', this.#infos(scope, listed.valueInfo)),
    };
    if (outer === undefined) this.#settleInfos();
    this.#markInputs(scope, proto.input, inputs);
    proto.node = [];
    proto.initializer = [];
    proto.input = [];
    proto.output = [];
    proto.valueInfo = [];
    const plain =
      proto.$unknown === undefined &&
      isPresent(proto, 'name') === (proto.name !== '') &&
      !isPresent(proto, 'docString') &&
      proto.quantizationAnnotation.length + proto.metadataProps.length + proto.sparseInitializer.length === 0;
    editor.setGraph(id, {
      inputs,
      outputs,
      initializers,
      ops,
      residue: {
        ...(plain ? {} : { proto }),
        ...infos,
      },
    });
    return id;
  }

  /** Reads a model-local function; `proto` is taken over. */
  function(proto: FunctionProto): ModelFunction {
    const editor = this.#editor;
    const { name, domain, overload } = proto;
    const graph = editor.addGraph({ kind: 'function', name });
    const scope = new Scope(graph, undefined);
    const inputs = proto.input.map((input, index) =>
      this.#declare(scope, input, { def: { kind: 'input', index } }),
    );
    const outputsOf = this.#declareOutputs(scope, proto.node);
    const ops = this.#ops(scope, proto.node, outputsOf);
    const outputs = proto.output.map((output) => this.#use(scope, output, true));
    const listed = this.#listed(scope, proto.valueInfo);
    this.#setTypes(scope, [listed]);
    this.#settleInfos();
    editor.setGraph(graph, {
      inputs,
      outputs,
      ops,
      residue: residueInfos('valueInfo', this.#infos(scope, listed)),
    });
    const defaults = proto.attributeProto.map((one) => readAttribute(one, this.#attributeReader(scope)));
    const attributes = [...proto.attribute, ...defaults.map((one) => one.name)];
    const opsets = readOpsets(proto.opsetImport);
    proto.input = [];
    proto.output = [];
    proto.node = [];
    proto.attribute = [];
    proto.attributeProto = [];
    proto.valueInfo = [];
    if (opsets.canonical) proto.opsetImport = [];
    const plain =
      proto.$unknown === undefined &&
      proto.opsetImport.length + proto.metadataProps.length === 0 &&
      isPresent(proto, 'name') &&
      isPresent(proto, 'domain') &&
      domainOf(domain) === domain &&
      isPresent(proto, 'overload') === (overload !== '') &&
      !isPresent(proto, 'docString');
    return {
      domain: domainOf(domain),
      name,
      overload,
      graph,
      attributes,
      defaults,
      opsets: opsets.versions,
      ...(plain ? {} : { residue: proto }),
    };
  }

  #declare(scope: Scope, name: string, value: Omit<Parameters<ModelEditor['addValue']>[1], 'name'>): ValueId {
    const id = this.#editor.addValue(scope.graph, { name, ...value });
    // A second definition of a name gets a value of its own that nothing reads; the check pass reports it.
    if (name !== '' && !scope.names.has(name)) scope.names.set(name, id);
    return id;
  }

  /** The value a name stands for; one without definition if it stands for none. "" is "omitted" for ops only. */
  #use(scope: Scope, name: string, always = false): ValueId {
    if (name === '' && !always) return NO_VALUE;
    return scope.find(name) ?? this.#declare(scope, name, {});
  }

  #initializers(scope: Scope, proto: GraphProto, inputs: readonly ValueId[]): ValueId[] {
    const editor = this.#editor;
    const unfilled = new Set(inputs);
    const list = proto.initializer.map((tensor) => {
      const weight = this.weight(tensor);
      const input = scope.names.get(tensor.name);
      if (input !== undefined && unfilled.delete(input)) {
        editor.setValue(input, { weight });
        return input;
      }
      const type = tensorType(weight.dtype, weight.dims);
      return this.#declare(scope, tensor.name, { def: { kind: 'initializer' }, weight, type });
    });
    for (const sparse of proto.sparseInitializer) {
      const dtype = dtypeOfElemType(sparse.values?.dataType ?? 0);
      const type: ValueType = { kind: 'sparse', dtype, dims: sparse.dims.map(Number) };
      list.push(this.#declare(scope, sparse.values?.name ?? '', { def: { kind: 'initializer' }, type }));
    }
    return list;
  }

  #declareOutputs(scope: Scope, nodes: readonly NodeProto[]): ValueId[][] {
    return nodes.map(({ output }) =>
      output.map((name) => (name === '' ? NO_VALUE : this.#declare(scope, name, {}))),
    );
  }

  #ops(scope: Scope, nodes: readonly NodeProto[], outputsOf: readonly ValueId[][]): OpId[] {
    const reader = this.#attributeReader(scope);
    return nodes.map((node, index) => this.#op(scope, node, outputsOf[index]!, reader));
  }

  #op(scope: Scope, node: NodeProto, outputs: readonly ValueId[], reader: AttributeReader): OpId {
    const inputs = node.input.map((name) => this.#use(scope, name));
    const attributes: Attribute[] = node.attribute.map((attribute) => readAttribute(attribute, reader));
    const { name, domain, opType, overload } = node;
    const marks = this.#marks(scope, node.metadataProps);
    const at = marks.at ?? this.#where.positions?.get(node);
    const offset = this.#where.offsets?.get(node);
    node.input = [];
    node.output = [];
    node.attribute = [];
    const op: { -readonly [Key in keyof Omit<Op, 'id' | 'graph'>]: Op[Key] } = {
      domain: domainOf(domain),
      type: opType,
      overload,
      name,
      inputs,
      outputs,
      attributes,
    };
    withValues(op, node, (one) => scope.find(one));
    // Not spread: a large model has millions of ops.
    if (at !== undefined) op.at = at;
    if (marks.scope !== undefined) op.scope = marks.scope;
    if (marks.place !== undefined) op.place = marks.place;
    if (marks.declassified !== undefined) op.declassified = marks.declassified;
    if (marks.declassifiedGradient !== undefined) op.declassifiedGradient = marks.declassifiedGradient;
    if (marks.recompute !== undefined) op.recompute = marks.recompute;
    if (!this.#isPlain(node, marks)) op.residue = node;
    const id = this.#editor.addOp(scope.graph, op);
    if (offset !== undefined) this.offsets[id] = offset;
    return id;
  }

  /** Whether the op's fields say all that the message says, its lists aside. */
  #isPlain(node: NodeProto, marks: Marks): boolean {
    return (
      node.$unknown === undefined &&
      isPresent(node, 'opType') &&
      isPresent(node, 'name') === (node.name !== '') &&
      isPresent(node, 'domain') === (domainOf(node.domain) !== '') &&
      isPresent(node, 'overload') === (node.overload !== '') &&
      !isPresent(node, 'docString') &&
      node.deviceConfigurations.length === 0 &&
      node.attribute.length === 0 &&
      this.#onlyMarks(node.metadataProps, marks)
    );
  }

  #onlyMarks(entries: NodeProto['metadataProps'], marks: Marks): boolean {
    if (entries.length === 0) return true;
    const written = entriesOf(marks, this.#nameOf);
    return (
      written.length === entries.length &&
      entries.every(
        (entry, index) =>
          entry.key === written[index]![0] && isPresent(entry, 'value') && entry.$unknown === undefined,
      )
    );
  }

  #marks(scope: Scope, entries: NodeProto['metadataProps']): Marks {
    if (entries.length === 0) return {};
    return marksOf(entries, (name) => scope.find(name), this.#nameOf);
  }

  readonly #nameOf = (value: ValueId): string => this.#editor.value(value).name;

  #markInputs(scope: Scope, protos: readonly ValueInfoProto[], inputs: readonly ValueId[]): void {
    protos.forEach(({ metadataProps }, index) => {
      const { place, at, private: secret, entropy } = this.#marks(scope, metadataProps);
      const own = { place, at, private: secret, entropy };
      const known = Object.entries(own).filter(([, value]) => value !== undefined);
      if (known.length > 0) this.#editor.setValue(inputs[index]!, Object.fromEntries(known));
    });
  }

  #attributeReader(scope: Scope): AttributeReader {
    return {
      weight: (proto) => this.weight(proto),
      graph: (proto) => this.graph(proto, 'subgraph', scope),
      needWhole: () => {
        if (this.#cuts.length > 0) throw new CutConflict();
      },
    };
  }

  #listed(scope: Scope, protos: readonly ValueInfoProto[]): Listed {
    return { protos, values: protos.map(({ name }) => this.#use(scope, name, true)) };
  }

  /** Gives each value the first type that the lists state for it, preferably one with a rank. */
  #setTypes(scope: Scope, lists: readonly Listed[]): void {
    const editor = this.#editor;
    for (const { protos, values } of lists) {
      protos.forEach((proto, index) => {
        const value = editor.value(values[index]!);
        if (value.graph !== scope.graph || saysRank(value.type)) return;
        const type = typeOf(proto.type);
        if (type !== undefined && (value.type === undefined || saysRank(type)))
          editor.setValue(value.id, { type });
      });
    }
  }

  /** What a list stated, beside the types that its values have now: export sees whether they changed. */
  #infos(scope: Scope, { protos, values }: Listed): ImportedInfo[] {
    return protos.map((proto, index) => {
      const value = this.#editor.value(values[index]!);
      const info = { value: value.id, proto, type: value.type };
      // An enclosing graph states its types only after the graphs in it are read.
      if (value.graph !== scope.graph) this.#early.push(info);
      return info;
    });
  }

  #settleInfos(): void {
    for (const info of this.#early) info.type = this.#editor.value(info.value).type;
    this.#early = [];
  }

  /** A weight from a tensor, whose content may have been cut out. */
  weight(proto: TensorProto): Weight {
    const dtype = dtypeOfElemType(proto.dataType);
    const dims = proto.dims.map(Number);
    if (proto.dataLocation === 1) {
      const range = externalRange(proto, this.#external, this.#file);
      if ('code' in range) {
        // What is also inside makes the tensor wrong whatever lies outside.
        const inside = isPresent(proto, 'rawData') || proto.$unknown?.some(({ no }) => no === CUT_FIELD);
        const problem = 'it has both external and internal data';
        this.#diagnostics.push(
          inside ? diagnostic('BB215', { name: proto.name, problem }, { at: range.at! }) : range,
        );
        return { dtype, dims, proto };
      }
      return { dtype, dims, proto, range };
    }
    const cut = this.#takeCut(proto);
    if (cut === undefined && !isPresent(proto, 'rawData')) return { dtype, dims, proto };
    if (cut === undefined) {
      const bytes = proto.rawData;
      proto.rawData = new Uint8Array(0);
      delete (proto as Partial<TensorProto>).rawData;
      const range = { source: memorySource(this.#file, bytes), offset: 0, byteLength: bytes.length };
      return { dtype, dims, proto, range };
    }
    if (cut.field === 'raw_data') return { dtype, dims, proto, range: cut.range };
    return { dtype, dims, proto, range: cut.range, field: cut.field };
  }

  /** The cut content of a tensor, whose mark is removed. Content in several parts must not be cut. */
  #takeCut(proto: TensorProto): Cut | undefined {
    const marks = proto.$unknown?.filter((field) => field.no === CUT_FIELD) ?? [];
    if (this.#cuts.length === 0 || marks.length === 0) return undefined;
    const cut = this.#cuts[varintOf(marks[0]!.data)]!;
    const whole =
      cut.field === 'raw_data'
        ? !isPresent(proto, 'rawData')
        : !isPresent(proto, 'rawData') &&
          (cut.field === 'float_data'
            ? proto.floatData.length === 0 && (proto.dataType === 1 || proto.dataType === 14)
            : proto.doubleData.length === 0 && (proto.dataType === 11 || proto.dataType === 15));
    if (marks.length > 1 || !whole) throw new CutConflict();
    const rest = proto.$unknown!.filter((field) => field.no !== CUT_FIELD);
    if (rest.length > 0) proto.$unknown = rest;
    else delete proto.$unknown;
    return cut;
  }
}

const saysRank = (type: ValueType | undefined): boolean =>
  type !== undefined && ((type.kind !== 'tensor' && type.kind !== 'sparse') || type.dims !== undefined);

function varintOf(bytes: Uint8Array): number {
  let value = 0;
  for (let index = bytes.length - 1; index >= 0; index--) value = value * 128 + (bytes[index]! & 0x7f);
  return value;
}

const residueInfos = <Key extends string>(
  key: Key,
  infos: readonly ImportedInfo[],
): { readonly [K in Key]?: readonly ImportedInfo[] } =>
  (infos.length === 0 ? {} : { [key]: infos }) as { readonly [K in Key]?: readonly ImportedInfo[] };
