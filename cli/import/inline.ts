// Functions that a model defines, written out where they are called: the DSL has no ops of other domains. What is called
// several times becomes a function of the source again (functions.ts), under its own name.
//
//   y = local.Gate<slope = 0.2>(x)      with Gate (a) => (b) { c = LeakyRelu<alpha = @slope>(a)  b = Mul(c, a) }
//   c = LeakyRelu<alpha = 0.2>(x); y = Mul(c, x)

import {
  type Attribute,
  constantOf,
  type GraphId,
  type Model,
  ModelEditor,
  type ModelFunction,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
} from '../../ir/index.ts';
import { opName, refuse } from './refusal.ts';

/** The model without functions; the same if it has none. Refuses (BB386) a function that calls itself. */
export const withoutFunctions = (model: Model): Model =>
  model.functions.length === 0 ? model : new Inliner(model).run();

/** Where ops are copied to: what values have become, and what the function around was called with. */
interface Frame {
  readonly values: Map<ValueId, ValueId>;
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Before the names of ops and values. */
  readonly path: string;
  readonly functions: readonly ModelFunction[];
}

class Inliner {
  readonly #model: Model;
  readonly #to: ModelEditor;
  readonly #calls = new Map<string, number>();

  constructor(model: Model) {
    this.#model = model;
    this.#to = new ModelEditor(model.header);
  }

  run(): Model {
    const { name } = this.#model.mainGraph;
    const main = this.#to.addGraph({ kind: 'main', name });
    this.#to.main = main;
    this.#content(this.#model.main, main, {
      values: new Map([[NO_VALUE, NO_VALUE]]),
      attributes: new Map(),
      path: '',
      functions: [],
    });
    return this.#to.finish();
  }

  #content(from: GraphId, into: GraphId, frame: Frame): void {
    const graph = this.#model.graph(from);
    const inputs = graph.inputs.map((id, index) => {
      const copy = this.#declare(id, into, frame);
      this.#to.setValue(copy, { def: { kind: 'input', index } });
      return copy;
    });
    const initializers = graph.initializers.map((id) => {
      const isInput = graph.inputs.includes(id);
      const copy = isInput ? frame.values.get(id)! : this.#declare(id, into, frame);
      const { weight } = this.#model.value(id);
      this.#to.setValue(copy, {
        ...(weight !== undefined && { weight }),
        ...(!isInput && { def: { kind: 'initializer' as const } }),
      });
      return copy;
    });
    const ops = graph.ops.flatMap((id) => this.#op(this.#model.op(id), into, frame));
    const outputs = graph.outputs.map((id) => frame.values.get(id)!);
    this.#to.setGraph(into, { inputs, initializers, ops, outputs });
  }

  #declare(id: ValueId, into: GraphId, { values, path }: Frame): ValueId {
    const { name, type, at, def } = this.#model.value(id);
    // By its own name, a constant can be had from the file.
    const isConstant = def.kind === 'op' && constantOf(this.#model.op(def.op)) !== undefined;
    const copy = this.#to.addValue(into, {
      name: isConstant ? name : path + name,
      ...(type !== undefined && { type }),
      ...(at !== undefined && { at }),
    });
    values.set(id, copy);
    return copy;
  }

  #op(op: Op, into: GraphId, frame: Frame): readonly OpId[] {
    const fn = this.#model.functionOf(op);
    if (fn !== undefined) return this.#call(op, fn, into, frame);
    const { id: _id, residue: _residue, ...rest } = op;
    const inputs = op.inputs.map((id) => frame.values.get(id)!);
    const attributes = this.#attributes(op, into, frame);
    const outputs = op.outputs.map((id) => (id === NO_VALUE ? id : this.#declare(id, into, frame)));
    const name = frame.path === '' ? op.name : frame.path + (op.name || op.type);
    return [this.#to.addOp(into, { ...rest, name, inputs, outputs, attributes })];
  }

  #call(op: Op, fn: ModelFunction, into: GraphId, frame: Frame): readonly OpId[] {
    if (frame.functions.includes(fn)) refuse('BB386', { op: opName(op), count: 1 }, op.at);
    const count = this.#calls.get(fn.name) ?? 0;
    this.#calls.set(fn.name, count + 1);
    const body = this.#model.graph(fn.graph);
    const inner: Frame = {
      values: new Map([[NO_VALUE, NO_VALUE]]),
      attributes: new Map(
        [...fn.defaults, ...this.#attributes(op, into, frame)].map((one) => [one.name, one]),
      ),
      path: `${frame.path}${fn.name}.${count}/`,
      functions: [...frame.functions, fn],
    };
    body.inputs.forEach((id, index) => {
      inner.values.set(id, frame.values.get(op.inputs[index] ?? NO_VALUE)!);
    });
    const ops = body.ops.flatMap((id) => this.#op(this.#model.op(id), into, inner));
    const made = new Set(ops.flatMap((id) => this.#to.op(id).outputs));
    const copies = op.outputs.flatMap((id, index) => {
      if (id === NO_VALUE) return [];
      const source = inner.values.get(body.outputs[index]!)!;
      const { name } = this.#model.value(id);
      // What the body makes for it takes its name; what it only hands on, or gives twice, is copied.
      if (made.delete(source)) {
        frame.values.set(id, source);
        this.#to.setValue(source, { name: frame.path + name });
        return [];
      }
      const copy = this.#declare(id, into, frame);
      return [this.#to.addOp(into, { type: 'Identity', inputs: [source], outputs: [copy] })];
    });
    return [...ops, ...copies];
  }

  /** With what the caller gives where the function refers to it, or without. */
  #attributes(op: Op, into: GraphId, frame: Frame): Attribute[] {
    return op.attributes.flatMap((one): Attribute[] => {
      if (one.kind === 'graph') return [{ ...one, value: this.#subgraph(one.value, into, frame) }];
      if (one.kind !== 'reference') return [one];
      const given = frame.attributes.get(one.value);
      return given === undefined ? [] : [{ ...given, name: one.name }];
    });
  }

  #subgraph(id: GraphId, parent: GraphId, frame: Frame): GraphId {
    const copy = this.#to.addGraph({ kind: 'subgraph', name: this.#model.graph(id).name, parent });
    this.#content(id, copy, frame);
    return copy;
  }
}
