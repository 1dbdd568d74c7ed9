// The one in-memory form of a computation: ONNX's structure with typed ids and def-use links.
//
// A Model owns flat tables of graphs, ops and values; subgraphs (If, Loop, Scan) and function bodies are
// graphs in the same tables, so an id means the same everywhere and a captured outer value is simply a
// ValueId of an enclosing graph. Models are immutable: a pass calls `edit()`, changes what it must and calls
// `finish()`. Entries are shared between versions, so a pass costs what it touches plus three array copies.

import type { Position } from './diagnostic.ts';
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
  TypeProto,
  ValueInfoProto,
} from './generated/onnx-ml_pb.ts';
import type { Place } from './place.ts';
import type { DType, ValueType } from './types.ts';

declare const brand: unique symbol;
export type ValueId = number & { readonly [brand]: 'value' };
export type OpId = number & { readonly [brand]: 'op' };
export type GraphId = number & { readonly [brand]: 'graph' };

/** Stands where an optional input or output is omitted ("" in files). */
export const NO_VALUE = 0 as ValueId;

/** Bytes that can be read in parts: a file, or memory. Reading never changes the source. */
export interface ByteSource {
  /** For messages: a path relative to the module's folder, or a description. */
  readonly name: string;
  readonly byteLength: number;
  /** Where the source is a whole file: its path, for whoever can open or map files itself. */
  readonly path?: string;
  /** A view or copy of [offset, offset + length); throws RangeError outside the source. */
  read(offset: number, length: number): Uint8Array;
}

/** Part of a source; the form in which weights are held until somebody needs their values. */
export interface ByteRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly byteLength: number;
}

/** A constant tensor: an initializer, or a tensor attribute. */
export interface Weight {
  readonly dtype: DType | undefined;
  readonly dims: readonly number[];
  /** As in the file, but without the bytes that `range` stands for. */
  readonly proto: TensorProto;
  /** Raw little-endian elements. Absent: the elements are in a typed field of `proto` (float_data …). */
  readonly range?: ByteRange;
  /** The field of the file's TensorProto that holds `range`, if it is not raw_data: both hold the same bytes. */
  readonly field?: 'float_data' | 'double_data';
}

interface AttributeOf<Kind extends string, V> {
  readonly name: string;
  readonly kind: Kind;
  readonly value: V;
  /** As in the file, where its fields say more than kind and value; export starts from it. */
  readonly residue?: AttributeProto;
}
/** Strings are bytes, as in ONNX; see `attributeString` for text. */
export type Attribute =
  | AttributeOf<'float', number>
  | AttributeOf<'int', bigint>
  | AttributeOf<'string', Uint8Array>
  | AttributeOf<'tensor', Weight>
  | AttributeOf<'graph', GraphId>
  | AttributeOf<'sparse', SparseTensorProto>
  | AttributeOf<'type', TypeProto>
  | AttributeOf<'floats', readonly number[]>
  | AttributeOf<'ints', readonly bigint[]>
  | AttributeOf<'strings', readonly Uint8Array[]>
  | AttributeOf<'tensors', readonly Weight[]>
  | AttributeOf<'graphs', readonly GraphId[]>
  | AttributeOf<'sparses', readonly SparseTensorProto[]>
  | AttributeOf<'types', readonly TypeProto[]>
  /** Inside a function body: the value of the function's attribute of this name. */
  | AttributeOf<'reference', string>
  /** Neither type nor any value is given. */
  | AttributeOf<'undefined', undefined>;

/** One ONNX node. (An ONNX "node" is an op here: a node is the runtime container on one peer.) */
export interface Op {
  readonly id: OpId;
  readonly graph: GraphId;
  /** "" is the standard domain. */
  readonly domain: string;
  readonly type: string;
  readonly overload: string;
  /** "" if unnamed. */
  readonly name: string;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly attributes: readonly Attribute[];
  /** The author's line. */
  readonly at?: Position;
  /** Path of named modules around the op, such as `encoder.layer1`. */
  readonly scope?: string;
  /** Where the author put it, or where the place pass did. */
  readonly place?: Place;
  /** Why what the op makes of private values may leave their class, as its author says. */
  readonly declassified?: string;
  /** Why the gradient of what the op makes may leave the class where it is computed, as its author says. */
  readonly declassifiedGradient?: string;
  /** What is computed again for gradients, all ops of one name together, and not stored for them. */
  readonly recompute?: string;
  /** What the file said beyond all this, lists emptied; export starts from it. */
  readonly residue?: NodeProto;
}

