// What members know that others may not: where the values of a cohort can differ from member to member.

import {
  attributeInt,
  attributeString,
  CORE,
  isCohort,
  type Op,
  type OpId,
  roleCallOf,
  type Topology,
  type ValueId,
} from '../../ir/index.ts';
import { neighboursOf } from '../crossed.ts';
import { isState } from '../split/fragments.ts';
import { isCore, isGather, type PlacedGraph, placeOfValue } from '../split/places.ts';
import { draws } from './draws.ts';

export interface Differences {
  /** By value: 1 if it may be another one at another member. */
  readonly differs: Uint8Array;
  /** By value: the collect or exchange, content with some answers, through which it may be. */
  readonly partial: ReadonlyMap<ValueId, OpId>;
}

/** A member's own inputs, components, rows and draws make a difference, and so does which answers came to it. */
export function differences(graph: PlacedGraph, topology: Topology): Differences {
  const { model, places } = graph;
  const differs = new Uint8Array(model.valueLimit);
  const partial = new Map<ValueId, OpId>();
  const many = (id: OpId): boolean => isCohort(places[graph.opPlace[id]!]!);
  model.mainGraph.inputs.forEach((id, index) => {
    if (isCohort(places[graph.inputPlace[index]!]!)) differs[id] = 1;
  });
  // What is assigned in one flow is read in the next: until nothing is new.
  const states = new Map<string, { own: boolean; partial: OpId | undefined }>();
  for (let known = -1; known !== knownOf(states); ) {
    known = knownOf(states);
    for (const op of model.opsOf()) {
      if (graph.constant[op.id] === 1) continue;
      const needs = graph.needs[op.id]!.filter((id) => isCohort(places[placeOfValue(graph, id)]!));
      const key = isState(op) ? `${places[graph.opPlace[op.id]!]!.class} ${attributeString(op, 'key')}` : '';
      const held = states.get(key);
      const through = needs.map((id) => partial.get(id)).find((one) => one !== undefined) ?? held?.partial;
      const own = needs.some((id) => differs[id] === 1) || held?.own === true;
      if (isCore(op, CORE.stateAssign))
        states.set(key, { own: own || isForSome(graph, op), partial: through });
      if (!many(op.id)) continue;
      const some = isGather(op) && isContentWithSome(graph, topology, op) ? op.id : undefined;
      const different = some !== undefined || makesDifference(op) || (own && !isShared(op));
      for (const id of op.outputs) {
        if (different) differs[id] = 1;
        const by = some ?? (isShared(op) ? undefined : through);
        if (by !== undefined) partial.set(id, by);
      }
    }
  }
  return { differs, partial };
}

const knownOf = (states: ReadonlyMap<string, { own: boolean; partial: OpId | undefined }>): number =>
  [...states.values()].reduce((sum, { own, partial }) => sum + 1 + (own ? 1 : 0) + (partial ? 1 : 0), 0);

/** Assigned at some members only, it is no longer what the others have. */
function isForSome({ places, opPlace }: PlacedGraph, op: Op): boolean {
  const { binder } = places[opPlace[op.id]!]!;
  return binder.kind !== 'each' && binder.kind !== 'single';
}

function makesDifference(op: Op): boolean {
  const isOwnRow = isCore(op, CORE.scatter) || isOwnExchange(op);
  return (
    isOwnRow || isCore(op, CORE.self) || isCore(op, CORE.flow) || roleCallOf(op) !== undefined || draws(op)
  );
}

/** Of rows, and among neighbours. */
const isOwnExchange = (op: Op): boolean =>
  isCore(op, CORE.exchange) && (attributeInt(op, 'rows', 0) === 1 || neighboursOf(op) !== undefined);

/** An exchange of whole values, answered by all, gives everyone the same. */
const isShared = (op: Op): boolean => isGather(op) && !isOwnExchange(op);

function isContentWithSome(graph: PlacedGraph, topology: Topology, op: Op): boolean {
  const input = op.inputs.find((id) => !graph.isConstant(id));
  if (input === undefined) return false;
  const from = graph.places[placeOfValue(graph, input)]!.class;
  const size = topology.classes.find((one) => one.name === from)?.members.length ?? 0;
  return (
    Math.min(attributeInt(op, 'at_least', size), attributeInt(op, 'enough', size)) < size ||
    attributeString(op, 'order') === 'arrival'
  );
}
