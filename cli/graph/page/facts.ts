// Questions about a graph that several parts of the page ask: who makes a value, who reads it, which op is the same
// in the other graph.

import type { PageGraph } from './data.ts';

export class GraphFacts {
  readonly graph: PageGraph;
  readonly #maker = new Map<number, number>();
  readonly #readers = new Map<number, number[]>();
  /** By value at the receiver and at the sender. */
  readonly #arrives = new Map<number, number>();
  readonly #leaves = new Map<number, number[]>();
  readonly #byOutput = new Map<string, number>();

  constructor(graph: PageGraph) {
    this.graph = graph;
    for (const [index, op] of graph.ops.entries()) {
      for (const value of op.outputs) {
        if (value < 0) continue;
        this.#maker.set(value, index);
        const key = `${op.kind} ${graph.values[value]!.name}`;
        if (!this.#byOutput.has(key)) this.#byOutput.set(key, index);
      }
      if (op.kind === 'output') this.#byOutput.set(`output ${op.name}`, index);
      for (const value of new Set([...op.inputs, ...op.captures])) {
        if (value >= 0) push(this.#readers, value, index);
      }
    }
    for (const [index, { from, to }] of graph.crossings.entries()) {
      if (to >= 0) this.#arrives.set(to, index);
      if (from >= 0) push(this.#leaves, from, index);
    }
  }

  maker(value: number): number | undefined {
    return this.#maker.get(value);
  }
  readers(value: number): readonly number[] {
    return this.#readers.get(value) ?? [];
  }
  /** The crossing by which a value arrives. */
  arrival(value: number): number | undefined {
    return this.#arrives.get(value);
  }
  departures(value: number): readonly number[] {
    return this.#leaves.get(value) ?? [];
  }
  /** What identifies an op in every graph of the page. */
  keyOf(op: number): string {
    const { kind, outputs, name } = this.graph.ops[op]!;
    const value = outputs.find((one) => one >= 0);
    return kind === 'output' || value === undefined
      ? `${kind} ${name}`
      : `${kind} ${this.graph.values[value]!.name}`;
  }
  byKey(key: string): number | undefined {
    return this.#byOutput.get(key);
  }
}

function push(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
