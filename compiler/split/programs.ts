// Builds each place's program: receives, segments as functions, core ops, sends, in schedule order.

import {
  type Attribute,
  CORE,
  Copier,
  DOMAIN,
  DOMAIN_VERSION,
  type GraphId,
  isOurDomain,
  MIN_IR_VERSION,
  type Model,
  ModelEditor,
  type ModelFunction,
  type NewOp,
  type Op,
  type OpId,
  subgraphsOf,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import { weightOf } from '../../ir/onnx/weights.ts';
import type { Program } from '../pass.ts';
import { isCore, type PlaceNumber } from './places.ts';
import {
  type Item,
  type NumberedCrossing,
  type Schedule,
  type SplitGraph,
  scheduleOf,
  sentWith,
} from './schedule.ts';

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
  place: PlaceNumber,
  name: string,
  peers: readonly string[],
): Program {
  return new ProgramBuilder(split, place).build(name, peers);
}

class ProgramBuilder {
  readonly #split: SplitGraph;
  readonly #place: PlaceNumber;
  readonly #model: Model;
  readonly #editor: ModelEditor;
  readonly #main: GraphId;
  /** Values of the program's main graph by their id in the whole computation. */
  readonly #values: Copier;
  readonly #initializers: ValueId[] = [];
  readonly #functions: ModelFunction[] = [];
  readonly #ops: OpId[] = [];
  readonly #fragments: (number | undefined)[] = [];
  readonly #schedule: Schedule;

