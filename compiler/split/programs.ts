// Builds each class's program, seat by seat: receives, segments as functions, core ops, sends, in schedule order.

import {
  type Attribute,
  Copier,
  capturesOf,
  DOMAIN,
  DOMAIN_VERSION,
  findAttribute,
  type GraphId,
  isOurDomain,
  MIN_IR_VERSION,
  type Model,
  ModelEditor,
  type ModelFunction,
  type NewOp,
  type Op,
  type OpId,
  type Seat,
  setOf,
  subgraphsOf,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import { weightOf } from '../../ir/onnx/weights.ts';
import type { Program } from '../pass.ts';
import { itemsBehind } from './beginnings.ts';
import { isFold, partsOfFold } from './folds.ts';
import { type BodyInput, FunctionBody } from './function-body.ts';
import { isGather, type PlacedGraph, type PlaceNumber, setToReceive } from './places.ts';
import {
  type Item,
  type NumberedCrossing,
  type Schedule,
  type SplitGraph,
  scheduleOf,
  sentWith,
} from './schedule.ts';
import { seatsOf } from './seats.ts';

/** Name of the constant that trigger edges send: dots keep it apart from authors' names. */
const TRIGGER = 'bytesandbrains.trigger';

const intAttribute = (name: string, value: number): Attribute => ({
  name,
  kind: 'int',
  value: BigInt(value),
});
const intsAttribute = (name: string, value: readonly number[]): Attribute => ({
  name,
  kind: 'ints',
  value: value.map(BigInt),
});

export function buildProgram(
  split: SplitGraph,
  places: readonly PlaceNumber[],
  name: string,
  peers: readonly string[],
  firstSegment: number,
): Program {
  return new ProgramBuilder(split, places, name, firstSegment).build(name, peers);
}

class ProgramBuilder {
  readonly #split: SplitGraph;
  readonly #places: readonly PlaceNumber[];
  /** Whether ops say which seat they belong to. */
  readonly #named: boolean;
  readonly #firstSegment: number;
  readonly #model: Model;
  readonly #editor: ModelEditor;
  readonly #main: GraphId;
  readonly #initializers: ValueId[] = [];
  readonly #inputs: ValueId[] = [];
  readonly #functions: ModelFunction[] = [];
  /** Ops that are in a segment: of constants, each that reads them has its own. */
  readonly #computed = new Set<OpId>();
  readonly #ops: OpId[] = [];
  readonly #fragments: (number | undefined)[] = [];
  /** Weights of the program by their id in the whole computation: all seats share them. */
  readonly #weights = new Map<ValueId, ValueId>();
  /** Taken in the program's main graph. A value may be there once for each seat. */
  readonly #names: Set<string>;
  readonly #seats: Seat[] = [];
  readonly #seatOf: (string | undefined)[] = [];
  /** The seat that is being written: its place, its items, and values of the main graph by their id in the whole. */
  #place: PlaceNumber = -1;
  #schedule!: Schedule;
  #values!: Copier;

  constructor(split: SplitGraph, places: readonly PlaceNumber[], name: string, firstSegment: number) {
    const { model } = split.graph;
    this.#named = seatsOf(split.graph).named(name);
    this.#firstSegment = firstSegment;
    this.#split = split;
    this.#places = places;
    this.#names = new Set(places.flatMap((place) => boundaryNames(split.graph, place)));
    this.#model = model;
    this.#editor = new ModelEditor({
      irVersion: Math.max(model.header.irVersion, MIN_IR_VERSION),
      opsets: model.header.opsets,
      file: model.header.file,
    });
    this.#main = this.#editor.addGraph({ kind: 'main', name: model.mainGraph.name || 'program' });
    this.#editor.main = this.#main;
  }

  build(name: string, peers: readonly string[]): Program {
    const items: Item[] = [];
    const outputs: ValueId[] = [];
    let fragments = 0;
    for (const place of this.#places) {
      this.#place = place;
      this.#schedule = scheduleOf(this.#split, place);
      this.#values = new Copier(this.#model, this.#editor, [], this.#naming(place));
      items.push(...this.#schedule.items);
      fragments += this.#emitSeat(fragments, outputs);
    }
    this.#editor.setGraph(this.#main, {
      inputs: this.#inputs,
      outputs,
      initializers: this.#initializers,
      ops: this.#ops,
    });
    this.#editor.functions = [...this.#functions, ...this.#calledFunctions()];
    this.#editor.header = { ...this.#editor.header, opsets: this.#opsets() };
    return {
      name,
      class: name,
      peers,
      model: this.#editor.finish(),
      fragments: this.#fragments,
      ...(this.#named && { seats: this.#seats, seatOf: this.#seatOf }),
      ops: items
        .filter(({ kind, ops }) => kind === 'segment' || ops.some((id) => isFold(this.#model.op(id))))
        .reduce((sum, { ops }) => sum + ops.filter((id) => id < this.#split.authored).length, 0),
      state: [],
      slots: [],
    };
  }

  /** Writes the ops of a place, whose fragments are numbered from `first` on; gives how many there are. */
  #emitSeat(first: number, outputs: ValueId[]): number {
    const inputsHere = this.#declareInputs();
    const behind = itemsBehind(this.#split, this.#schedule.items);
    // What begins a fragment stands before what comes after.
    const rank = (item: Item): number => 2 * item.level + (behind.has(item) ? 1 : 0);
    const items = this.#schedule.items.toSorted((a, b) => rank(a) - rank(b));
    const numbers = new Map([...new Set(items.map(rank))].map((one, index) => [one, first + index]));
    const name = seatsOf(this.#split.graph).names[this.#place]!;
    for (const item of items) {
      const before = this.#ops.length;
      this.#emit(item);
      for (const op of this.#ops.slice(before)) {
        this.#fragments[op] = numbers.get(rank(item))!;
        if (this.#named) this.#seatOf[op] = name;
      }
    }
    const outputsHere = this.#outputs();
    outputs.push(...outputsHere);
    const named = (ids: readonly ValueId[]): string[] => ids.map((id) => this.#editor.value(id).name);
    const { entries } = seatsOf(this.#split.graph);
    this.#seats.push({
      name,
      entry: entries[this.#place]!,
      binder: this.#split.graph.places[this.#place]!.binder.kind,
      inputs: named(inputsHere),
      outputs: named(outputsHere),
    });
    return numbers.size;
  }

  /** Names for values of a seat. What enters and leaves there keeps its name; all else only if no other seat has it. */
  #naming(place: PlaceNumber): (name: string) => string {
    if (this.#places.length === 1) return (name) => name;
    const own = new Set(boundaryNames(this.#split.graph, place));
    const seat = seatsOf(this.#split.graph).names[place]!;
    return (name) => {
      let free = name;
      for (let n = 0; this.#names.has(free) && !own.has(free); n++)
        free = `${name}@${seat}${n === 0 ? '' : `.${n}`}`;
      own.delete(free);
      this.#names.add(free);
      return free;
    };
  }

  #declareInputs(): ValueId[] {
    const { model, inputPlace } = this.#split.graph;
    const here: ValueId[] = [];
    model.mainGraph.inputs.forEach((id, index) => {
      if (inputPlace[index] !== this.#place || model.value(id).weight !== undefined) return;
      const copy = this.#values.declare(id, this.#main);
      this.#editor.setValue(copy, {
        def: { kind: 'input', index: this.#inputs.length },
        private: model.value(id).private,
        entropy: model.value(id).entropy,
      });
      this.#inputs.push(copy);
      here.push(copy);
    });
    return here;
  }

  #emit(item: Item): void {
    switch (item.kind) {
      case 'recv':
        this.#emitRecv(item.crossing!);
        break;
      case 'send':
        this.#emitSend(item.crossing!);
        break;
      case 'segment':
        this.#emitSegment(item.ops);
        break;
      case 'core':
        this.#emitCore(this.#model.op(item.ops[0]!));
        break;
    }
  }

  #add(op: NewOp): void {
    this.#ops.push(this.#editor.addOp(this.#main, op));
  }

  #emitRecv(crossing: NumberedCrossing): void {
    const { edge, value, op } = crossing;
    const output =
      value === undefined
        ? this.#editor.addValue(this.#main, {
            name: `trigger_${edge.id}`,
            type: { kind: 'tensor', dtype: 'bool', dims: [] },
          })
        : this.#values.declare(op === undefined ? value : this.#model.op(op).outputs[0]!, this.#main);
    this.#add({
      domain: DOMAIN.wire,
      type: WIRE.recv,
      name: `recv_${edge.id}`,
      inputs: this.#setToReceive(crossing),
      outputs: [output],
      attributes: [intAttribute('edge', edge.id), intAttribute('deadline_ns', edge.deadlineNs)],
      at: this.#madeAt(op, value),
    });
  }

  /** The author's line: of the crossing, where it is an op of his, else of what makes the value. */
  #madeAt(op: OpId | undefined, value: ValueId | undefined): Op['at'] {
    const def = value === undefined ? undefined : this.#model.value(value).def;
    const made = op ?? (def?.kind === 'op' ? def.op : undefined);
    return made === undefined ? undefined : this.#model.op(made).at;
  }

  #setToReceive(crossing: NumberedCrossing): readonly ValueId[] {
    const set = setToReceive(this.#split.graph, crossing);
    return set === undefined ? [] : [this.#mainValue(set)];
  }

  #emitSend(crossing: NumberedCrossing): void {
    const { edge, value, op } = crossing;
    const inputs = sentWith(this.#split.graph, crossing).map((id) => this.#mainValue(id));
    const rows = op === undefined ? undefined : findAttribute(this.#model.op(op), 'rows');
    this.#add({
      domain: DOMAIN.wire,
      type: WIRE.send,
      name: `send_${edge.id}`,
      inputs: value === undefined ? [this.#triggerValue(), ...inputs] : inputs,
      outputs: [],
      attributes: [
        intAttribute('edge', edge.id),
        intAttribute('envelope', edge.envelope),
        ...(rows === undefined ? [] : [rows]),
      ],
    });
  }

  /** A trigger carries nothing, but an op needs an input or an output: a constant true. */
  #triggerValue(): ValueId {
    const known = this.#initializers.find((id) => this.#editor.value(id).name === TRIGGER);
    if (known !== undefined) return known;
    const id = this.#editor.addValue(this.#main, {
      name: TRIGGER,
      def: { kind: 'initializer' },
      type: { kind: 'tensor', dtype: 'bool', dims: [] },
      weight: weightOf({ dtype: 'bool', dims: [], bytes: new Uint8Array([1]) }),
    });
    this.#initializers.push(id);
    return id;
  }

  #emitCore(op: Op): void {
    if (isFold(op)) return this.#emitFold(op);
    const isCollect = isGather(op);
    const inputs = isCollect ? [] : op.inputs.map((id) => this.#mainValue(id));
    const outputs = op.outputs.map((id) => (id === 0 ? id : this.#values.declare(id, this.#main)));
    const { domain, type, name, at, scope } = op;
    // A seat says more than a place, and a place that is bound to a set names a value that may not be here.
    const place = this.#named || (op.place && setOf(op.place)) !== undefined ? undefined : op.place;
    if (!isCollect) {
      this.#add({ domain, type, name, at, scope, place, inputs, outputs, attributes: op.attributes });
      return;
    }
    const fields = this.#split.crossings.filter((crossing) => crossing.op === op.id);
    // What is folded is never stacked: its values stand for one answer.
    const isFolded = this.#model
      .uses(op.outputs[0]!)
      .some((use) => use.kind === 'op' && isFold(this.#model.op(use.op)));
    for (const [at, id] of isFolded ? op.inputs.entries() : [])
      this.#editor.setValue(outputs[at]!, { type: this.#model.value(id).type });
    this.#add({
      domain: DOMAIN.wire,
      type: WIRE.collect,
      name: name || `collect_${fields[0]!.edge.id}`,
      at,
      scope,
      place,
      inputs: this.#setToReceive(fields[0]!),
      outputs,
      attributes: [
        intsAttribute(
          'edges',
          fields.map((field) => field.edge.id),
        ),
        ...op.attributes.filter((attribute) =>
          ['at_least', 'enough', 'late', 'vouched', 'order'].includes(attribute.name),
        ),
        intAttribute('deadline_ns', Math.max(...fields.map((field) => field.edge.deadlineNs))),
      ],
    });
  }

  /** A value as the program's main graph knows it; initializers appear there when first asked for. */
  #mainValue(id: ValueId): ValueId {
    if (id === 0 || this.#values.has(id)) return id === 0 ? id : this.#values.value(id);
    const shared = this.#weights.get(id);
    if (shared !== undefined) {
      this.#values.bind(id, shared);
      return shared;
    }
    const { weight, name } = this.#model.value(id);
    if (weight === undefined) throw new Error(`value ${name} is read before it is made`);
    const copy = this.#values.declare(id, this.#main);
    this.#editor.setValue(copy, { def: { kind: 'initializer' }, weight });
    this.#initializers.push(copy);
    this.#weights.set(id, copy);
    return copy;
  }

  #emitSegment(ops: readonly OpId[]): void {
    const [name, graph] = this.#newSegment();
    const body = new FunctionBody(this.#split.graph, this.#editor, graph);
    for (const op of ops) body.copy(op);
    const exported = ops.flatMap((op) =>
      this.#model.op(op).outputs.filter((id) => id !== 0 && this.#schedule.exported.has(id)),
    );
    this.#addSegment(name, graph, body, {
      inputs: body.inputs,
      results: exported.map((id) => body.values.value(id)),
      outputs: () => exported.map((id) => this.#values.declare(id, this.#main)),
    });
  }

  /** The body of a fold, called for each answer: the values so far, the answer's fields as its Collect has them, the rest. */
  #emitFold(op: Op): void {
    const [name, graph] = this.#newSegment();
    const body = new FunctionBody(this.#split.graph, this.#editor, graph);
    const { body: inner, initial, rows } = partsOfFold(op);
    const from = this.#model.graph(inner);
    const declared = from.inputs.map((id) => body.values.declare(id, graph));
    const { def } = this.#model.value(rows[0]!);
    const fields = def.kind === 'op' ? this.#model.op(def.op).outputs.slice(0, rows.length) : [];
    const given: BodyInput[] = [
      ...initial.map((outer, at) => ({ outer, inner: declared[at]!, isWeight: false })),
      ...fields.map((outer) => {
        const at = initial.length + rows.indexOf(outer);
        return { outer, inner: declared[at]!, isWeight: false };
      }),
    ];
    for (const value of capturesOf(this.#model, op)) body.read(value);
    for (const id of from.ops) body.ops.push(body.values.op(id, graph, { place: undefined }));
    this.#computed.add(op.id);
    this.#addSegment(
      name,
      graph,
      body,
      {
        inputs: [...given, ...body.inputs],
        results: from.outputs.map((id) => body.values.value(id)),
        // Each is what the next answer is folded into, whoever reads the last one.
        outputs: () =>
          op.outputs.map((id, at) =>
            id === 0
              ? this.#editor.addValue(this.#main, { name: `${name}_${at}` })
              : this.#values.declare(id, this.#main),
          ),
      },
      [intAttribute('fold', initial.length)],
    );
  }

  #newSegment(): readonly [string, GraphId] {
    const name = `segment_${this.#firstSegment + this.#functions.length}`;
    return [name, this.#editor.addGraph({ kind: 'function', name })];
  }

  #addSegment(
    name: string,
    graph: GraphId,
    body: FunctionBody,
    {
      inputs,
      results,
      outputs,
    }: {
      readonly inputs: readonly BodyInput[];
      readonly results: readonly ValueId[];
      readonly outputs: () => readonly ValueId[];
    },
    attributes: readonly Attribute[] = [],
  ): void {
    for (const op of body.computed) this.#computed.add(op);
    inputs.forEach(({ inner }, index) => {
      this.#editor.setValue(inner, { def: { kind: 'input', index } });
    });
    this.#editor.setGraph(graph, {
      inputs: inputs.map(({ inner }) => inner),
      outputs: results,
      ops: body.ops,
    });
    this.#functions.push({
      domain: DOMAIN.segment,
      name,
      overload: '',
      graph,
      attributes: [],
      defaults: [],
      opsets: new Map([...this.#model.header.opsets].filter(([domain]) => !isOurDomain(domain))),
    });
    this.#add({
      domain: DOMAIN.segment,
      type: name,
      name,
      inputs: inputs.map(({ outer }) => this.#mainValue(outer)),
      outputs: outputs(),
      attributes,
    });
  }

  #outputs(): ValueId[] {
    const { model, outputPlace } = this.#split.graph;
    return model.mainGraph.outputs.flatMap((id, index) => {
      if (outputPlace[index] !== this.#place) return [];
      return [this.#mainValue(id)];
    });
  }

  /** The model-local functions that the segments call, directly or through each other. */
  #calledFunctions(): readonly ModelFunction[] {
    const found = new Set<ModelFunction>();
    const visit = (graph: GraphId): void => {
      for (const op of this.#model.opsOf(graph)) visitOp(op);
    };
    const visitOp = (op: Op): void => {
      for (const inner of subgraphsOf(op)) visit(inner);
      const fn = this.#model.functionOf(op);
      if (fn === undefined || found.has(fn)) return;
      found.add(fn);
      visit(fn.graph);
    };
    for (const id of this.#computed) visitOp(this.#model.op(id));
    return this.#model.functions
      .filter((fn) => found.has(fn))
      .map((fn) => {
        const graph = this.#editor.addGraph({ kind: 'function', name: fn.name });
        new Copier(this.#model, this.#editor).content(fn.graph, graph);
        return { ...fn, graph };
      });
  }

  #opsets(): Map<string, number> {
    const opsets = new Map([...this.#model.header.opsets].filter(([domain]) => !isOurDomain(domain)));
    for (const id of this.#ops) {
      const { domain } = this.#editor.op(id);
      if (isOurDomain(domain)) opsets.set(domain, DOMAIN_VERSION);
    }
    return opsets;
  }
}

/** Names of what enters and leaves at a place. */
function boundaryNames({ model, inputPlace, outputPlace }: PlacedGraph, place: PlaceNumber): string[] {
  const { inputs, outputs } = model.mainGraph;
  const here = [
    ...inputs.filter((id, index) => inputPlace[index] === place && model.value(id).weight === undefined),
    ...outputs.filter((_, index) => outputPlace[index] === place),
  ];
  return here.map((id) => model.value(id).name);
}
