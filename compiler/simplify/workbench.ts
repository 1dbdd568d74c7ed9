// A model while it is rewritten: who makes and who reads each value at this moment, what is known of it, and the
// changes that rewrites may make. Everything costs what it touches; the order of ops is put together at the end.

import {
  type Attribute,
  DOMAIN,
  type DType,
  type Evaluator,
  type Graph,
  type GraphId,
  isOurDomain,
  type Model,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  type Shape,
  subgraphsOf,
  type Tensor,
  tensorType,
  type Value,
  type ValueId,
  type ValueType,
  type Weight,
  weightOf,
} from '../../ir/index.ts';
import { sameShape } from '../infer/dims.ts';
import { type Known, knownOfWeight } from '../infer/known.ts';
import { type Budget, readable } from './budget.ts';
import { contentOf } from './constants.ts';
import { Names } from './names.ts';
import { opsetsOf } from './opsets.ts';
import { isPacked, PACKING_TOLERANCE } from './packing.ts';
import { Worklist } from './worklist.ts';

/** What inference says of the values as they were when the round began; a value's meaning never changes. */
export interface Facts {
  readonly types: ReadonlyMap<ValueId, ValueType>;
  readonly known: ReadonlyMap<ValueId, Known | undefined>;
}

/** The fields of an op that stands in for another with the same outputs. */
export type Replacement = Pick<Op, 'type' | 'inputs'> & { readonly attributes?: readonly Attribute[] };

export class Workbench {
  readonly evaluate: Evaluator | undefined;
  readonly budget: Budget;
  /** How far results may move, relative to their size. */
  readonly tolerance: number;
  readonly #model: Model;
  readonly #editor: ModelEditor;
  readonly #facts: Facts;
  readonly #names: Names;
  /** Ops that read a value; once each. */
  readonly #readers: (Set<OpId> | undefined)[] = [];
  /** Graphs that give a value as an output, and how often. */
  readonly #outputOf: (number | undefined)[] = [];
  /** Ops to stand right before another in its graph. */
  readonly #before = new Map<OpId, OpId[]>();
  readonly #newInitializers = new Map<GraphId, ValueId[]>();
  readonly #touchedGraphs = new Set<GraphId>();
  readonly #opsets: ReadonlyMap<GraphId, ReadonlyMap<string, number>>;
  /** Where in the order of execution an op stands; ops that came later share the place of the one they came for. */
  readonly #rank: number[] = [];
  readonly #removed = new Set<OpId>();
  readonly #worklist = new Worklist();
  #changed = false;

  constructor(
    model: Model,
    facts: Facts,
    { budget, tolerance, evaluate }: Pick<Workbench, 'budget' | 'tolerance' | 'evaluate'>,
  ) {
    this.#model = model;
    this.#editor = model.edit();
    this.#facts = facts;
    this.evaluate = evaluate;
    this.budget = budget;
    this.tolerance = tolerance;
    this.#names = new Names(model);
    this.#opsets = opsetsOf(model);
    for (const op of model.allOps()) this.#addReads(op);
    for (const graph of model.graphs)
      for (const id of graph.outputs) this.#outputOf[id] = this.#givenBy(id) + 1;
    const roots = [model.main, ...model.functions.map((fn) => fn.graph)];
    for (const root of roots) this.#rankGraph(root);
  }

  // --- reading ---------------------------------------------------------------------------------------

  op(id: OpId): Op {
    return this.#editor.op(id);
  }
  value(id: ValueId): Value {
    return this.#editor.value(id);
  }
  graph(id: GraphId): Graph {
    return this.#editor.graph(id);
  }
  /** As it was when the round began. */
  get model(): Model {
    return this.#model;
  }
  /** The ops of a graph at this moment, in order. */
  opsOf(id: GraphId): readonly Op[] {
    return this.#orderOf(this.graph(id)).map((op) => this.op(op));
  }

  /** The version of the op's domain that holds where it stands. */
  opset(op: Op): number {
    return this.#opsets.get(this.#rootOf(op.graph))?.get(op.domain) ?? 0;
  }