  constructor(split: SplitGraph, place: PlaceNumber) {
    const { model } = split.graph;
    this.#split = split;
    this.#place = place;
    this.#model = model;
    this.#editor = new ModelEditor({
      irVersion: Math.max(model.header.irVersion, MIN_IR_VERSION),
      opsets: model.header.opsets,
      file: model.header.file,
    });
    this.#main = this.#editor.addGraph({ kind: 'main', name: model.mainGraph.name || 'program' });
    this.#editor.main = this.#main;
    this.#values = new Copier(model, this.#editor);
    this.#schedule = scheduleOf(split, place);
  }

  build(name: string, peers: readonly string[]): Program {
    const { graph } = this.#split;
    const inputs = this.#declareInputs();
    const { items } = this.#schedule;
    const fragmentOf = new Map(
      [...new Set(items.map((item) => item.level))].map((level, index) => [level, index]),
    );
    for (const item of items) {
      const before = this.#ops.length;
      this.#emit(item);
      for (const op of this.#ops.slice(before)) this.#fragments[op] = fragmentOf.get(item.level)!;
    }
    const outputs = this.#outputs();
    this.#editor.setGraph(this.#main, { inputs, outputs, initializers: this.#initializers, ops: this.#ops });
    this.#editor.functions = [...this.#functions, ...this.#calledFunctions()];
    this.#editor.header = { ...this.#editor.header, opsets: this.#opsets() };
    return {
      name,
      class: graph.places[this.#place]!.class,
      peers,
      model: this.#editor.finish(),
      fragments: this.#fragments,
      ops: items
        .filter(({ kind }) => kind === 'segment')
        .reduce((sum, { ops }) => sum + ops.filter((id) => id < this.#split.authored).length, 0),
      state: [],
      slots: [],
    };
  }

  #declareInputs(): ValueId[] {
    const { model, inputPlace } = this.#split.graph;
    const here: ValueId[] = [];
    model.mainGraph.inputs.forEach((id, index) => {
      if (inputPlace[index] !== this.#place || model.value(id).weight !== undefined) return;
      const copy = this.#values.declare(id, this.#main);
      this.#editor.setValue(copy, {
        def: { kind: 'input', index: here.length },
        private: model.value(id).private,
      });
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

  #emitRecv({ edge, value, op }: NumberedCrossing): void {
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
      inputs: [],
      outputs: [output],
      attributes: [intAttribute('edge', edge.id), intAttribute('deadline_ns', edge.deadlineNs)],
      at: op === undefined ? undefined : this.#model.op(op).at,
    });
  }

  #emitSend(crossing: NumberedCrossing): void {
    const { edge, value } = crossing;
    const inputs = sentWith(this.#split.graph, crossing).map((id) => this.#mainValue(id));
    this.#add({
      domain: DOMAIN.wire,
      type: WIRE.send,
      name: `send_${edge.id}`,
      inputs: value === undefined ? [this.#triggerValue()] : inputs,
      outputs: [],
      attributes: [intAttribute('edge', edge.id), intAttribute('envelope', edge.envelope)],
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
    const inputs = isCore(op, CORE.collect) ? [] : op.inputs.map((id) => this.#mainValue(id));
    const outputs = op.outputs.map((id) => (id === 0 ? id : this.#values.declare(id, this.#main)));
    const { domain, type, name, at, scope, place } = op;
    if (!isCore(op, CORE.collect)) {
      this.#add({ domain, type, name, at, scope, place, inputs, outputs, attributes: op.attributes });
      return;
    }
    const fields = this.#split.crossings.filter((crossing) => crossing.op === op.id);
    this.#add({
      domain: DOMAIN.wire,
      type: WIRE.collect,
      name: name || `collect_${fields[0]!.edge.id}`,
      at,
      scope,
      place,
      inputs,
      outputs,
      attributes: [
        intsAttribute(
          'edges',
          fields.map((field) => field.edge.id),
        ),
        ...op.attributes.filter((attribute) => ['at_least', 'enough', 'late'].includes(attribute.name)),
        intAttribute('deadline_ns', Math.max(...fields.map((field) => field.edge.deadlineNs))),
      ],
    });
  }

  /** A value as the program's main graph knows it; initializers appear there when first asked for. */
  #mainValue(id: ValueId): ValueId {
    if (id === 0 || this.#values.has(id)) return id === 0 ? id : this.#values.value(id);
    const { weight, name } = this.#model.value(id);
    if (weight === undefined) throw new Error(`value ${name} is read before it is made`);
    const copy = this.#values.declare(id, this.#main);
    this.#editor.setValue(copy, { def: { kind: 'initializer' }, weight });
    this.#initializers.push(copy);
    return copy;
  }

  #emitSegment(ops: readonly OpId[]): void {
    const name = `segment_${this.#functions.length}`;
    const body = this.#editor.addGraph({ kind: 'function', name });
    const values = new Copier(this.#model, this.#editor);
    const copied: OpId[] = [];
    const done = new Set<OpId>();
    const inputs: { outer: ValueId; inner: ValueId; isWeight: boolean }[] = [];
    const { constant, reads } = this.#split.graph;

    const isInlined = (id: ValueId): boolean => {
      const { def } = this.#model.value(id);
      return def.kind === 'op' && constant[def.op] === 1;
    };
    const copy = (root: OpId): void => {
      // Chains of constants can be long (shape arithmetic of exporters), hence a stack instead of recursion.
      const stack = [root];
      while (stack.length > 0) {
        const id = stack[stack.length - 1]!;
        const first = reads[id]!.filter((value) => isInlined(value) && !values.has(value));
        if (first.length > 0) {
          for (const value of first) stack.push((this.#model.value(value).def as { op: OpId }).op);
          continue;
        }
        stack.pop();
        if (done.has(id)) continue;
        done.add(id);
        for (const value of reads[id]!) {
          if (values.has(value)) continue;
          const isWeight = this.#model.value(value).weight !== undefined;
          inputs.push({ outer: value, inner: values.declare(value, body), isWeight });
        }
        copied.push(values.op(id, body, { place: undefined }));
      }
    };
    for (const op of ops) copy(op);

    inputs.sort((a, b) => Number(a.isWeight) - Number(b.isWeight));
    inputs.forEach(({ inner }, index) => {
      this.#editor.setValue(inner, { def: { kind: 'input', index } });
    });
    const exported = ops.flatMap((op) =>
      this.#model.op(op).outputs.filter((id) => id !== 0 && this.#schedule.exported.has(id)),
    );
    this.#editor.setGraph(body, {
      inputs: inputs.map(({ inner }) => inner),
      outputs: exported.map((id) => values.value(id)),
      ops: copied,
    });
    this.#functions.push({
      domain: DOMAIN.segment,
      name,
      overload: '',
      graph: body,
      attributes: [],
      defaults: [],
      opsets: new Map([...this.#model.header.opsets].filter(([domain]) => !isOurDomain(domain))),
    });
    const callInputs = inputs.map(({ outer }) => this.#mainValue(outer));
    this.#add({
      domain: DOMAIN.segment,
      type: name,
      name,
      inputs: callInputs,
      outputs: exported.map((id) => this.#values.declare(id, this.#main)),
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
    for (const { kind, ops } of this.#schedule.items) {
      if (kind === 'segment') for (const id of ops) visitOp(this.#model.op(id));
    }
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