export type Definition =
  | { readonly kind: 'op'; readonly op: OpId; readonly index: number }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'initializer' }
  /** Used or declared, but nothing makes it: the check pass reports it. */
  | { readonly kind: 'none' };

export interface Value {
  readonly id: ValueId;
  /** The graph in whose scope the name is. */
  readonly graph: GraphId;
  readonly name: string;
  readonly def: Definition;
  readonly type?: ValueType;
  /** The initializer's content. An input with a weight has it as its default. */
  readonly weight?: Weight;
  /** For graph inputs: where the author said it enters. */
  readonly place?: Place;
  /** For graph inputs: never to leave its class, nor what is computed from it until an op is declassified. */
  readonly private?: boolean;
  /** For graph inputs: the host draws it for each flow, and no caller gives it. */
  readonly entropy?: boolean;
  readonly at?: Position;
}

/** A ValueInfoProto as it stood in the file, and the type we read from it. Export reuses it if the type is still that. */
export interface ImportedInfo {
  readonly value: ValueId;
  readonly proto: ValueInfoProto;
  readonly type: ValueType | undefined;
}

export interface Graph {
  readonly id: GraphId;
  readonly kind: 'main' | 'subgraph' | 'function';
  readonly name: string;
  /** The graph whose values this one may capture. */
  readonly parent?: GraphId;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** In file order; includes inputs that have a default. Sparse ones come last and have no weight. */
  readonly initializers: readonly ValueId[];
  /** In execution order, unless the file was not sorted. */
  readonly ops: readonly OpId[];
  readonly residue?: {
    /** Lists emptied. */
    readonly proto?: GraphProto;
    readonly inputs?: readonly ImportedInfo[];
    readonly outputs?: readonly ImportedInfo[];
    readonly valueInfo?: readonly ImportedInfo[];
  };
}

/** A model-local function; its body is a graph of kind 'function'. */
export interface ModelFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  readonly graph: GraphId;
  /** Names of attributes without default, then those with. */
  readonly attributes: readonly string[];
  readonly defaults: readonly Attribute[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly residue?: FunctionProto;
}

export interface ModelHeader {
  readonly irVersion: number;
  /** Domain to version, in file order; "" is the standard domain. */
  readonly opsets: ReadonlyMap<string, number>;
  /** File the model came from, as named in diagnostics. */
  readonly file: string;
  /** The byte of that file at which each op begins, by OpId. */
  readonly offsets?: readonly number[];
  readonly residue?: ModelProto;
}

/** One reading of a value: by an op (in any graph that sees it), or as a graph's output. */
export type Use =
  | { readonly kind: 'op'; readonly op: OpId; readonly index: number }
  | { readonly kind: 'output'; readonly graph: GraphId; readonly index: number };

interface Content {
  readonly graphs: readonly Graph[];
  readonly ops: readonly (Op | undefined)[];
  readonly values: readonly (Value | undefined)[];
}

export class Model {
  readonly header: ModelHeader;
  readonly main: GraphId;
  readonly functions: readonly ModelFunction[];
  readonly #tables: Content;
  #uses: readonly (readonly Use[])[] | undefined;
  #functionIndex: Map<string, ModelFunction> | undefined;

  /** Use {@link ModelEditor} to make one. */
  constructor(header: ModelHeader, main: GraphId, functions: readonly ModelFunction[], tables: Content) {
    this.header = header;
    this.main = main;
    this.functions = functions;
    this.#tables = tables;
  }

