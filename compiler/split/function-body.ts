// The body of a segment while it is written: ops of the whole computation, constants that they read, and as inputs all else.

import { Copier, type GraphId, type ModelEditor, type OpId, type ValueId } from '../../ir/index.ts';
import type { PlacedGraph } from './places.ts';

/** An input of a segment: a value of the whole computation, and what stands for it inside. */
export interface BodyInput {
  readonly outer: ValueId;
  readonly inner: ValueId;
  readonly isWeight: boolean;
}

export class FunctionBody {
  readonly values: Copier;
  /** Of constants, each segment has its own. */
  readonly ops: OpId[] = [];
  /** In the order in which they were met, weights last. */
  readonly #inputs: BodyInput[] = [];
  readonly #graph: PlacedGraph;
  readonly #into: GraphId;
  readonly #done = new Set<OpId>();

  constructor(graph: PlacedGraph, editor: ModelEditor, into: GraphId) {
    this.#graph = graph;
    this.#into = into;
    this.values = new Copier(graph.model, editor);
  }

  get inputs(): readonly BodyInput[] {
    return [...this.#inputs].sort((a, b) => Number(a.isWeight) - Number(b.isWeight));
  }

  /** Ops of the whole computation that are in it. */
  get computed(): Iterable<OpId> {
    return this.#done;
  }

  /** A value of the main graph that is read here. */
  read(value: ValueId): void {
    const { def, weight } = this.#graph.model.value(value);
    if (this.#isInlined(value) && def.kind === 'op') return this.copy(def.op);
    if (this.values.has(value)) return;
    const inner = this.values.declare(value, this.#into);
    this.#inputs.push({ outer: value, inner, isWeight: weight !== undefined });
  }

  /** An op of the main graph, and the constants behind it. */
  copy(root: OpId): void {
    const { model, reads } = this.#graph;
    // Chains of constants can be long (shape arithmetic of exporters), hence a stack instead of recursion.
    const stack = [root];
    while (stack.length > 0) {
      const id = stack[stack.length - 1]!;
      const first = reads[id]!.filter((value) => this.#isInlined(value) && !this.values.has(value));
      if (first.length > 0) {
        for (const value of first) stack.push((model.value(value).def as { op: OpId }).op);
        continue;
      }
      stack.pop();
      if (this.#done.has(id)) continue;
      this.#done.add(id);
      for (const value of reads[id]!) if (!this.values.has(value)) this.read(value);
      this.ops.push(this.values.op(id, this.#into, { place: undefined }));
    }
  }

  #isInlined(value: ValueId): boolean {
    const { def } = this.#graph.model.value(value);
    return def.kind === 'op' && this.#graph.constant[def.op] === 1;
  }
}
