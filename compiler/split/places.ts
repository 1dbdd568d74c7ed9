// A placed computation in the form the split works on: small place numbers, needs of every op, crossings.

import {
  areBeside,
  CORE,
  type Diagnostic,
  DOMAIN,
  describeOp,
  diagnostic,
  type EdgeKind,
  isBoundAt,
  isCohort,
  isSubset,
  type Model,
  type Op,
  type OpId,
  outerOf,
  type Place,
  placeKey,
  setOf,
  type ValueId,
} from '../../ir/index.ts';
import { crossedBy, neighboursOf } from '../crossed.ts';
import { dataflow } from '../dataflow.ts';
import type { Placement } from '../pass.ts';

/** Number of a place within one split. */
export type PlaceNumber = number;

export interface Crossing {
  /** The value that crosses, as the sender knows it. */
  readonly value: ValueId;
  readonly kind: EdgeKind;
  readonly from: PlaceNumber;
  readonly to: PlaceNumber;
  /** An op that reads it over there; none if it only leaves there. */
  readonly reader?: OpId;
  /** The author's Broadcast or Collect, if the crossing is not implied by a use. */
  readonly op?: OpId;
  /** Of an exchange among neighbours: the set that each sends to, and that it waits for. */
  readonly among?: { readonly to: ValueId; readonly from: ValueId };
}

export interface PlacedGraph {
  readonly model: Model;
  readonly places: readonly Place[];
  /** See {@link Placement.shared}. */
  readonly shared: readonly string[];
  /** Place of each op of the main graph, indexed by OpId. */
  readonly opPlace: Int32Array;
  readonly inputPlace: readonly PlaceNumber[];
  readonly outputPlace: readonly PlaceNumber[];
  /** By OpId: 1 for ops of constant expressions, which are copied to their users instead of having a place. */
  readonly constant: Uint8Array;
  /** Whether a value is a weight or computed from constants only. */
  isConstant(value: ValueId): boolean;
  /** Values an op reads: inputs and captures; indexed by OpId. */
  readonly reads: readonly (readonly ValueId[] | undefined)[];
  /** Those it waits for: reads without constants; indexed by OpId. */
  readonly needs: readonly (readonly ValueId[] | undefined)[];
}

export const isCore = (op: Op, type: string): boolean => op.domain === DOMAIN.core && op.type === type;

/** Crossings that the author wrote: the value that crosses is the first input, and goes to this op alone. */
export const isCrossing = (op: Op): boolean => isGather(op) || isSpread(op);

/** Many members' values, stacked at one place or at every receiver. */
export const isGather = (op: Op): boolean => isCore(op, CORE.collect) || isCore(op, CORE.exchange);

/** One member to the members of a cohort: over there it is a receive. */
export const isSpread = (op: Op): boolean => isCore(op, CORE.broadcast) || isCore(op, CORE.scatter);

/** Several passes look at one placement: what it implies is computed once and lives as long as it does. */
const known = new WeakMap<Placement, PlacedGraph>();

export function placedGraph(model: Model, placement: Placement): PlacedGraph {
  const cached = known.get(placement);
  if (cached?.model === model) return cached;
  const graph = computePlacedGraph(model, placement);
  known.set(placement, graph);
  return graph;
}

function computePlacedGraph(model: Model, placement: Placement): PlacedGraph {
  const places: Place[] = [];
  const numbers = new Map<string, PlaceNumber>();
  const numberOf = (place: Place): PlaceNumber => {
    const key = placeKey(place);
    let number = numbers.get(key);
    if (number === undefined) {
      number = places.push(place) - 1;
      numbers.set(key, number);
      const around = outerOf(place);
      if (around !== undefined) numberOf(around);
    }
    return number;
  };

  const inputPlace = placement.inputs.map(numberOf);
  const opPlace = new Int32Array(model.opLimit).fill(-1);
  const flow = dataflow(model);
  const constant = new Uint8Array(model.opLimit);
  for (const op of flow.constants) constant[op.id] = 1;
  const isConstant = (id: ValueId): boolean => flow.constant[id] === 1;
  const reads: (readonly ValueId[])[] = new Array(model.opLimit);
  const needs: (readonly ValueId[])[] = new Array(model.opLimit);
  for (const op of model.opsOf()) {
    opPlace[op.id] = numberOf(placement.ops[op.id]!);
    const all = flow.reads(op);
    reads[op.id] = all;
    needs[op.id] = all.filter((id) => !isConstant(id));
  }
  const outputPlace = placement.outputs.map(numberOf);
  const { shared = [] } = placement;
  return { model, places, shared, opPlace, inputPlace, outputPlace, constant, isConstant, reads, needs };
}

/** Where a value that is not constant is made. */
export function placeOfValue(graph: PlacedGraph, id: ValueId): PlaceNumber {
  const { def } = graph.model.value(id);
  if (def.kind === 'op') return graph.opPlace[def.op]!;
  if (def.kind === 'input') return graph.inputPlace[def.index]!;
  throw new Error(`value ${graph.model.value(id).name} has no place`);
}

/** Where the binder of a place was written, if its members were many. */
export function boundAt(
  { places }: Pick<PlacedGraph, 'places'>,
  place: PlaceNumber,
): PlaceNumber | undefined {
  const around = places.findIndex((one) => isBoundAt(places[place]!, one));
  return around < 0 ? undefined : around;
}

