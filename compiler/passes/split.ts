// split: cuts the placed graph into one program per class.
//
//   y = Relu(x)     phone            phone:   y = segment_0(x); wire.Send<edge 0>(y)
//   z = MatMul(y, w)  server     →   server:  y = wire.Recv<edge 0>(); z = segment_0(y, w)

import {
  attributeInt,
  attributeString,
  attributeStrings,
  byteLengthOfType,
  CORE,
  type Diagnostic,
  describeOp,
  diagnostic,
  type Edge,
  type End,
  type Entry,
  hasErrors,
  isCohort,
  type Model,
  type Op,
  type Place,
  type Port,
  type Position,
  placeKey,
  statedType,
  type Topology,
  type ValueId,
} from '../../ir/index.ts';
import { boundaryOf, describeKind, isPrivate, mayCross } from '../handover.ts';
import { rowOf } from '../infer/core.ts';
import { checkLinks } from '../links.ts';
import { type Deployment, pass } from '../pass.ts';
import { settleConstants } from '../split/answers.ts';
import { duplicateCheapOps } from '../split/duplicate.ts';
import { fragmentLevels } from '../split/fragments.ts';
import { liftConstants } from '../split/lift.ts';
import {
  type Crossing,
  findCrossings,
  isCore,
  type PlacedGraph,
  type PlaceNumber,
  placedGraph,
} from '../split/places.ts';
import { buildProgram } from '../split/programs.ts';
import type { NumberedCrossing, SplitGraph } from '../split/schedule.ts';
import { groupOps } from '../split/segments.ts';
import { placesToTrigger } from '../split/triggers.ts';
import { widenCrossings } from '../split/widen.ts';

export const split = pass('split', {
  needs: 'placed',
  gives: 'split',
  run(compilation, cx) {
    const lifted = liftConstants(compilation.model);
    const settled = settleConstants(lifted, compilation.placement!);
    const copied = duplicateCheapOps(settled.model, settled.placement);
    const { model, placement } = widenCrossings(copied.model, copied.placement, cx.topology);
    const graph = placedGraph(model, placement);

    const problems: Diagnostic[] = [];
    const crossings = findCrossings(graph, (problem) => problems.push(problem));
    problems.push(...doublePlaces(graph));
    const entry = entryPlace(graph, cx.topology);
    if (entry === undefined) {
      problems.push(diagnostic('BB502', undefined, { at: { file: model.header.file } }));
    }
    for (const crossing of crossings) {
      const problem = forbidden(graph, cx.topology, crossing) ?? unlinked(graph, cx.topology, crossing);
      if (problem !== undefined) problems.push(problem);
    }
    const levels = fragmentLevels(graph, (problem) => problems.push(problem));
    problems.forEach(cx.report);
    if (hasErrors(problems) || entry === undefined) return compilation;

    const grouping = groupOps(graph, levels, crossings, entry);
    const numbered: NumberedCrossing[] = crossings.map((crossing, id) => ({
      ...crossing,
      edge: edgeOf(
        graph,
        crossing.value,
        crossing,
        id,
        grouping.envelopeOf(crossing),
        withinNs(model, crossing.op),
      ),
    }));
    const envelopes = new Set(numbered.map(({ edge }) => edge.envelope)).size;
    const asleep = placesToTrigger(
      graph,
      crossings,
      grouping.envelopeOf,
      entry,
      placesWithWork(graph, crossings),
    );
    asleep.forEach((to, index) => {
      const crossing = { kind: 'trigger' as const, from: entry, to };
      const edge = edgeOf(graph, undefined, crossing, crossings.length + index, envelopes + index, 0);
      numbered.push({ ...crossing, edge });
    });

    const deployment = buildDeployment(
      { graph, levels, grouping, crossings: numbered, authored: compilation.model.opLimit },
      entry,
      cx.topology,
    );
    return { ...compilation, level: 'split', model, placement, deployment };
  },
});

/** The problem with a crossing whose value may not leave its place. */
function forbidden(
  graph: PlacedGraph,
  topology: Topology,
  { value, kind, from, to, reader }: Crossing,
): Diagnostic | undefined {
  const { model } = graph;
  const [home, away] = [graph.places[from]!, graph.places[to]!];
  const { name, type } = model.value(value);
  // Only tensors stack.
  const fits = (kind !== 'collect' && kind !== 'scatter') || type?.kind === 'tensor';
  if (fits && mayCross(model, boundaryOf(topology, [home.class, away.class]), value)) return undefined;
  const made = { message: `made at ${placeKey(home)}`, at: positionOf(model, value) };
  const op = reader === undefined ? undefined : model.op(reader);
  const context = {
    op: op === undefined ? undefined : describeOp(model, op),
    value: name,
    at: op?.at ?? made.at ?? { file: model.header.file },
    related: [made],
  };
  if (isPrivate(model, value)) return diagnostic('BB418', { home: home.class, away: away.class }, context);
  const edge = `from ${placeKey(home)} to ${placeKey(away)}`;
  return diagnostic('BB504', { value: name, kind: describeKind(model, value), edge }, context);
}

