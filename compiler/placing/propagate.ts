// Places that follow from places: what only one place can mean.

import {
  attributeString,
  CORE,
  DOMAIN,
  isMany,
  isPartOf,
  NO_VALUE,
  type Op,
  type OpId,
  type Place,
  samePlace,
  type ValueId,
} from '../../ir/index.ts';
import type { Dataflow } from '../dataflow.ts';
import { mayCross } from '../handover.ts';
import { type Known, settle } from './authored.ts';
import { rootOf } from './reasons.ts';

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
  const { model, boundary, steps } = flow;
  const pin = (op: Op): void => {
    if (known.ops[op.id] !== undefined) return;
    const stuck = flow.reads(op).filter((id) => flow.constant[id] === 0 && !mayCross(model, boundary, id));
    const made = op.outputs.filter((id) => id !== NO_VALUE && !mayCross(model, boundary, id));
    const read = (id: ValueId): Place | undefined =>
      readers(id)
        .map((reader) => known.ops[reader.id])
        .find((one) => one !== undefined);
    const found =
      firstPlaced(stuck, (id) => sourcePlace(flow, known, id)) ?? firstPlaced(made, (id) => read(id));
    if (found !== undefined) settle(known, op.id, found.place, { kind: 'uncrossable', value: found.value });
  };
  // Down, up and down again: a place found upwards may still oblige what lies below it.
  steps.forEach(pin);
  steps.toReversed().forEach(pin);
  steps.forEach(pin);
}

function firstPlaced(
  values: readonly ValueId[],
  placeOf: (value: ValueId) => Place | undefined,
): { readonly value: ValueId; readonly place: Place } | undefined {
  for (const value of values) {
    const place = placeOf(value);
    if (place !== undefined) return { value, place };
  }
  return undefined;
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
    if (seen?.above && seen.below && !seen.mixed) settle(known, op.id, seen.place!, { kind: 'enclosed' });
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
 * state variable go together. Ops of `except` stay as they are.
 */
export function followData(
  flow: Dataflow,
  known: Known,
  readers: Readers,
  except: ReadonlySet<OpId> = new Set(),
): void {
  shareStatePlaces(flow, known);
  const follow = (op: Op, kind: 'sources' | 'readers', candidates: readonly Candidate[]): void => {
    if (known.ops[op.id] !== undefined || except.has(op.id)) return;
    const placed = candidates.filter(({ place }) => place !== undefined);
    const many = placed.filter(({ place }) => isMany(place!));
    const leader =
      many.find(({ place }) => many.some((one) => isPartOf(place!, one.place!))) ?? many[0] ?? placed[0];
    if (leader === undefined) return;
    const agreed = placed.every(({ place }) => samePlace(place!, leader.place!));
    if (agreed || isMany(leader.place!)) settle(known, op.id, leader.place!, { kind, from: leader.name() });
  };
  for (const op of flow.steps) {
    // Where a collect's result is, its author says; its input is at the cohort it leaves.
    if ([CORE.collect, CORE.exchange, CORE.broadcast, CORE.scatter].some((type) => isCore(op, type)))
      continue;
    follow(
      op,
      'sources',
      flow
        .reads(op)
        .map((id) => ({ place: sourcePlace(flow, known, id), name: () => sourceName(flow, known, id) })),
    );
  }
  for (const op of flow.steps.toReversed()) {
    if (known.ops[op.id] !== undefined) continue;
    const candidates = op.outputs.flatMap(readers).map((reader) => ({
      place: known.ops[reader.id],
      name: () => rootOf(flow.model, reader.id, known.reasons[reader.id]),
    }));
    // What a cohort reads may come from anywhere; only what is read in one place surely belongs there.
    const single = candidates.every(({ place }) => place === undefined || !isMany(place));
    follow(op, 'readers', single ? candidates : []);
  }
}

/** A neighbour of a step: where it is, and how it is called, asked for only where it decides. */
interface Candidate {
  readonly place: Place | undefined;
  readonly name: () => string;
}

function sourceName(flow: Dataflow, known: Known, id: ValueId): string {
  const { def, name } = flow.model.value(id);
  return def.kind === 'op' ? rootOf(flow.model, def.op, known.reasons[def.op]) : name;
}

function shareStatePlaces(flow: Dataflow, known: Known): void {
  const byKey = new Map<string, Place>();
  const stateOps = flow.steps.filter((op) => isCore(op, CORE.stateRead) || isCore(op, CORE.stateAssign));
  for (const op of stateOps) {
    const place = known.ops[op.id];
    if (place !== undefined) byKey.set(attributeString(op, 'key') ?? '', place);
  }
  for (const op of stateOps) {
    const key = attributeString(op, 'key') ?? '';
    const place = byKey.get(key);
    if (known.ops[op.id] === undefined && place !== undefined)
      settle(known, op.id, place, { kind: 'state', key });
  }
}

export const isCore = (op: Op, type: string): boolean => op.domain === DOMAIN.core && op.type === type;
