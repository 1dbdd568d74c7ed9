// Fragments: which ops of a seat run between the same two waits.
//
// The level of an op is the number of crossings on the longest path to it; on one place, ops of one level form
// a fragment. An edge of the graph never goes to a lower level, and leaving a place and coming back raises it by
// two, so fragments are convex and cannot wait for each other in a circle.
//
// Ops that depend on nothing but state would have level 0 anywhere. They float: a read belongs to the first
// fragment that uses it (semantics: "a read happens in the first fragment that uses it and holds for the flow").
// The read of an `update` belongs to the fragment of its assignment, so that nothing can come between.

import {
  attributeInt,
  attributeString,
  CORE,
  type Diagnostic,
  describeOp,
  diagnostic,
  type Op,
  type OpId,
} from '../../ir/index.ts';
import { CallOrder, isAsk } from './calls.ts';
import { isCore, isCrossing, type PlacedGraph, placeOfValue } from './places.ts';

/** Level of each op of the main graph, indexed by OpId; constants have none. */
export type Levels = Int32Array;

/** Reports updates that leave their place between read and assignment: those can be no one fragment. */
export function fragmentLevels(graph: PlacedGraph, report: (problem: Diagnostic) => void): Levels {
  const atLeast = new Map<OpId, number>();
  const updates = updatePairs(graph);
  // Raising one update's read may raise another's assignment; each round settles at least one more of them. An
  // update that crosses to another place and back raises itself for ever.
  for (let round = 0; ; round++) {
    const levels = settle(graph, atLeast);
    const rising = updates.filter(({ read, assign }) => (atLeast.get(read) ?? -1) < levels[assign]!);
    if (rising.length === 0) return levels;
    if (round > updates.length) {
      for (const { assign } of rising) report(cutUpdate(graph, assign));
      return levels;
    }
    for (const { read, assign } of rising) atLeast.set(read, levels[assign]!);
  }
}

function cutUpdate({ model }: PlacedGraph, assign: OpId): Diagnostic {
  const op = model.op(assign);
  return diagnostic(
    'BB507',
    { key: attributeString(op, 'key') ?? '' },
    { op: describeOp(model, op), at: op.at },
  );
}

function settle(graph: PlacedGraph, atLeast: ReadonlyMap<OpId, number>): Levels {
  const { model } = graph;
  const levels = new Int32Array(model.opLimit).fill(-1);
  const floating = new Uint8Array(model.opLimit);
  const assigned = new Map<string, number>();
  const calls = new CallOrder(graph);

  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    const here = graph.opPlace[op.id]!;
    const needs = graph.needs[op.id]!;
    const pinned = atLeast.get(op.id);
    let level = pinned ?? 0;
    let floats = pinned === undefined && (needs.length > 0 || isCore(op, CORE.stateRead));
    for (const value of needs) {
      const { def } = model.value(value);
      const crosses = placeOfValue(graph, value) !== here || isCrossing(op) || isAsk(op);
      if (def.kind === 'op' && floating[def.op] === 1 && !crosses) continue;
      floats = false;
      const from = def.kind === 'op' && floating[def.op] === 0 ? levels[def.op]! : 0;
      level = Math.max(level, from + (crosses ? 1 : 0));
    }
    if (isCore(op, CORE.stateAssign)) {
      // It must not float behind whoever reads it, since nobody does; and assignments keep the author's order.
      floats = false;
      const variable = variableOf(graph, op.id);
      level = Math.max(level, assigned.get(variable) ?? 0);
      assigned.set(variable, level);
    }
    const called = calls.levelOf(op.id, level);
    if (called !== undefined) {
      floats = false;
      level = called;
    }
    // Nobody reads what these do either.
    if (isCore(op, CORE.invoke) || isCore(op, CORE.next)) floats = false;
    if (floats) floating[op.id] = 1;
    levels[op.id] = level;
  }
  sinkFloating(graph, levels, floating);
  return levels;
}

export const isState = (op: Op): boolean => isCore(op, CORE.stateRead) || isCore(op, CORE.stateAssign);

/** Equal for ops of one state variable. */
export const variableOf = ({ model, opPlace }: PlacedGraph, op: OpId): string =>
  `${opPlace[op]} ${attributeString(model.op(op), 'key')}`;

/** Gives each floating op the lowest level among its users on its place; 0 if its value leaves the place. */
function sinkFloating(graph: PlacedGraph, levels: Levels, floating: Uint8Array): void {
  const { model } = graph;
  const lowest = new Map<OpId, number>();
  const assignedBelow = new Map<string, number>();
  const used = (op: OpId, level: number): void => {
    lowest.set(op, Math.min(lowest.get(op) ?? level, level));
  };
  model.mainGraph.outputs.forEach((value) => {
    const { def } = model.value(value);
    if (def.kind === 'op' && floating[def.op] === 1) used(def.op, 0);
  });
  const ops = model.mainGraph.ops;
  for (let position = ops.length - 1; position >= 0; position--) {
    const op = model.op(ops[position]!);
    if (graph.constant[op.id] === 1) continue;
    const variable = isState(op) ? variableOf(graph, op.id) : '';
    if (floating[op.id] === 1) levels[op.id] = lowest.get(op.id) ?? 0;
    // What an assignment further down leaves behind is not for a read before it.
    if (isCore(op, CORE.stateAssign))
      assignedBelow.set(variable, Math.min(levels[op.id]!, assignedBelow.get(variable) ?? levels[op.id]!));
    else if (variable !== '' && floating[op.id] === 1)
      levels[op.id] = Math.min(levels[op.id]!, assignedBelow.get(variable) ?? levels[op.id]!);
    const here = graph.opPlace[op.id]!;
    for (const value of graph.needs[op.id]!) {
      const { def } = model.value(value);
      if (def.kind !== 'op' || floating[def.op] === 0) continue;
      used(def.op, graph.opPlace[def.op] === here ? levels[op.id]! : 0);
    }
  }
}

/** Reads and assignments that one `update` recorded; the recorder numbers them. */
function updatePairs(graph: PlacedGraph): readonly { readonly read: OpId; readonly assign: OpId }[] {
  const reads = new Map<number, OpId[]>();
  const assigns: { update: number; op: OpId }[] = [];
  for (const op of graph.model.opsOf()) {
    const update = attributeInt(op, 'update');
    if (update === undefined) continue;
    if (isCore(op, CORE.stateRead)) reads.set(update, [...(reads.get(update) ?? []), op.id]);
    else if (isCore(op, CORE.stateAssign)) assigns.push({ update, op: op.id });
  }
  return assigns.flatMap(({ update, op }) => (reads.get(update) ?? []).map((read) => ({ read, assign: op })));
}