  typeOf(id: ValueId): ValueType | undefined {
    const { weight } = this.value(id);
    return weight === undefined ? this.#facts.types.get(id) : tensorType(weight.dtype, weight.dims);
  }
  dtype(id: ValueId | undefined): DType | undefined {
    const type = id ? this.typeOf(id) : undefined;
    return type?.kind === 'tensor' ? type.dtype : undefined;
  }
  dims(id: ValueId | undefined): Shape {
    const type = id ? this.typeOf(id) : undefined;
    return type?.kind === 'tensor' ? type.dims : undefined;
  }
  /** Whether both values have one shape in every run: nothing in it is unknown. */
  sameDims(a: ValueId, b: ValueId): boolean {
    const dims = this.dims(a);
    return dims !== undefined && !dims.includes(null) && sameShape(dims, this.dims(b));
  }

  /** The content of a value that is the same in every run. */
  constant(id: ValueId | undefined): Weight | undefined {
    if (!id) return undefined;
    const { def, weight } = this.value(id);
    if (weight !== undefined) {
      // Before IR 4 every initializer had to be an input too; since then, one that is has a mere default.
      return def.kind === 'input' && this.#model.header.irVersion >= 4 ? undefined : weight;
    }
    const maker = this.makerOf(id, 'Constant');
    return maker && contentOf(maker);
  }
  tensor(id: ValueId | undefined): Tensor | undefined {
    const weight = this.constant(id);
    return weight && readable(weight);
  }
  /** Elements of a small value: numbers, sizes by name, null where not known. */
  known(id: ValueId | undefined): Known | undefined {
    if (!id) return undefined;
    const weight = this.constant(id);
    if (weight === undefined) return this.#facts.known.get(id);
    return readable(weight) === undefined ? undefined : knownOfWeight(weight);
  }
  /** All elements of a small value, if they are whole numbers that are known exactly, or stand for "to the end". */
  numbers(id: ValueId | undefined): readonly number[] | undefined {
    const elems = this.known(id)?.elems;
    return elems?.every((elem) => typeof elem === 'number') ? (elems as readonly number[]) : undefined;
  }