function unlinked(
  { model, places }: PlacedGraph,
  topology: Topology,
  { from, to, value, reader }: Crossing,
): Diagnostic | undefined {
  const toAt = reader === undefined ? undefined : model.op(reader).at;
  const about = { value: model.value(value).name, fromAt: positionOf(model, value), toAt };
  return checkLinks(topology, places[from]!, places[to]!, about);
}

function positionOf(model: Model, value: ValueId): Position | undefined {
  const { def, at } = model.value(value);
  return def.kind === 'op' ? model.op(def.op).at : at;
}

const withinNs = (model: Model, op: NumberedCrossing['op']): number =>
  op === undefined ? 0 : attributeInt(model.op(op), 'within_ns', 0);

function buildDeployment(split: SplitGraph, entry: PlaceNumber, topology: Topology): Deployment {
  const { graph, crossings } = split;
  const working = placesWithWork(graph, crossings);
  const programs = topology.classes.flatMap((peerClass) => {
    const place = graph.places.findIndex(
      (one, number) => one.class === peerClass.name && working.has(number),
    );
    return place === -1 ? [] : [buildProgram(split, place, peerClass.name, peerClass.members)];
  });
  return {
    programs,
    edges: crossings.map(({ edge }) => edge),
    entries: [entryOf(graph, graph.places[entry]!.class)],
  };
}

function edgeOf(
  graph: PlacedGraph,
  value: ValueId | undefined,
  crossing: { kind: Edge['kind']; from: PlaceNumber; to: PlaceNumber },
  id: number,
  envelope: number,
  deadlineNs: number,
): Edge {
  const end = (number: PlaceNumber): End => {
    const place = graph.places[number]!;
    return { class: place.class, binder: place.binder.kind };
  };
  const sent = value === undefined ? undefined : graph.model.value(value);
  // What arrives: of a scatter, a row.
  const made = sent && { ...sent, type: crossing.kind === 'scatter' ? rowOf(sent.type) : sent.type };
  return {
    id,
    value: made?.name ?? '',
    kind: crossing.kind,
    from: end(crossing.from),
    to: end(crossing.to),
    ...statedType(made?.type),
    bytes: made === undefined ? 0 : (byteLengthOfType(made.type) ?? null),
    codec: 'raw',
    envelope,
    deadlineNs,
  };
}

/** The author's Invoke op. */
const entryOp = ({ model }: PlacedGraph): Op | undefined =>
  [...model.opsOf()].find((op) => isCore(op, CORE.invoke));

function entryOf(graph: PlacedGraph, at: string): Entry {
  const op = entryOp(graph);
  if (op === undefined) return { name: 'main', class: at };
  const given = attributeStrings(op, 'arguments').map((name, index): Port => {
    const { type } = graph.model.value(op.inputs[index]!);
    return { name, ...statedType(type) };
  });
  const name = attributeString(op, 'entry') ?? 'main';
  return { name, class: at, ...(given.length > 0 && { arguments: given }) };
}

/** Where flows start: at the author's entry, else where the first input enters, else the first one-member class that has work. */
function entryPlace(graph: PlacedGraph, topology: Topology): PlaceNumber | undefined {
  const authored = entryOp(graph);
  if (authored !== undefined) return graph.opPlace[authored.id];
  const single = (number: PlaceNumber): boolean => !isCohort(graph.places[number]!);
  const { model, inputPlace } = graph;
  const first = model.mainGraph.inputs.findIndex(
    (id, index) => model.value(id).weight === undefined && single(inputPlace[index]!),
  );
  if (first !== -1) return inputPlace[first];
  const classes = topology.classes.map((one) => one.name);
  const candidates = graph.places
    .map((place, number) => ({ number, order: classes.indexOf(place.class) }))
    .filter(({ number }) => single(number))
    .sort((a, b) => a.order - b.order);
  return candidates[0]?.number;
}

function placesWithWork(
  graph: PlacedGraph,
  crossings: readonly Pick<Crossing, 'from' | 'to'>[],
): Set<PlaceNumber> {
  const working = new Set<PlaceNumber>(graph.outputPlace);
  graph.inputPlace.forEach((place, index) => {
    if (graph.model.value(graph.model.mainGraph.inputs[index]!).weight === undefined) working.add(place);
  });
  for (const id of graph.model.mainGraph.ops) if (graph.constant[id] !== 1) working.add(graph.opPlace[id]!);
  for (const { from, to } of crossings) working.add(from).add(to);
  return working;
}

/** Two places of one class would need two seats on its peers; the runtime has one per class so far. */
function doublePlaces(graph: PlacedGraph): Diagnostic[] {
  const first = new Map<string, Place>();
  return graph.places.flatMap((place) => {
    const other = first.get(place.class);
    first.set(place.class, other ?? place);
    if (other === undefined) return [];
    return [diagnostic('BB503', { class: place.class, places: [placeKey(other), placeKey(place)] })];
  });
}
