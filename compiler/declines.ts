// Which values the program itself may decline: what `when` gave, and all that needs it.

import { attributeInt, CORE, type Edge, type End, type Op, type ValueId } from '../ir/index.ts';
import { isCore, type PlacedGraph } from './split/places.ts';

/**
 * Whether less than its value may cross an edge although nothing fails. `members`: how many peers a class has.
 * Edges know values by name.
 */
export function declines(graph: PlacedGraph, members: (name: string) => number): (edge: Edge) => boolean {
  const { model } = graph;
  const declined = new Set<ValueId>();
  const scattered = new Set<string>();
  const left = new Set<string>();
  for (const op of model.opsOf()) {
    const needs = graph.needs[op.id] ?? [];
    if (isCore(op, CORE.scatter) && !dealsToAll(graph, op, members))
      scattered.add(model.value(op.inputs[0]!).name);
    // Who has not answered when enough have need not any more.
    if (
      isCore(op, CORE.collect) &&
      attributeInt(op, 'enough', Number.POSITIVE_INFINITY) < asked(graph, op, members)
    )
      for (const input of op.inputs) left.add(model.value(input).name);
    if (mayDecline(op, needs, declined)) for (const output of op.outputs) declined.add(output);
  }
  const names = new Set([...declined].filter((id) => id !== 0).map((id) => model.value(id).name));
  const mayBeFewer = ({ binder }: End): boolean => binder === 'some';
  return ({ kind, value, from, to }) =>
    names.has(value) ||
    (kind === 'scatter' && scattered.has(value)) ||
    (kind === 'collect' && left.has(value)) ||
    // The plan counts every member.
    mayBeFewer(from) ||
    mayBeFewer(to);
}

function mayDecline(op: Op, needs: readonly ValueId[], declined: ReadonlySet<ValueId>): boolean {
  if (isCore(op, CORE.when)) return true;
  // Both read what is missing; what a state holds is always there.
  if (isCore(op, CORE.present) || isCore(op, CORE.reason) || isCore(op, CORE.stateRead)) return false;
  if (isCore(op, CORE.orElse)) return declined.has(op.inputs[1]!);
  return needs.some((id) => declined.has(id));
}

/** How many a collect asks. */
function asked({ model, places, opPlace }: PlacedGraph, op: Op, members: (name: string) => number): number {
  const { def } = model.value(op.inputs[0]!);
  return def.kind === 'op' ? members(places[opPlace[def.op]!]!.class) : Number.POSITIVE_INFINITY;
}

/** Rows for the senders of a collect reach every member only if that waits for all of them. */
function dealsToAll(
  { model, places, opPlace }: PlacedGraph,
  op: Op,
  members: (name: string) => number,
): boolean {
  const senders = op.inputs[1];
  if (senders === undefined || senders === 0) return true;
  const { def } = model.value(senders);
  const maker = def.kind === 'op' ? model.op(def.op) : undefined;
  if (maker === undefined || !isCore(maker, CORE.collect)) return false;
  const all = members(places[opPlace[op.id]!]!.class);
  return attributeInt(maker, 'at_least', attributeInt(maker, 'enough', all)) === all;
}