/** The peer set of a place, where members learn of it in the flow; a constant one is everywhere. */
export function boundBy(graph: PlacedGraph, place: PlaceNumber): ValueId | undefined {
  const set = setOf(graph.places[place]!);
  return set === undefined || graph.isConstant(set) ? undefined : set;
}

type Ends = Pick<Crossing, 'from' | 'to' | 'among'>;

/** What a crossing's Send takes beside its value: the receivers' set. Who was bound knows by whom. */
export const setToSend = ({ places }: PlacedGraph, { from, to, among }: Ends): ValueId | undefined =>
  among?.to ?? (isBoundAt(places[from]!, places[to]!) ? undefined : setOf(places[to]!));

/** What a crossing's Recv or Collect takes: the senders' set. A member knows what it sent to itself, and who bound it. */
export const setToReceive = (
  { places }: PlacedGraph,
  { from, to, kind, among }: Ends & Pick<Crossing, 'kind'>,
): ValueId | undefined =>
  among?.from ??
  (kind === 'local' || isBoundAt(places[to]!, places[from]!) ? undefined : setOf(places[from]!));

/**
 * Every crossing, once per value and receiving place, in the order in which the values are made; with it, the
 * values that a place reads from elsewhere, and the peer sets that either end has to know. Many-to-one without `collect`
 * and other impossible crossings are reported with both places and both source lines.
 */
export function findCrossings(
  graph: PlacedGraph,
  report: (problem: Diagnostic) => void,
): readonly Crossing[] {
  const { model, places } = graph;
  const found: Crossing[] = [];
  const seen = new Set<string>();

  const cross = (value: ValueId, to: PlaceNumber, op?: Op): void => {
    const from = placeOfValue(graph, value);
    if (from === to && op === undefined) return;
    const kind = crossingKind(places[from]!, places[to]!, op);
    if (kind === undefined) {
      report(impossible(graph, value, from, to, op));
      return;
    }
    const explicit = op !== undefined && isCrossing(op);
    const key = explicit ? `${value}>${to}@${op.id}` : `${value}>${to}`;
    if (seen.has(key)) return;
    seen.add(key);
    const among = op === undefined ? undefined : neighboursOf(op);
    const crossing = {
      value,
      kind,
      from,
      to,
      ...(op && { reader: op.id }),
      ...(explicit && { op: op.id }),
      ...(explicit && among && { among }),
    };
    bring(setToSend(graph, crossing), from);
    bring(setToReceive(graph, crossing), to);
    found.push(crossing);
  };
  /** A set is known where it is made; every other place that needs it is sent it. */
  const bring = (set: ValueId | undefined, to: PlaceNumber): void => {
    if (set !== undefined && !graph.isConstant(set)) cross(set, to);
  };

  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    const to = graph.opPlace[op.id]!;
    const explicit = isCrossing(op);
    for (const value of arriving(graph, op)) {
      if (explicit || placeOfValue(graph, value) !== to) cross(value, to, op);
    }
  }
  model.mainGraph.outputs.forEach((value, index) => {
    if (graph.isConstant(value)) return;
    const to = graph.outputPlace[index]!;
    if (placeOfValue(graph, value) !== to) cross(value, to);
  });
  return found;
}

/** What crosses to an op: whom a scatter's rows are for is known to the sender alone, and neighbours to their member. */
export const arriving = ({ needs }: PlacedGraph, op: Op): readonly ValueId[] => {
  if (isCore(op, CORE.scatter)) return needs[op.id]!.filter((value) => value === op.inputs[0]);
  return neighboursOf(op) === undefined ? needs[op.id]! : crossedBy(op);
};

function crossingKind(from: Place, to: Place, op: Op | undefined): EdgeKind | undefined {
  if (from.entry !== to.entry) return undefined;
  const [collects, exchanges] = [CORE.collect, CORE.exchange].map(
    (type) => op !== undefined && isCore(op, type),
  );
  if (isBoundAt(from, to)) {
    if (op !== undefined && isCrossing(op)) return collects && isCohort(from) ? 'collect' : undefined;
    return isCohort(from) ? undefined : 'send';
  }
  // Of the member that bound `to` there is one for each of those there.
  const isOwn = isBoundAt(to, from);
  if (!isOwn && !areBeside(from, to)) return undefined;
  const many = isCohort(from) && !isOwn;
  if (exchanges) return many && isCohort(to) ? 'exchange' : undefined;
  if (many && (op === undefined || !isCrossing(op)) && isSubset(to, from)) return 'local';
  if (many) return collects && !isCohort(to) ? 'collect' : undefined;
  if (collects) return undefined;
  if (op !== undefined && isCore(op, CORE.scatter)) return isCohort(to) ? 'scatter' : undefined;
  return isCohort(to) ? 'broadcast' : 'send';
}

function impossible(
  graph: PlacedGraph,
  value: ValueId,
  from: PlaceNumber,
  to: PlaceNumber,
  op: Op | undefined,
): Diagnostic {
  const { model, places } = graph;
  const made = model.value(value);
  const maker = made.def.kind === 'op' ? model.op(made.def.op) : undefined;
  return diagnostic(
    'BB501',
    { value: made.name, from: placeKey(places[from]!), to: placeKey(places[to]!) },
    {
      op: op === undefined ? undefined : describeOp(model, op),
      value: made.name,
      at: op?.at ?? { file: model.header.file },
      related: [{ message: `${made.name} is made at ${placeKey(places[from]!)}`, at: maker?.at ?? made.at }],
    },
  );
}
