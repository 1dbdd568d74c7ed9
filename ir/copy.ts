// Copies ops, with the subgraphs they hold, from one model into another that is being built.

import {
  type Attribute,
  type GraphId,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  type Tables,
  type ValueId,
} from './graph.ts';

/**
 * Copies from one model, or from what an editor holds, into an editor. Every value an op reads must be known first: bound with `bind`, or the
 * output of an op copied before. Names, types and positions are kept.
 */
export class Copier {
  readonly #from: Tables;
  readonly #to: ModelEditor;
  readonly #values: Map<ValueId, ValueId>;
  readonly #rename: (name: string) => string;

  /** `rename` gives the names of declared values in the new model. */
  constructor(
    from: Tables,
    to: ModelEditor,
    values: Iterable<readonly [ValueId, ValueId]> = [],
    rename: (name: string) => string = (name) => name,
  ) {
    this.#from = from;
    this.#to = to;
    this.#rename = rename;
    this.#values = new Map(values);
    this.#values.set(NO_VALUE, NO_VALUE);
  }

  /** The copy of a value; throws if nothing made it known: that is a mistake of the caller. */
  value(id: ValueId): ValueId {
    const copy = this.#values.get(id);
    if (copy === undefined)
      throw new Error(`value ${this.#from.value(id).name} was not copied before its use`);
    return copy;
  }

  has(id: ValueId): boolean {
    return this.#values.has(id);
  }

  /** From now on, reading `id` in the old model is reading `copy` in the new one. */
  bind(id: ValueId, copy: ValueId): void {
    this.#values.set(id, copy);
  }

  /** A new value like `id` in `graph`, and its binding. The caller, or the op copied next, defines it. */
  declare(id: ValueId, graph: GraphId, name?: string): ValueId {
    const { type, at, weight, ...value } = this.#from.value(id);
    const copy = this.#to.addValue(graph, { name: name ?? this.#rename(value.name), type, at });
    this.bind(id, copy);
    return copy;
  }

  /** Copies an op into `graph`; its place in the graph's order is the caller's. `patch` overrides fields. */
  op(id: OpId, graph: GraphId, patch: Partial<Op> = {}): OpId {
    const { id: _id, graph: _graph, ...op } = this.#from.op(id);
    return this.#to.addOp(graph, {
      ...op,
      inputs: op.inputs.map((value) => this.value(value)),
      attributes: op.attributes.map((attribute) => this.#attribute(attribute, graph)),
      outputs: op.outputs.map((value) => (value === NO_VALUE ? NO_VALUE : this.declare(value, graph))),
      ...patch,
    });
  }

  /** Copies all content of a graph, declaring its inputs and initializers, into the empty graph `into`. */
  content(from: GraphId, into: GraphId): void {
    const graph = this.#from.graph(from);
    const inputs = graph.inputs.map((id, index) => {
      const copy = this.declare(id, into);
      this.#to.setValue(copy, { def: { kind: 'input', index } });
      return copy;
    });
    const initializers = graph.initializers.map((id) => {
      const copy = this.has(id) && graph.inputs.includes(id) ? this.value(id) : this.declare(id, into);
      const isInput = inputs.includes(copy);
      this.#to.setValue(copy, {
        weight: this.#from.value(id).weight,
        ...(isInput ? {} : { def: { kind: 'initializer' as const } }),
      });
      return copy;
    });
    const ops = graph.ops.map((id) => this.op(id, into));
    const outputs = graph.outputs.map((id) => this.value(id));
    this.#to.setGraph(into, { inputs, initializers, ops, outputs });
  }

  #attribute(attribute: Attribute, parent: GraphId): Attribute {
    // A residue names the subgraph's content as it stood in the old file; the copy is written from the graph.
    if (attribute.kind === 'graph') {
      const { residue: _residue, ...rest } = attribute;
      return { ...rest, value: this.#subgraph(attribute.value, parent) };
    }
    if (attribute.kind === 'graphs') {
      const { residue: _residue, ...rest } = attribute;
      return { ...rest, value: attribute.value.map((id) => this.#subgraph(id, parent)) };
    }
    return attribute;
  }

  #subgraph(id: GraphId, parent: GraphId): GraphId {
    const copy = this.#to.addGraph({ kind: 'subgraph', name: this.#from.graph(id).name, parent });
    this.content(id, copy);
    return copy;
  }
}
