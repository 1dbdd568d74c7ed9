// Places that follow from places: what only one place can mean.

import {
  attributeString,
  CORE,
  DOMAIN,
  isCohort,
  NO_VALUE,
  type Op,
  type OpId,
  type Place,
  placeKey,
  samePlace,
  type ValueId,
} from '../../ir/index.ts';
import type { Dataflow } from '../dataflow.ts';
import { mayCross } from '../handover.ts';
import type { Known } from './authored.ts';

/** The place of what makes a value, as far as known; constants are everywhere, so they have none. */
export function sourcePlace(flow: Dataflow, known: Known, id: ValueId): Place | undefined {
  const { def } = flow.model.value(id);
  if (flow.constant[id] === 1) return undefined;
  return def.kind === 'op' ? known.ops[def.op] : known.inputs.get(id);
}

/** Steps that read what a step makes, or an input. Those in subgraphs count as the step that holds them. */
export type Readers = (id: ValueId) => readonly Op[];

/** Made when first asked: a model that nobody placed anything of needs none. */
export function readersOf(flow: Dataflow): Readers {
  let table: Op[][] | undefined;
  return (id) => {
    table ??= readerTable(flow);
    return table[id] ?? [];
  };
}

function readerTable(flow: Dataflow): Op[][] {
  const table: Op[][] = new Array(flow.model.valueLimit);
  for (const op of flow.steps) {
    for (const id of flow.reads(op)) {
      const list = table[id];
      if (list === undefined) table[id] = [op];
      else list.push(op);
    }
  }
  return table;
}

/** Steps joined to a placed one by a value that may not cross go where that one is. */
export function pinUncrossable(flow: Dataflow, known: Known, readers: Readers): void {
  const { model, steps } = flow;
  const pin = (op: Op): void => {
    if (known.ops[op.id] !== undefined) return;
    const stuck = flow.reads(op).filter((id) => flow.constant[id] === 0 && !mayCross(model, id));
    let place = stuck.map((id) => sourcePlace(flow, known, id)).find((one) => one !== undefined);
    if (place === undefined) {
      const made = op.outputs.filter((id) => id !== NO_VALUE && !mayCross(model, id));
      place = made
        .flatMap(readers)
        .map((reader) => known.ops[reader.id])
        .find((one) => one !== undefined);
    }
    if (place !== undefined) known.ops[op.id] = place;
  };
  // Down, up and down again: a place found upwards may still oblige what lies below it.
  steps.forEach(pin);
  steps.toReversed().forEach(pin);
  steps.forEach(pin);
}

/** Groups of joined unplaced steps between placed ones go to their place if all around agree on it. */
export function fillEnclosed(flow: Dataflow, known: Known, readers: Readers): void {
  const group = groupsOfUnplaced(flow, known);
  const around = new Map<OpId, { place?: Place; mixed: boolean; above: boolean; below: boolean }>();
  const meet = (op: Op, place: Place | undefined, side: 'above' | 'below'): void => {
    const root = group(op.id);
    const seen = around.get(root) ?? { mixed: false, above: false, below: false };
    // No place: an input or output whose place is not the author's, so the group is not enclosed.
    const agrees = place !== undefined && (seen.place === undefined || samePlace(seen.place, place));
    around.set(root, { ...seen, place: place ?? seen.place, mixed: seen.mixed || !agrees, [side]: true });
  };
  const outputs = new Set(flow.model.mainGraph.outputs);
  for (const op of flow.steps) {
    if (known.ops[op.id] !== undefined) continue;
    for (const id of flow.reads(op)) {
      const { def } = flow.model.value(id);
      const inside = def.kind === 'op' && known.ops[def.op] === undefined;
      if (flow.constant[id] === 0 && !inside) meet(op, sourcePlace(flow, known, id), 'above');
    }
    for (const id of op.outputs) {
      if (id === NO_VALUE) continue;
      if (outputs.has(id)) meet(op, undefined, 'below');
      for (const reader of readers(id)) {
        const place = known.ops[reader.id];
        if (place !== undefined) meet(op, place, 'below');
      }
    }
  }
  for (const op of flow.steps) {
    if (known.ops[op.id] !== undefined) continue;
    const seen = around.get(group(op.id));
    if (seen?.above && seen.below && !seen.mixed) known.ops[op.id] = seen.place;
  }
}

/** Union-find over unplaced steps joined by values; gives each its group's representative. */
function groupsOfUnplaced(flow: Dataflow, known: Known): (op: OpId) => OpId {
  const parent = new Int32Array(flow.model.opLimit).map((_, index) => index);
  const find = (op: number): number => {
    let root = op;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root]!]!;
      root = parent[root]!;
    }
    return root;
  };
  for (const op of flow.steps) {
    if (known.ops[op.id] !== undefined) continue;
    for (const id of flow.reads(op)) {
      const { def } = flow.model.value(id);
      if (flow.constant[id] === 1 || def.kind !== 'op' || known.ops[def.op] !== undefined) continue;
      parent[find(op.id)] = find(def.op);
    }
  }
  return (op) => find(op) as OpId;
}

/**
 * In a module with places of its own: a step goes where its inputs come from if they agree (a cohort's value
 * holds it there: only `collect` leads away), otherwise where its results are read. Reads and assignments of one
 * state variable go together.
 */
export function followData(flow: Dataflow, known: Known, readers: Readers): void {
  shareStatePlaces(flow, known);
  const settle = (op: Op, candidates: readonly (Place | undefined)[]): void => {
    if (known.ops[op.id] !== undefined) return;
    const places = distinct(candidates.filter((place) => place !== undefined));
    const cohort = places.find(isCohort);
    if (places.length === 1 || cohort !== undefined) known.ops[op.id] = cohort ?? places[0];
  };
  for (const op of flow.steps) {
    // Where a collect's result is, its author says; its input is at the cohort it leaves.
    if (isCore(op, CORE.collect) || isCore(op, CORE.broadcast)) continue;
    settle(
      op,
      flow.reads(op).map((id) => sourcePlace(flow, known, id)),
    );
  }
  for (const op of flow.steps.toReversed()) {
    if (known.ops[op.id] !== undefined) continue;
    const places = op.outputs.flatMap(readers).map((reader) => known.ops[reader.id]);
    // What a cohort reads may come from anywhere; only what is read in one place surely belongs there.
    settle(op, places.every((place) => place === undefined || !isCohort(place)) ? places : []);
  }
}

function shareStatePlaces(flow: Dataflow, known: Known): void {
  const byKey = new Map<string, Place>();
  const stateOps = flow.steps.filter((op) => isCore(op, CORE.stateRead) || isCore(op, CORE.stateAssign));
  for (const op of stateOps) {
    const place = known.ops[op.id];
    if (place !== undefined) byKey.set(attributeString(op, 'key') ?? '', place);
  }
  for (const op of stateOps) known.ops[op.id] ??= byKey.get(attributeString(op, 'key') ?? '');
}

export const isCore = (op: Op, type: string): boolean => op.domain === DOMAIN.core && op.type === type;

const distinct = (places: readonly Place[]): readonly Place[] => [
  ...new Map(places.map((place) => [placeKey(place), place])).values(),
];
