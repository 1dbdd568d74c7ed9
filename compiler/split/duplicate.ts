// Cheap ops are computed again where their result is needed, instead of shipping it, if what they read is
// shipped there anyway.
//
//   phone:  s = Shape(x)        phone sends x and s      phone sends x only;
//   server: y = Reshape(x, s)                         →  server: s' = Shape(x); y = Reshape(x, s')

import {
  byteLengthOfType,
  CORE,
  Copier,
  type Model,
  NO_VALUE,
  type Op,
  type OpId,
  type ValueId,
} from '../../ir/index.ts';
import { isMany } from '../../ir/place.ts';
import type { Placement } from '../pass.ts';
import { isCore, type PlacedGraph, type PlaceNumber, placedGraph, placeOfValue } from './places.ts';
import { placeLabel } from './seats.ts';

/** Ops that compute nothing, or only look at the shape; cheap at any size. */
const views = new Set(['Identity', 'Shape', 'Size', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
/** Arithmetic on values up to this size costs less than a field in an envelope. */
const SMALL_BYTES = 256;
const smallOps = new Set(
  'Add Sub Mul Div Neg Cast Concat Gather Slice Equal Less Greater Not And Or Where Min Max ReduceProd Range'.split(
    ' ',
  ),
);

export interface Duplicated {
  readonly model: Model;
  readonly placement: Placement;
}

export function duplicateCheapOps(model: Model, placement: Placement): Duplicated {
  const graph = placedGraph(model, placement);
  const wanted = findDuplicates(graph);
  if (wanted.size === 0) return { model, placement };

  const editor = model.edit();
  const ops = [...placement.ops];
  const reasons = placement.reasons && [...placement.reasons];
  const order: OpId[] = [];
  const replaced = new Map<string, ValueId>();
  for (const op of model.opsOf()) {
    const here = graph.opPlace[op.id]!;
    const redirect = (id: ValueId): ValueId => replaced.get(`${id}@${here}`) ?? id;
    if (op.inputs.some((id) => redirect(id) !== id)) editor.setOp(op.id, { inputs: op.inputs.map(redirect) });
    order.push(op.id);
    for (const place of wanted.get(op.id) ?? []) {
      const copier = new Copier(
        model,
        editor,
        op.inputs.map((id) => [id, replaced.get(`${id}@${place}`) ?? id] as const),
      );
      const id = copier.op(op.id, model.main);
      ops[id] = graph.places[place]!;
      if (reasons !== undefined) reasons[id] = { kind: 'copy' };
      order.push(id);
      op.outputs.forEach((output, index) => {
        if (output === NO_VALUE) return;
        const copy = editor.op(id).outputs[index]!;
        editor.setValue(copy, { name: `${model.value(output).name}@${placeLabel(graph, place)}` });
        replaced.set(`${output}@${place}`, copy);
      });
    }
  }
  editor.setGraph(model.main, { ops: order });
  return { model: editor.finish(), placement: { ...placement, ops, reasons } };
}

/** Which ops to compute again, and at which places. */
function findDuplicates(graph: PlacedGraph): Map<OpId, readonly PlaceNumber[]> {
  const { model } = graph;
  const order = model.mainGraph.ops.filter((id) => graph.constant[id] !== 1);
  // An op that nobody at home reads would be moved rather than copied, and where ops are is not ours to decide.
  const candidates = new Set(order.filter((id) => isCheap(graph, model.op(id)) && isReadAtHome(graph, id)));
  const shipped = placesThatRead(graph);

  // Backwards: who would like a copy; a copy of a cheap op would like copies of what it reads.
  const wishes = wishesOf(graph, order, candidates, shipped, () => true);
  // Forwards: a copy can be made where everything it reads is made, shipped, or copied.
  const possible = new Map<OpId, Set<PlaceNumber>>();
  for (const id of order) {
    for (const place of wishes.get(id) ?? []) {
      const available = graph.needs[id]!.every((value) => {
        const { def } = model.value(value);
        if (placeOfValue(graph, value) === place || shipped.get(value)?.has(place)) return true;
        return def.kind === 'op' && possible.get(def.op)?.has(place) === true;
      });
      if (available) add(possible, id, place);
    }
  }
  // Backwards again: copies that only an impossible copy would have read are not made.
  const kept = wishesOf(
    graph,
    order,
    candidates,
    shipped,
    (id, place) => possible.get(id)?.has(place) === true,
  );
  return new Map([...kept].map(([id, places]) => [id, [...places].sort((a, b) => a - b)]));
}

function wishesOf(
  graph: PlacedGraph,
  order: readonly OpId[],
  candidates: ReadonlySet<OpId>,
  shipped: ReadonlyMap<ValueId, ReadonlySet<PlaceNumber>>,
  allowed: (id: OpId, place: PlaceNumber) => boolean,
): Map<OpId, Set<PlaceNumber>> {
  const { model } = graph;
  const wishes = new Map<OpId, Set<PlaceNumber>>();
  for (let position = order.length - 1; position >= 0; position--) {
    const id = order[position]!;
    if (!candidates.has(id)) continue;
    const home = graph.opPlace[id]!;
    if (isMany(graph.places[home]!)) continue;
    for (const output of model.op(id).outputs) {
      for (const place of shipped.get(output) ?? []) if (allowed(id, place)) add(wishes, id, place);
      for (const use of model.uses(output)) {
        if (use.kind !== 'op') continue;
        for (const place of wishes.get(use.op) ?? []) {
          if (place !== home && allowed(id, place)) add(wishes, id, place);
        }
      }
    }
  }
  return wishes;
}

function add<K>(sets: Map<K, Set<PlaceNumber>>, key: K, place: PlaceNumber): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([place]));
  else set.add(place);
}

/** For each value, the places other than its own at which an op reads it. */
function placesThatRead(graph: PlacedGraph): Map<ValueId, Set<PlaceNumber>> {
  const readers = new Map<ValueId, Set<PlaceNumber>>();
  for (const id of graph.model.mainGraph.ops) {
    // A scatter ships rows, never the whole.
    if (graph.constant[id] === 1 || isCore(graph.model.op(id), CORE.scatter)) continue;
    const here = graph.opPlace[id]!;
    for (const value of graph.needs[id]!) {
      if (placeOfValue(graph, value) !== here) add(readers, value, here);
    }
  }
  return readers;
}

function isReadAtHome(graph: PlacedGraph, id: OpId): boolean {
  const { model, opPlace, outputPlace } = graph;
  return model.op(id).outputs.some((output) =>
    model.uses(output).some((use) => {
      if (use.kind === 'op') return opPlace[use.op] === opPlace[id];
      return use.graph === model.main && outputPlace[use.index] === opPlace[id];
    }),
  );
}

function isCheap(graph: PlacedGraph, op: Op): boolean {
  if (op.domain !== '') return false;
  if (views.has(op.type)) return true;
  if (!smallOps.has(op.type)) return false;
  const small = (id: ValueId): boolean =>
    (byteLengthOfType(graph.model.value(id).type) ?? Infinity) <= SMALL_BYTES;
  return op.outputs.every(small) && op.inputs.every((id) => id === NO_VALUE || small(id));
}
