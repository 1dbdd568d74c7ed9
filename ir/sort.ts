// Puts the ops of every graph in an order in which each comes after what it needs.
//
//   c = Add(b, b)        b = Relu(x)
//   b = Relu(x)     →    c = Add(b, b)
//
// Stable: of the ops that may come next, the one first in the old order does; a sorted graph stays as it is.
// Captures of subgraphs count as needs of the op that holds the subgraph.

import { type GraphId, type Model, NO_VALUE, type OpId, subgraphsOf, type ValueId } from './graph.ts';

export interface Sorted {
  /** The same object if nothing moved. Graphs with a cycle keep their order. */
  readonly model: Model;
  readonly moved: boolean;
  /** The ops of the first cycle found, each needing the one before it and the first the last. */
  readonly cycle?: readonly OpId[];
}

/** Sorts all graphs of a model. Linear in ops and uses, but for a queue that costs a logarithm if ops move. */
export function sortModel(model: Model): Sorted {
  const needs = collectNeeds(model);
  const editor = model.edit();
  let moved = false;
  let cycle: readonly OpId[] | undefined;
  for (const graph of model.graphs) {
    if (isSorted(graph.ops, needs)) continue;
    const order = sorted(graph.ops, needs);
    if (order.length < graph.ops.length) cycle ??= findCycle(graph.ops, order, needs);
    else if (order.some((op, index) => op !== graph.ops[index])) {
      editor.setGraph(graph.id, { ops: order });
      moved = true;
    }
  }
  return { model: moved ? editor.finish() : model, moved, ...(cycle === undefined ? {} : { cycle }) };
}

/** For each op, the ops of its own graph that make what it, or a subgraph of it, reads. */
type Needs = readonly (readonly OpId[] | undefined)[];

function collectNeeds(model: Model): Needs {
  const needs: OpId[][] = new Array(model.opLimit);
  const holders = holdersOf(model);
  const add = (value: ValueId, reader: OpId | undefined, graph: GraphId): void => {
    if (value === NO_VALUE) return;
    const { def, graph: home } = model.value(value);
    if (def.kind !== 'op') return;
    // The reader in the graph of the definition: the op itself, or the one around its subgraph.
    let at: GraphId | undefined = graph;
    let op = reader;
    while (at !== undefined && at !== home) {
      op = holders[at];
      at = op === undefined ? undefined : model.op(op).graph;
    }
    if (at === undefined || op === undefined) return;
    const list = needs[op];
    if (list === undefined) needs[op] = [def.op];
    else list.push(def.op);
  };
  for (const op of model.allOps()) for (const value of op.inputs) add(value, op.id, op.graph);
  for (const graph of model.graphs) {
    if (graph.kind === 'subgraph') for (const value of graph.outputs) add(value, undefined, graph.id);
  }
  return needs;
}

/** The op that holds each subgraph, indexed by GraphId. */
function holdersOf(model: Model): readonly (OpId | undefined)[] {
  const holders: OpId[] = new Array(model.graphs.length);
  for (const op of model.allOps()) for (const graph of subgraphsOf(op)) holders[graph] = op.id;
  return holders;
}

function isSorted(ops: readonly OpId[], needs: Needs): boolean {
  const done = new Set<OpId>();
  for (const op of ops) {
    for (const need of needs[op] ?? []) if (!done.has(need)) return false;
    done.add(op);
  }
  return true;
}

/** The ops in order; those in a cycle, or behind one, are left out. */
function sorted(ops: readonly OpId[], needs: Needs): OpId[] {
  const position = new Map(ops.map((op, index) => [op, index]));
  const missing = new Array<number>(ops.length).fill(0);
  const readers: number[][] = ops.map(() => []);
  ops.forEach((op, index) => {
    for (const need of needs[op] ?? []) {
      const at = position.get(need);
      if (at === undefined) continue;
      missing[index]!++;
      readers[at]!.push(index);
    }
  });
  const ready = new SmallestFirst();
  missing.forEach((count, index) => {
    if (count === 0) ready.push(index);
  });
  const order: OpId[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    order.push(ops[next]!);
    for (const reader of readers[next]!) if (--missing[reader]! === 0) ready.push(reader);
  }
  return order;
}

/** Among the ops that could not be ordered every one needs another: going from need to need comes round. */
function findCycle(ops: readonly OpId[], order: readonly OpId[], needs: Needs): OpId[] {
  const left = new Set(ops);
  for (const op of order) left.delete(op);
  const path: OpId[] = [];
  const seen = new Map<OpId, number>();
  let op = [...left][0]!;
  while (!seen.has(op)) {
    seen.set(op, path.length);
    path.push(op);
    op = (needs[op] ?? []).find((need) => left.has(need))!;
  }
  const cycle = path.slice(seen.get(op)).reverse();
  // Begins with the op that comes first in the graph's order.
  const inside = new Set(cycle);
  const start = cycle.indexOf(ops.find((one) => inside.has(one))!);
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}

/** A binary heap of numbers. */
class SmallestFirst {
  readonly #heap: number[] = [];

  push(value: number): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(value);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (heap[up]! <= value) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = value;
  }

  pop(): number | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && heap[down + 1]! < heap[down]!) down++;
      if (heap[down]! >= last) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
    return top;
  }
}
