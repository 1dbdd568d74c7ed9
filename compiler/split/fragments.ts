// Fragments: which ops of a seat run between the same two waits.
//
// The level of an op is the number of crossings on the longest path to it; on one place, ops of one level form
// a fragment. An edge of the graph never goes to a lower level, and leaving a place and coming back raises it by
// two, so fragments are convex and cannot wait for each other in a circle.
//
// Ops that depend on nothing but state would have level 0 anywhere. They float: a read belongs to the first
// fragment that uses it (semantics: "a read happens in the first fragment that uses it and holds for the flow").
// Nothing happens at a place before the peer set is made that it is bound to, so its levels are above that one.
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
  type ValueId,
} from '../../ir/index.ts';
import { CallOrder, isAsk } from './calls.ts';
import {
  boundAt,
  boundBy,
  isCore,
  isCrossing,
  type PlacedGraph,
  type PlaceNumber,
  placeOfValue,
} from './places.ts';

/** Level of each op of the main graph, indexed by OpId; constants have none. */
export type Levels = Int32Array;

/** Reports updates that leave their place between read and assignment: those can be no one fragment. */
export function fragmentLevels(graph: PlacedGraph, report: (problem: Diagnostic) => void): Levels {
  const atLeast = new Map<OpId, number>();
  const updates = updatePairs(graph);
  const sets = new SetLevels(graph);
  // Raising one update's read may raise another's assignment; each round settles at least one more of them. An
  // update that crosses to another place and back raises itself for ever.
  for (let round = 0; ; round++) {
    const levels = settleWithSets(graph, atLeast, sets);
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

/** Sets are made below the places that they bind; where those come first in the graph's order, a second look tells. */
function settleWithSets(graph: PlacedGraph, atLeast: ReadonlyMap<OpId, number>, sets: SetLevels): Levels {
  for (;;) {
    const levels = settle(graph, atLeast, sets);
    if (!sets.learn(levels)) return levels;
  }
}

/** From which level on places know the peer sets that matter there. */
class SetLevels {
  readonly #graph: PlacedGraph;
  readonly #levels = new Map<ValueId, number>();

  constructor(graph: PlacedGraph) {
    this.#graph = graph;
    graph.places.forEach((_, place) => {
      const set = boundBy(graph, place);
      if (set !== undefined) this.#levels.set(set, 0);
    });
  }

  /** Whether something is new. */
  learn(levels: Levels): boolean {
    let risen = false;
    for (const [set, before] of this.#levels) {
      const { def } = this.#graph.model.value(set);
      const level = def.kind === 'op' ? levels[def.op]! : 0;
      if (level <= before) continue;
      this.#levels.set(set, level);
      risen = true;
    }
    return risen;
  }

  /** Below it nothing happens at a place. */
  base(place: PlaceNumber): number {
    const [set, around] = [boundBy(this.#graph, place), boundAt(this.#graph, place)];
    const least = around === undefined ? 0 : this.base(around) + 1;
    return set === undefined ? least : Math.max(least, this.#levels.get(set)! + 1);
  }

  /** Below it a place can send nothing to another. */
  ofSend(from: PlaceNumber, to: PlaceNumber): number {
    const set = boundBy(this.#graph, to);
    if (set === undefined) return 0;
    return this.#levels.get(set)! + (placeOfValue(this.#graph, set) === from ? 0 : 1);
  }
}

function settle(graph: PlacedGraph, atLeast: ReadonlyMap<OpId, number>, sets: SetLevels): Levels {
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
    let level = Math.max(pinned ?? 0, sets.base(here));
    let floats = pinned === undefined && (needs.length > 0 || isCore(op, CORE.stateRead));
    for (const value of needs) {
      const { def } = model.value(value);
      const home = placeOfValue(graph, value);
      const crosses = home !== here || isCrossing(op) || isAsk(op);
      if (def.kind === 'op' && floating[def.op] === 1 && !crosses) continue;
      floats = false;
      const from = def.kind === 'op' && floating[def.op] === 0 ? levels[def.op]! : sets.base(home);
      level = Math.max(level, crosses ? Math.max(from, sets.ofSend(home, here)) + 1 : from);
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
    if (isCore(op, CORE.invoke) || startsFlow(op)) floats = false;
    if (floats) floating[op.id] = 1;
    levels[op.id] = level;
  }
  sinkFloating(graph, levels, floating, sets);
  return levels;
}

/** What starts another flow when its fragment has committed. */
const startsFlow = (op: Op): boolean => isCore(op, CORE.next) || isCore(op, CORE.start);

export const isState = (op: Op): boolean => isCore(op, CORE.stateRead) || isCore(op, CORE.stateAssign);

/** Equal for ops of one state variable. */
export const variableOf = ({ model, opPlace }: PlacedGraph, op: OpId): string =>
  `${opPlace[op]} ${attributeString(model.op(op), 'key')}`;

/** Gives each floating op the lowest level among its users on its place; the place's lowest if its value leaves it. */
function sinkFloating(graph: PlacedGraph, levels: Levels, floating: Uint8Array, sets: SetLevels): void {
  const { model } = graph;
  const lowest = new Map<OpId, number>();
  const assignedBelow = new Map<string, number>();
  const used = (op: OpId, level: number): void => {
    lowest.set(op, Math.min(lowest.get(op) ?? level, level));
  };
  model.mainGraph.outputs.forEach((value) => {
    const { def } = model.value(value);
    if (def.kind === 'op' && floating[def.op] === 1) used(def.op, sets.base(graph.opPlace[def.op]!));
  });
  const ops = model.mainGraph.ops;
  for (let position = ops.length - 1; position >= 0; position--) {
    const op = model.op(ops[position]!);
    if (graph.constant[op.id] === 1) continue;
    const variable = isState(op) ? variableOf(graph, op.id) : '';
    if (floating[op.id] === 1) levels[op.id] = lowest.get(op.id) ?? sets.base(graph.opPlace[op.id]!);
    // What an assignment further down leaves behind is not for a read before it.
    if (isCore(op, CORE.stateAssign))
      assignedBelow.set(variable, Math.min(levels[op.id]!, assignedBelow.get(variable) ?? levels[op.id]!));
    else if (variable !== '' && floating[op.id] === 1)
      levels[op.id] = Math.min(levels[op.id]!, assignedBelow.get(variable) ?? levels[op.id]!);
    const here = graph.opPlace[op.id]!;
    for (const value of graph.needs[op.id]!) {
      const { def } = model.value(value);
      if (def.kind !== 'op' || floating[def.op] === 0) continue;
      const home = graph.opPlace[def.op]!;
      // What crosses, if only to others of the same place, or is asked of a component, leaves before the answer.
      const stays = home === here && !isCrossing(op) && !isAsk(op);
      used(def.op, stays ? levels[op.id]! : sets.base(home));
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
