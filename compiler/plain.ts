// Programs, or a module before it is cut, as one plain ONNX graph: segments are written out, what crosses is joined, and
// state is a constant. For whoever wants what was trained and not how.
//
//   client: h = segment_0 (x, StateRead <"w">)  Send <edge = 0> (h)          h = Relu (MatMul (x, w))
//   server: h = Recv <edge = 0> ()  y = segment_0 (h, StateRead <"v">)   →   y = MatMul (h, v)

import {
  attributeString,
  CORE,
  Copier,
  DEFAULT_OPSET,
  type Diagnostic,
  DOMAIN,
  dependenciesOf,
  describeOp,
  diagnostic,
  isOurDomain,
  MIN_IR_VERSION,
  type Model,
  ModelEditor,
  type Op,
  type OpId,
  type Tensor,
  tensorType,
  type ValueId,
  WIRE,
} from '../ir/index.ts';
import { weightOf } from '../ir/onnx/weights.ts';

export interface PlainOptions {
  /** Values of state variables by key; others keep their initial one. */
  readonly state: ReadonlyMap<string, Tensor>;
  /** Names of outputs to keep; undefined: all of them. */
  readonly outputs?: readonly string[];
}

export interface Plain {
  /** Absent if there are problems. */
  readonly model?: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/** BB783 where an output is not there, or is not plain ONNX: it needs several members, or values that may be missing. */
export function plainModel(parts: readonly Model[], { state, outputs }: PlainOptions): Plain {
  const joined = new Join(parts, state).run();
  const known = joined.mainGraph.outputs.map((id) => joined.value(id).name);
  const unknown = (outputs ?? []).filter((name) => !known.includes(name));
  const refuse = (output: string, reason: string): Diagnostic =>
    diagnostic('BB783', { output, reason }, { value: output });
  if (unknown.length > 0)
    return { diagnostics: unknown.map((name) => refuse(name, `the outputs are ${known.join(', ')}`)) };
  const kept = joined.mainGraph.outputs.filter((id) => outputs?.includes(joined.value(id).name) ?? true);
  const foreign = foreignBefore(joined);
  const problems = kept.flatMap((output) => {
    const op = foreign(output);
    const { name } = joined.value(output);
    return op === undefined ? [] : [refuse(name, `it depends on ${describeOp(joined, op)}, of ${op.domain}`)];
  });
  return problems.length > 0
    ? { diagnostics: problems }
    : { model: reduced(joined, kept, neededFor(joined, kept)), diagnostics: [] };
}

/** An op that is not plain ONNX and that a value depends on. */
function foreignBefore(model: Model): (value: ValueId) => Op | undefined {
  const known = new Map<OpId, Op>();
  const before = (value: ValueId): Op | undefined => {
    const { def } = model.value(value);
    return def.kind === 'op' ? known.get(def.op) : undefined;
  };
  for (const id of model.mainGraph.ops) {
    const op = model.op(id);
    const first = isOurDomain(op.domain) ? op : firstOf(dependenciesOf(model, op), before);
    if (first !== undefined) known.set(id, first);
  }
  return before;
}

function firstOf<T, R>(items: Iterable<T>, find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function neededFor(model: Model, outputs: readonly ValueId[]): ReadonlySet<OpId> {
  const needed = new Set<OpId>();
  const open = [...outputs];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const { def } = model.value(id);
    if (def.kind !== 'op' || needed.has(def.op)) continue;
    needed.add(def.op);
    open.push(...dependenciesOf(model, model.op(def.op)));
  }
  return needed;
}

/** Only what the outputs need, in new tables. */
function reduced(model: Model, outputs: readonly ValueId[], needed: ReadonlySet<OpId>): Model {
  const { mainGraph } = model;
  const read = new Set<ValueId>(outputs);
  for (const id of needed) for (const value of dependenciesOf(model, model.op(id))) read.add(value);
  const editor = model.edit();
  for (const id of mainGraph.ops) if (!needed.has(id)) editor.removeOp(id);
  editor.setGraph(model.main, {
    ops: mainGraph.ops.filter((id) => needed.has(id)),
    inputs: mainGraph.inputs.filter((id) => read.has(id)),
    initializers: mainGraph.initializers.filter((id) => read.has(id)),
    outputs,
  });
  return editor.finish();
}

class Join {
  readonly #parts: readonly Model[];
  readonly #state: ReadonlyMap<string, Tensor>;
  readonly #to: ModelEditor;
  readonly #names = new Set<string>();
  /** By edge: what was sent over it. */
  readonly #sent = new Map<number, ValueId>();
  readonly #inputs = new Map<string, ValueId>();
  readonly #variables = new Map<string, ValueId>();
  readonly #initializers: ValueId[] = [];
  readonly #ops: OpId[] = [];

  constructor(parts: readonly Model[], state: ReadonlyMap<string, Tensor>) {
    this.#parts = parts;
    this.#state = state;
    const { header } = parts[0]!;
    const opset = Math.max(...parts.map((part) => part.header.opsets.get('') ?? DEFAULT_OPSET));
    const irVersion = Math.max(MIN_IR_VERSION, ...parts.map((part) => part.header.irVersion));
    const opsets = new Map([...parts.flatMap((part) => [...part.header.opsets]), ['', opset] as const]);
    for (const domain of [...opsets.keys()]) if (isOurDomain(domain)) opsets.delete(domain);
    this.#to = new ModelEditor({ ...header, irVersion, opsets });
  }