  graph(id: GraphId): Graph {
    return this.#tables.graphs[id]!;
  }
  op(id: OpId): Op {
    return this.#tables.ops[id]!;
  }
  value(id: ValueId): Value {
    return this.#tables.values[id]!;
  }
  get mainGraph(): Graph {
    return this.graph(this.main);
  }
  get graphs(): readonly Graph[] {
    return this.#tables.graphs;
  }
  /** One more than the largest op id; for arrays indexed by OpId. */
  get opLimit(): number {
    return this.#tables.ops.length;
  }
  /** One more than the largest value id; for arrays indexed by ValueId. */
  get valueLimit(): number {
    return this.#tables.values.length;
  }

  /** The ops of a graph in its order; by default of the main graph, subgraphs not included. */
  *opsOf(graph: GraphId = this.main): Iterable<Op> {
    for (const id of this.graph(graph).ops) yield this.op(id);
  }
  /** Every op of the model, in all graphs. */
  *allOps(): Iterable<Op> {
    for (const op of this.#tables.ops) if (op !== undefined) yield op;
  }
  *allValues(): Iterable<Value> {
    for (const value of this.#tables.values) if (value !== undefined) yield value;
  }

  /** Who reads a value, captures by subgraphs included; in table order. Computed once per model. */
  uses(id: ValueId): readonly Use[] {
    this.#uses ??= this.#collectUses();
    return this.#uses[id] ?? [];
  }

  /** The model-local function an op calls, if any. */
  functionOf(op: Pick<Op, 'domain' | 'type' | 'overload'>): ModelFunction | undefined {
    if (this.functions.length === 0) return undefined;
    this.#functionIndex ??= new Map(
      this.functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]),
    );
    return this.#functionIndex.get(functionKey(op.domain, op.type, op.overload));
  }

  edit(): ModelEditor {
    return new ModelEditor(this);
  }

  /** For the editor; copies, so that the model stays as it is. */
  copyTables(): { graphs: Graph[]; ops: (Op | undefined)[]; values: (Value | undefined)[] } {
    const { graphs, ops, values } = this.#tables;
    return { graphs: graphs.slice(), ops: ops.slice(), values: values.slice() };
  }

  #collectUses(): (readonly Use[])[] {
    const uses: Use[][] = new Array(this.valueLimit);
    const add = (value: ValueId, use: Use): void => {
      if (value === NO_VALUE) return;
      const list = uses[value];
      if (list === undefined) uses[value] = [use];
      else list.push(use);
    };
    for (const op of this.allOps()) {
      op.inputs.forEach((value, index) => {
        add(value, { kind: 'op', op: op.id, index });
      });
    }
    for (const graph of this.graphs) {
      graph.outputs.forEach((value, index) => {
        add(value, { kind: 'output', graph: graph.id, index });
      });
    }
    return uses;
  }
}

const functionKey = (domain: string, name: string, overload: string): string =>
  `${domain}\n${name}\n${overload}`;

const undefinedValue: Definition = { kind: 'none' };

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

// Field by field: a spread of two objects takes V8 twenty times as long, and passes change every op of a model.
function copyOfOp(op: Op): Mutable<Op> {
  const { id, graph, domain, type, overload, name, inputs, outputs, attributes } = op;
  const copy: Mutable<Op> = { id, graph, domain, type, overload, name, inputs, outputs, attributes };
  if (op.at !== undefined) copy.at = op.at;
  if (op.scope !== undefined) copy.scope = op.scope;
  if (op.place !== undefined) copy.place = op.place;
  if (op.declassified !== undefined) copy.declassified = op.declassified;
  if (op.declassifiedGradient !== undefined) copy.declassifiedGradient = op.declassifiedGradient;
  if (op.recompute !== undefined) copy.recompute = op.recompute;
  if (op.residue !== undefined) copy.residue = op.residue;
  return copy;
}