  /** The op that makes a value. */
  maker(id: ValueId | undefined): Op | undefined {
    const def = id ? this.value(id).def : undefined;
    return def?.kind === 'op' ? this.op(def.op) : undefined;
  }
  /** The op of the standard domain and of this type that makes a value. */
  makerOf(id: ValueId | undefined, ...types: readonly string[]): Op | undefined {
    const maker = this.maker(id);
    return maker && types.includes(maker.type) && this.isStandard(maker) ? maker : undefined;
  }
  /** Readings of a value: ops, and lists of outputs. */
  useCount(id: ValueId): number {
    return (this.#readers[id]?.size ?? 0) + this.#givenBy(id);
  }
  isOutput(id: ValueId): boolean {
    return this.#givenBy(id) > 0;
  }

  /** Whether a value that is computed now may become a constant: not where a backend would then round differently. */
  mayBeConstant(id: ValueId): boolean {
    if (this.tolerance >= PACKING_TOLERANCE) return true;
    for (const reader of this.#readers[id] ?? []) {
      if (isPacked(this.op(reader), id)) return false;
    }
    return true;
  }

  isStandard(op: Op): boolean {
    return op.domain === '' && this.#model.functionOf(op) === undefined;
  }
  /** Whether running the op does more than make its outputs. */
  hasEffects(op: Op): boolean {
    if (isOurDomain(op.domain) && op.domain !== DOMAIN.segment) return true;
    return subgraphsOf(op).some((id) =>
      this.graph(id).ops.some((inner) => !this.isRemoved(inner) && this.hasEffects(this.op(inner))),
    );
  }
  /** Functions have no initializers, and before IR 4 each was an input too. */
  holdsInitializers(id: GraphId): boolean {
    return this.graph(id).kind !== 'function' && this.#model.header.irVersion >= 4;
  }
  isRemoved(id: OpId): boolean {
    return this.#removed.has(id);
  }
  /** Whether what the first op makes is there, in every run, when the second runs. */
  dominates(first: Op, second: Op): boolean {
    return (
      this.#rank[first.id]! < this.#rank[second.id]! &&
      this.encloses(first.graph, second.graph) &&
      !this.#holds(first, second)
    );
  }
  /** Whether values of the first graph can be read in the second. */
  encloses(outer: GraphId, inner: GraphId): boolean {
    for (let at: GraphId | undefined = inner; at !== undefined; at = this.graph(at).parent)
      if (at === outer) return true;
    return false;
  }

  // --- changing --------------------------------------------------------------------------------------

  /**
   * The outputs of `op` are these values instead; the op goes. An undefined one must have no readers. Where an output's
   * name has to stay and the value cannot take it, an Identity stands in; false if that would be no gain.
   */
  forward(op: Op, values: readonly (ValueId | undefined)[]): boolean {
    const pairs = op.outputs.flatMap((from, index) =>
      from === NO_VALUE || this.useCount(from) === 0 ? [] : [[from, values[index]!] as const],
    );
    if (pairs.some(([from, to]) => this.constant(to) !== undefined && !this.mayBeConstant(from)))
      return false;
    const needIdentity = pairs.filter(([from, to]) => this.isOutput(from) && !this.#canTakeOver(from, to));
    if (needIdentity.length > 0 && (op.type === 'Identity' || op.outputs.length > 1)) return false;
    const reached = pairs.every(([from, to]) =>
      this.isOutput(from) && needIdentity.length === 0 ? this.#reaches(from, to) : this.#reaches(to, from),
    );
    if (!reached) return false;
    if (needIdentity.length > 0) {
      this.replace(op, { type: 'Identity', inputs: [needIdentity[0]![1]] });
      return true;
    }
    for (const [from, to] of pairs) {
      if (this.isOutput(from)) this.#takeOver(op, from, to);
      else this.#redirect(from, to);
    }
    this.remove(this.op(op.id));
    return true;
  }

  /** The op becomes another with the same outputs. */
  replace(op: Op, { type, inputs, attributes = [] }: Replacement): void {
    this.#dropReads(op);
    for (const graph of subgraphsOf(op)) this.#empty(graph);
    this.#editor.setOp(op.id, { type, inputs, attributes, domain: '', overload: '' });
    this.#addReads(this.op(op.id));
    this.#touch(this.op(op.id));
  }

  /** An op that is to run right before `op`; its outputs belong to the same graph. */
  insertBefore(op: Op, added: Replacement & { readonly outputs: readonly ValueId[] }): Op {
    const id = this.#editor.addOp(op.graph, {
      ...added,
      attributes: added.attributes ?? [],
      ...(op.scope !== undefined && { scope: op.scope }),
      ...(op.place && { place: op.place }),
    });
    this.#rank[id] = this.#rank[op.id]!;
    listAt(this.#before, op.id).push(id);
    const made = this.op(id);
    this.#addReads(made);
    this.#touch(made);
    return made;
  }

  newValue(graph: GraphId, name: string): ValueId {
    return this.#editor.addValue(graph, { name: this.#names.fresh(name) });
  }

  /** A value of this content, to be read by `op`. */
  newConstant(op: Op, tensor: Tensor, name: string): ValueId {
    const id = this.newValue(op.graph, name);
    this.#define(id, weightOf(tensor, this.value(id).name), op);
    return id;
  }

  /** The outputs of `op`, which are used, have these contents; the op goes. */
  makeConstant(op: Op, contents: readonly (Weight | undefined)[]): void {
    const outputs = op.outputs.flatMap((id, index) =>
      id !== NO_VALUE && this.useCount(id) > 0 ? [[id, contents[index]!] as const] : [],
    );
    this.remove(
      op,
      outputs.map(([id]) => id),
    );
    for (const [id, weight] of outputs) {
      this.#define(id, weight, op);
      this.#touchReaders(id);
    }
  }

  /** All who read one value read another, which is there for them, and nobody gives the first as an output. */
  share(from: ValueId, to: ValueId): boolean {
    if (this.isOutput(from) || !this.#reaches(to, from)) return false;
    this.#redirect(from, to);
    return true;
  }

  /** Takes an op out, with the graphs it holds; its outputs too, but for `kept`. */
  remove(op: Op, kept: readonly ValueId[] = []): void {
    this.#changed = true;
    this.#dropReads(op);
    this.#removed.add(op.id);
    this.#touchedGraphs.add(op.graph);
    for (const id of op.outputs) if (id !== NO_VALUE && !kept.includes(id)) this.#editor.removeValue(id);
    for (const graph of subgraphsOf(op)) this.#empty(graph);
  }

  removeInitializer(id: ValueId): void {
    this.#changed = true;
    this.#touchedGraphs.add(this.value(id).graph);
    this.#editor.setValue(id, { weight: undefined, def: { kind: 'none' } });
    this.#editor.removeValue(id);
  }

  removeFunctions(removed: ReadonlySet<GraphId>): void {
    this.#changed = true;
    for (const graph of removed) this.#empty(graph);
    this.#editor.functions = this.#editor.functions.filter((fn) => !removed.has(fn.graph));
  }

  /** Whether what a graph holds may stand in the graph of `op`. */
  canUnwrap(op: Op, id: GraphId): boolean {
    const held = this.initializersOf(id);
    return (
      held.length === 0 ||
      (this.holdsInitializers(op.graph) && held.every((value) => this.value(value).weight !== undefined))
    );
  }

  /** Moves what a graph holds to where `op`, which holds the graph, stands: right before it. */
  unwrap(op: Op, id: GraphId): void {
    const graph = this.graph(id);
    const { graph: into } = op;
    const move = (value: ValueId): void => {
      this.#editor.setValue(value, { graph: into, name: this.#names.unshared(this.value(value).name) });
    };
    for (const value of this.initializersOf(id)) {
      move(value);
      listAt(this.#newInitializers, into).push(value);
    }
    const order = this.#orderOf(graph);
    for (const inner of order) {
      const moved = this.op(inner);
      for (const value of moved.outputs) if (value !== NO_VALUE) move(value);
      for (const held of subgraphsOf(moved)) this.#editor.setGraph(held, { parent: into });
      this.#editor.setOp(inner, { graph: into });
      this.#before.delete(inner);
    }
    listAt(this.#before, op.id).push(...order);
    for (const value of graph.outputs) this.#outputOf[value] = this.#givenBy(value) - 1;
    this.#editor.setGraph(id, { ops: [], outputs: [], initializers: [], inputs: [] });
    this.#newInitializers.delete(id);
    this.#touchedGraphs.delete(id);
    this.#touchedGraphs.add(into);
    for (const inner of order) this.#touch(this.op(inner));
  }

  /** Initializers of a graph at this moment, those made meanwhile at the end. */
  initializersOf(id: GraphId): readonly ValueId[] {
    const there = [...this.graph(id).initializers, ...(this.#newInitializers.get(id) ?? [])];
    return there.filter((value) => this.#exists(value));
  }

  // --- the queue of ops to look at --------------------------------------------------------------------

  enqueue(id: OpId): void {
    if (!this.#removed.has(id)) this.#worklist.add(id);
  }
  /** Ops to look at, in the order in which they came; those that come meanwhile too. */
  *queue(): Iterable<Op> {
    for (const id of this.#worklist) if (!this.#removed.has(id)) yield this.op(id);
  }

  /** Whether there were changes; and the model with them. */
  finish(): { readonly model: Model; readonly changed: boolean } {
    if (!this.#changed) return { model: this.#model, changed: false };
    for (const id of this.#touchedGraphs) {
      const graph = this.graph(id);
      const ops = this.#orderOf(graph);
      this.#editor.setGraph(id, { ops, initializers: this.initializersOf(id) });
    }
    for (const id of this.#removed) this.#editor.removeOp(id);
    return { model: this.#editor.finish(), changed: true };
  }

  // --- inside -----------------------------------------------------------------------------------------

  /** Whether a value given by its graph as `from` can be made under the name `from`. */
  #canTakeOver(from: ValueId, to: ValueId): boolean {
    const source = this.value(to);
    // Types of outputs that files state belong to the name: they stay with it.
    return source.def.kind === 'op' && source.graph === this.value(from).graph && !this.isOutput(to);
  }

  #takeOver(op: Op, from: ValueId, to: ValueId): void {
    const maker = this.maker(to)!;
    const outputs = maker.outputs.map((id) => (id === to ? from : id));
    this.#redirect(to, from);
    this.#editor.setOp(op.id, { outputs: op.outputs.map((id) => (id === from ? NO_VALUE : id)) });
    this.#editor.setOp(maker.id, { outputs });
    this.#editor.removeValue(to);
    this.#touch(this.op(maker.id));
  }

  /** Whether `to` can be read wherever `from` is. Gives it a name of its own if another value has the same. */
  #reaches(to: ValueId, from: ValueId): boolean {
    const target = this.value(to);
    const readers = [...(this.#readers[from] ?? [])];
    if (readers.every((id) => this.op(id).graph === target.graph) || this.#names.isUnique(target.name))
      return true;
    if (target.def.kind === 'input' || this.isOutput(to)) return false;
    this.#editor.setValue(to, { name: this.#names.unshared(target.name) });
    return true;
  }

  #redirect(from: ValueId, to: ValueId): void {
    this.#changed = true;
    for (const id of [...(this.#readers[from] ?? [])]) {
      const op = this.op(id);
      this.#editor.setOp(id, { inputs: op.inputs.map((input) => (input === from ? to : input)) });
      this.#reader(to, id);
      this.enqueue(id);
    }
    this.#readers[from] = undefined;
  }

  #define(id: ValueId, weight: Weight, op: Op): void {
    this.#changed = true;
    if (!this.holdsInitializers(op.graph) || this.isOutput(id)) {
      const value = { name: 'value', kind: 'tensor', value: weight } as const;
      this.insertBefore(op, { type: 'Constant', inputs: [], outputs: [id], attributes: [value] });
      return;
    }
    this.#editor.setValue(id, {
      def: { kind: 'initializer' },
      weight,
      type: tensorType(weight.dtype, weight.dims),
    });
    listAt(this.#newInitializers, op.graph).push(id);
    this.#touchedGraphs.add(op.graph);
  }

  #touch(op: Op): void {
    this.#changed = true;
    this.#touchedGraphs.add(op.graph);
    this.enqueue(op.id);
    for (const id of op.outputs) if (id !== NO_VALUE) this.#touchReaders(id);
  }
  #touchReaders(id: ValueId): void {
    for (const reader of this.#readers[id] ?? []) this.enqueue(reader);
  }

  #empty(id: GraphId): void {
    const graph = this.graph(id);
    for (const value of graph.outputs)
      if (this.#exists(value)) this.#outputOf[value] = this.#givenBy(value) - 1;
    for (const inner of this.#orderOf(graph)) this.remove(this.op(inner));
    for (const value of [...this.initializersOf(id), ...graph.inputs])
      if (this.#exists(value)) this.#editor.removeValue(value);
    this.#editor.setGraph(id, { ops: [], outputs: [], initializers: [], inputs: [] });
    this.#newInitializers.delete(id);
    this.#touchedGraphs.delete(id);
  }

  #orderOf(graph: Graph): readonly OpId[] {
    const order: OpId[] = [];
    const place = (id: OpId): void => {
      for (const inner of this.#before.get(id) ?? []) place(inner);
      if (!this.#removed.has(id)) order.push(id);
    };
    graph.ops.forEach(place);
    return order;
  }

  #addReads(op: Op): void {
    for (const input of op.inputs) this.#reader(input, op.id);
  }
  #reader(value: ValueId, op: OpId): void {
    if (value === NO_VALUE) return;
    const readers = this.#readers[value];
    if (readers === undefined) this.#readers[value] = new Set([op]);
    else readers.add(op);
  }
  #dropReads(op: Op): void {
    for (const input of op.inputs) {
      if (input === NO_VALUE) continue;
      this.#readers[input]?.delete(op.id);
      const maker = this.#exists(input) ? this.maker(input) : undefined;
      // It may have nobody to read it now, or be the other's only reader.
      if (maker !== undefined) this.enqueue(maker.id);
    }
  }

  #givenBy(id: ValueId): number {
    return this.#outputOf[id] ?? 0;
  }
  #exists(id: ValueId): boolean {
    return (this.#editor.value(id) as Value | undefined) !== undefined;
  }
  #rootOf(id: GraphId): GraphId {
    let at = id;
    for (let parent = this.graph(at).parent; parent !== undefined; parent = this.graph(at).parent)
      at = parent;
    return at;
  }
  #holds(holder: Op, inner: Op): boolean {
    return subgraphsOf(holder).some((graph) => this.encloses(graph, inner.graph));
  }
  #rankGraph(root: GraphId): void {
    let rank = 0;
    const visit = (id: GraphId): void => {
      for (const op of this.#model.opsOf(id)) {
        this.#rank[op.id] = rank++;
        this.#worklist.add(op.id);
        subgraphsOf(op).forEach(visit);
      }
    };
    visit(root);
  }
}

function listAt<K, T>(map: Map<K, T[]>, key: K): T[] {
  let list = map.get(key);
  if (list === undefined) {
    list = [];
    map.set(key, list);
  }
  return list;
}