  run(): Model {
    const main = this.#to.addGraph({ kind: 'main', name: this.#parts[0]!.mainGraph.name });
    this.#to.main = main;
    // Names of what people know first: inputs and states keep theirs.
    const sources = this.#parts.map((part) => this.#begin(part));
    for (const source of sources) this.#constants(source);
    for (let progress = true; progress; ) {
      progress = false;
      for (const source of sources) {
        const before = source.open.length;
        source.open = source.open.filter((id) => !this.#take(source, source.part.op(id)));
        progress ||= source.open.length < before;
      }
    }
    const outputs = sources.flatMap(({ part, copier }) =>
      part.mainGraph.outputs.flatMap((id) => (copier.has(id) ? [this.#output(copier, part, id)] : [])),
    );
    this.#to.setGraph(main, {
      inputs: [...this.#inputs.values()],
      initializers: this.#initializers,
      ops: this.#ops,
      outputs,
    });
    return this.#to.finish();
  }

  #begin(part: Model): Source {
    const copier = new Copier(part, this.#to, [], (name) => this.#unique(name));
    const { inputs, ops } = part.mainGraph;
    for (const id of inputs) {
      const { name } = part.value(id);
      const known = this.#inputs.get(name);
      if (known !== undefined) copier.bind(id, known);
      else {
        const copy = copier.declare(id, this.#to.main!);
        this.#to.setValue(copy, { def: { kind: 'input', index: this.#inputs.size } });
        this.#inputs.set(name, copy);
      }
    }
    for (const id of ops) {
      const op = part.op(id);
      if (op.domain === DOMAIN.core && op.type === CORE.stateRead) this.#variable(part, op);
    }
    return { part, copier, open: [...ops] };
  }

  #constants({ part, copier }: Source): void {
    for (const id of part.mainGraph.initializers) {
      // One that is an input too is there already.
      if (copier.has(id)) continue;
      const copy = copier.declare(id, this.#to.main!);
      const { weight } = part.value(id);
      this.#to.setValue(copy, { def: { kind: 'initializer' }, ...(weight && { weight }) });
      this.#initializers.push(copy);
    }
  }

  /** A state variable that has a value, under its key. */
  #variable(part: Model, op: Op): void {
    const key = attributeString(op, 'key')!;
    const value = this.#state.get(key);
    if (value === undefined || this.#variables.has(key)) return;
    const { at } = part.value(op.outputs[0]!);
    const type = tensorType(value.dtype, value.dims);
    const id = this.#to.addValue(this.#to.main!, { name: this.#unique(key), type, at });
    this.#to.setValue(id, { def: { kind: 'initializer' }, weight: weightOf(value) });
    this.#variables.set(key, id);
    this.#initializers.push(id);
  }

  /** Copies an op, or what stands for it; false: it waits for what another part sends. */
  #take({ part, copier }: Source, op: Op): boolean {
    if (!op.inputs.every((id) => copier.has(id))) return false;
    const bind = (to: ValueId): true => {
      copier.bind(op.outputs[0]!, to);
      return true;
    };
    if (op.domain === DOMAIN.wire && op.type !== WIRE.collect) {
      const edge = Number(op.attributes.find(({ name }) => name === 'edge')?.value ?? -1);
      if (op.type === WIRE.send) {
        if (op.inputs.length > 0) this.#sent.set(edge, copier.value(op.inputs[0]!));
        return true;
      }
      const sent = this.#sent.get(edge);
      return op.outputs.length === 0 || (sent !== undefined && bind(sent));
    }
    if (op.domain === DOMAIN.core && op.type === CORE.stateRead)
      return bind(this.#variables.get(attributeString(op, 'key')!) ?? copier.value(op.inputs[0]!));
    if (op.domain === DOMAIN.core && op.type === CORE.broadcast) return bind(copier.value(op.inputs[0]!));
    const fn = op.domain === DOMAIN.segment ? part.functionOf(op) : undefined;
    if (fn === undefined) this.#ops.push(copier.op(op.id, this.#to.main!, { place: undefined }));
    else {
      const body = part.graph(fn.graph);
      const inner = new Copier(part, this.#to, [], (name) => this.#unique(name));
      body.inputs.forEach((id, at) => {
        inner.bind(id, copier.value(op.inputs[at]!));
      });
      for (const id of body.ops) this.#ops.push(inner.op(id, this.#to.main!));
      body.outputs.forEach((id, at) => {
        copier.bind(op.outputs[at]!, inner.value(id));
      });
    }
    return true;
  }

  /** Under its own name, also where what it is came from another part or is an input. */
  #output(copier: Copier, part: Model, id: ValueId): ValueId {
    const { name, type } = part.value(id);
    const value = copier.value(id);
    if (this.#to.value(value).name === name && this.#to.value(value).def.kind === 'op') return value;
    const own = this.#to.addValue(this.#to.main!, { name: this.#unique(name), type });
    this.#ops.push(this.#to.addOp(this.#to.main!, { type: 'Identity', inputs: [value], outputs: [own] }));
    return own;
  }

  #unique(name: string): string {
    let free = name;
    for (let count = 1; this.#names.has(free); count++) free = `${name}_${count}`;
    this.#names.add(free);
    return free;
  }
}

interface Source {
  readonly part: Model;
  readonly copier: Copier;
  open: OpId[];
}