function copyOfValue(value: Value): Mutable<Value> {
  const { id, graph, name, def } = value;
  const copy: Mutable<Value> = { id, graph, name, def };
  if (value.type !== undefined) copy.type = value.type;
  if (value.weight !== undefined) copy.weight = value.weight;
  if (value.place !== undefined) copy.place = value.place;
  if (value.private !== undefined) copy.private = value.private;
  if (value.entropy !== undefined) copy.entropy = value.entropy;
  if (value.at !== undefined) copy.at = value.at;
  return copy;
}
/** What has graphs, ops and values: a model, or one that is being edited. */
export type Tables = Pick<Model, 'graph' | 'op' | 'value'>;

export type NewOp = Pick<Op, 'type' | 'inputs' | 'outputs'> & Partial<Omit<Op, 'id' | 'graph'>>;
export type NewValue = Pick<Value, 'name'> & Partial<Omit<Value, 'id' | 'graph'>>;

/** Builds the next version of a model. Not usable after `finish`. */
export class ModelEditor {
  header: ModelHeader;
  main: GraphId;
  functions: readonly ModelFunction[];
  readonly #graphs: Graph[];
  readonly #ops: (Op | undefined)[];
  readonly #values: (Value | undefined)[];

  constructor(from: Model | ModelHeader) {
    if (from instanceof Model) {
      const tables = from.copyTables();
      this.header = from.header;
      this.main = from.main;
      this.functions = from.functions;
      this.#graphs = tables.graphs;
      this.#ops = tables.ops;
      this.#values = tables.values;
    } else {
      // Another model's ops have other ids.
      const { offsets: _, ...header } = from;
      this.header = header;
      this.main = 0 as GraphId;
      this.functions = [];
      this.#graphs = [];
      this.#ops = [];
      // Index 0 is NO_VALUE, so that ids of real values are truthy and tables need no offset.
      this.#values = [undefined];
    }
  }

  graph(id: GraphId): Graph {
    return this.#graphs[id]!;
  }
  op(id: OpId): Op {
    return this.#ops[id]!;
  }
  value(id: ValueId): Value {
    return this.#values[id]!;
  }

  addGraph(graph: Pick<Graph, 'kind' | 'name'> & Partial<Omit<Graph, 'id'>>): GraphId {
    const id = this.#graphs.length as GraphId;
    this.#graphs.push({ inputs: [], outputs: [], initializers: [], ops: [], ...graph, id });
    return id;
  }

  /** Adds a value to a graph's scope; lists (inputs, outputs, initializers) are set with `setGraph`. */
  addValue(graph: GraphId, value: NewValue): ValueId {
    const id = this.#values.length as ValueId;
    this.#values.push({ def: undefinedValue, ...value, id, graph });
    return id;
  }

  /** Adds an op and makes it the definition of its outputs. The caller puts it in the graph's order, or `append`s. */
  addOp(graph: GraphId, op: NewOp): OpId {
    const id = this.#ops.length as OpId;
    this.#ops.push({ domain: '', overload: '', name: '', attributes: [], ...op, id, graph });
    this.#define(id, op.outputs);
    return id;
  }

  /** `addOp`, at the end of the graph's order. Costs a copy of the order: build long lists with `addOp` and `setGraph`. */
  append(graph: GraphId, op: NewOp): OpId {
    const id = this.addOp(graph, op);
    this.setGraph(graph, { ops: [...this.graph(graph).ops, id] });
    return id;
  }

  setOp(id: OpId, patch: Partial<Omit<Op, 'id'>>): void {
    this.#ops[id] = Object.assign(copyOfOp(this.op(id)), patch);
    if (patch.outputs !== undefined) this.#define(id, patch.outputs);
  }
  setValue(id: ValueId, patch: Partial<Omit<Value, 'id'>>): void {
    this.#values[id] = Object.assign(copyOfValue(this.value(id)), patch);
  }
  setGraph(id: GraphId, patch: Partial<Omit<Graph, 'id'>>): void {
    this.#graphs[id] = { ...this.graph(id), ...patch };
  }

  /** Forgets an op; the caller takes it out of its graph's order. */
  removeOp(id: OpId): void {
    this.#ops[id] = undefined;
  }
  removeValue(id: ValueId): void {
    this.#values[id] = undefined;
  }

