// What is asked of components, in the order of the author's program.
//
// An update is applied when its fragment commits, so who asks the component further down belongs to a later fragment.
// An ask ends its fragment, as a crossing does: it takes what is committed, and its answer begins the next one.

import { componentOf, type MethodCall, type Op, type OpId, roleCallOf } from '../../ir/index.ts';
import type { PlacedGraph } from './places.ts';

export const isAsk = (op: Op): boolean => roleCallOf(op)?.kind === 'ask';
export const isUpdate = (op: Op): boolean => roleCallOf(op)?.kind === 'update';

/** Equal for calls of one component. */
export const componentKey = ({ opPlace }: PlacedGraph, op: Op): string =>
  `${opPlace[op.id]} ${componentOf(op)}`;

interface Called {
  /** Levels of the last query or ask, and of the last update; -1: there is none yet. */
  read: number;
  updated: number;
}

export class CallOrder {
  readonly #graph: PlacedGraph;
  readonly #called = new Map<string, Called>();

  constructor(graph: PlacedGraph) {
    this.#graph = graph;
    for (const op of graph.model.opsOf())
      if (isUpdate(op)) this.#called.set(componentKey(graph, op), { read: -1, updated: -1 });
  }

  /** The level of a call whose inputs allow `level`; undefined: it may float, since the order does not matter. */
  levelOf(id: OpId, level: number): number | undefined {
    const op = this.#graph.model.op(id);
    const call = roleCallOf(op);
    if (call === undefined) return undefined;
    // Nothing before an ask without inputs makes it wait, but what uses its answer does.
    const least = call.kind === 'ask' ? Math.max(level, 1) : level;
    const called = this.#called.get(componentKey(this.#graph, op));
    if (called === undefined) return call.kind === 'ask' ? least : undefined;
    return order(call, called, least);
  }
}

function order({ kind }: MethodCall, called: Called, level: number): number {
  if (kind === 'update') {
    called.updated = Math.max(level, called.read, called.updated);
    return called.updated;
  }
  const own = Math.max(level, called.updated + 1);
  called.read = Math.max(called.read, own);
  return own;
}