  finish(): Model {
    return new Model(this.header, this.main, this.functions, {
      graphs: this.#graphs,
      ops: this.#ops,
      values: this.#values,
    });
  }

  #define(op: OpId, outputs: readonly ValueId[]): void {
    outputs.forEach((value, index) => {
      if (value !== NO_VALUE) this.setValue(value, { def: { kind: 'op', op, index } });
    });
  }
}

const utf8 = new TextDecoder();

export const findAttribute = (op: Pick<Op, 'attributes'>, name: string): Attribute | undefined =>
  op.attributes.find((attribute) => attribute.name === name);

/** An int attribute as a number, or `fallback` if it is absent or of another kind. */
export function attributeInt(op: Pick<Op, 'attributes'>, name: string): number | undefined;
export function attributeInt(op: Pick<Op, 'attributes'>, name: string, fallback: number): number;
export function attributeInt(
  op: Pick<Op, 'attributes'>,
  name: string,
  fallback?: number,
): number | undefined {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'int' ? Number(attribute.value) : fallback;
}
export function attributeInts(op: Pick<Op, 'attributes'>, name: string): readonly number[] | undefined {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'ints' ? attribute.value.map(Number) : undefined;
}
export function attributeFloat(op: Pick<Op, 'attributes'>, name: string): number | undefined {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'float' ? attribute.value : undefined;
}
export function attributeString(op: Pick<Op, 'attributes'>, name: string): string | undefined {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'string' ? utf8.decode(attribute.value) : undefined;
}

/** The texts of an attribute; none if it is not there. */
export function attributeStrings(op: Pick<Op, 'attributes'>, name: string): readonly string[] {
  const attribute = findAttribute(op, name);
  return attribute?.kind === 'strings' ? attribute.value.map((text) => utf8.decode(text)) : [];
}

const noGraphs: readonly GraphId[] = [];

/** The graphs held in an op's attributes, in attribute order. */
export function subgraphsOf(op: Op): readonly GraphId[] {
  if (op.attributes.length === 0) return noGraphs;
  const found: GraphId[] = [];
  for (const attribute of op.attributes) {
    if (attribute.kind === 'graph') found.push(attribute.value);
    else if (attribute.kind === 'graphs') found.push(...attribute.value);
  }
  return found;
}

/** Values of enclosing graphs that the subgraphs of `op` read, without repetition, in order of first use. */
export function capturesOf(model: Tables, op: Op): readonly ValueId[] {
  const subgraphs = subgraphsOf(op);
  if (subgraphs.length === 0) return [];
  const inside = new Set<GraphId>();
  const captured = new Set<ValueId>();
  const visit = (id: GraphId): void => {
    inside.add(id);
    const graph = model.graph(id);
    const read = (value: ValueId): void => {
      if (value !== NO_VALUE && !inside.has(model.value(value).graph)) captured.add(value);
    };
    for (const inner of graph.ops.map((one) => model.op(one))) {
      inner.inputs.forEach(read);
      subgraphsOf(inner).forEach(visit);
    }
    graph.outputs.forEach(read);
  };
  subgraphs.forEach(visit);
  return [...captured];
}

/** All values an op needs before it can run: its inputs and what its subgraphs capture; no repetition. */
export function dependenciesOf(model: Tables, op: Op): readonly ValueId[] {
  const needed = new Set<ValueId>(op.inputs);
  for (const value of capturesOf(model, op)) needed.add(value);
  needed.delete(NO_VALUE);
  return [...needed];
}

/** How an op is named in messages: its name, or its type and first output. */
export function describeOp(model: Pick<Model, 'value'>, op: Op): string {
  if (op.name !== '') return op.name;
  const output = op.outputs.find((value) => value !== NO_VALUE);
  return output === undefined ? op.type : `${op.type} → ${model.value(output).name}`;
}

/** Where an op was written: its line, or where it stands in the file it was read from. */
export const positionOf = ({ header }: Pick<Model, 'header'>, op: Op): Position => {
  const offset = header.offsets?.[op.id];
  return op.at ?? { file: header.file, ...(offset === undefined ? {} : { offset }) };
};
