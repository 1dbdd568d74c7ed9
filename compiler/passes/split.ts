// split: cuts the placed graph into one program per class.
//
//   y = Relu(x)     phone            phone:   y = segment_0(x); wire.Send<edge 0>(y)
//   z = MatMul(y, w)  server     →   server:  y = wire.Recv<edge 0>(); z = segment_0(y, w)

import {
  attributeInt,
  attributeString,
  attributeStrings,
  byteLengthOfType,
  codedBytes,
  type Diagnostic,
  DOMAIN,
  describeOp,
  diagnostic,
  type Edge,
  type End,
  type Entry,
  hasErrors,
  isBoundAt,
  isCoded,
  isCohort,
  type Model,
  type Port,
  type Position,
  placeKey,
  RAW,
  statedType,
  type Topology,
  triggerKinds,
  type ValueId,
} from '../../ir/index.ts';
import { boundaryOf, describeKind, isPrivate, mayCross } from '../handover.ts';
import { rowOf } from '../infer/core.ts';
import { checkLinks, codecBetween } from '../links.ts';
import { type Deployment, pass } from '../pass.ts';
import { settleConstants } from '../split/answers.ts';
import { duplicateCheapOps } from '../split/duplicate.ts';
import { groupCrossings } from '../split/envelopes.ts';
import { foldAnswers } from '../split/folds.ts';
import { fragmentLevels } from '../split/fragments.ts';
import { liftConstants } from '../split/lift.ts';
import {
  type Crossing,
  findCrossings,
  type PlacedGraph,
  type PlaceNumber,
  placedGraph,
} from '../split/places.ts';
import { buildProgram } from '../split/programs.ts';
import { relayValues } from '../split/relay.ts';
import type { NumberedCrossing, SplitGraph } from '../split/schedule.ts';
import { entryOps, entryPlaces, seatsOf } from '../split/seats.ts';
import { groupOps } from '../split/segments.ts';
import { placesToTrigger } from '../split/triggers.ts';
import { widenCrossings } from '../split/widen.ts';

export const split = pass('split', {
  needs: 'placed',
  gives: 'split',
  run(compilation, cx) {
    const lifted = liftConstants(compilation.model, compilation.placement!);
    const settled = settleConstants(lifted, compilation.placement!);
    const copied = duplicateCheapOps(settled.model, settled.placement);
    const widened = widenCrossings(copied.model, copied.placement, cx.topology);
    const relayed = relayValues(widened.model, widened.placement);
    const shared = cx.topology.classes.flatMap((one) => (one.shared ? [one.name] : []));
    const { model } = relayed;
    const placement = shared.length === 0 ? relayed.placement : { ...relayed.placement, shared };
    const graph = placedGraph(model, placement);

    const problems: Diagnostic[] = [];
    const crossings = findCrossings(graph, (problem) => problems.push(problem));
    const entries = entryPlaces(graph, cx.topology);
    if (entries.size === 0) {
      problems.push(diagnostic('BB502', undefined, { at: { file: model.header.file } }));
    }
    for (const crossing of crossings) {
      const problem = forbidden(graph, cx.topology, crossing) ?? unlinked(graph, cx.topology, crossing);
      if (problem !== undefined) problems.push(problem);
    }
    const unfolded = fragmentLevels(graph, (problem) => problems.push(problem));
    problems.forEach(cx.report);
    if (hasErrors(problems)) return compilation;

    const { graph: folding, levels } = foldAnswers(graph, unfolded);
    const grouped = groupCrossings(folding, levels, crossings);
    const grouping = groupOps(folding, levels, grouped, [...entries.values()]);
    const numbered: NumberedCrossing[] = crossings.map((crossing, id) => ({
      ...crossing,
      edge: edgeOf(
        graph,
        cx.topology,
        crossing.value,
        crossing,
        id,
        grouped.of(crossing),
        withinNs(graph, crossing),
      ),
    }));
    const envelopes = new Set(numbered.map(({ edge }) => edge.envelope)).size;
    const asleep = placesToTrigger(graph, crossings, (one) => grouped.of(one), entries);
    asleep.forEach(({ from, to }, index) => {
      if (isCohort(graph.places[from]!) && !isBoundAt(graph.places[to]!, graph.places[from]!))
        cx.report(unwoken(graph, from, to));
      const crossing = { kind: 'trigger' as const, from, to };
      const id = crossings.length + index;
      const edge = edgeOf(graph, cx.topology, undefined, crossing, id, envelopes + index, 0);
      numbered.push({ ...crossing, edge });
    });

    const deployment = buildDeployment(
      { graph: folding, levels, grouping, crossings: numbered, authored: compilation.model.opLimit },
      entries,
      cx.topology,
    );
    return { ...compilation, level: 'split', model, placement, deployment };
  },
});

function arrivesAsRow({ model }: PlacedGraph, { kind, op }: Pick<Crossing, 'kind' | 'op'>): boolean {
  return kind === 'scatter' || (kind === 'exchange' && attributeInt(model.op(op!), 'rows', 0) === 1);
}

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
  const stacks = kind === 'collect' || kind === 'exchange' || kind === 'scatter';
  // What stays on its peer may be private, and of any type.
  if (kind === 'local') return undefined;
  const fits = !stacks || type?.kind === 'tensor';
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
  { from, to, value, reader, kind }: Crossing,
): Diagnostic | undefined {
  if (kind === 'local') return undefined;
  const toAt = reader === undefined ? undefined : model.op(reader).at;
  const about = { value: model.value(value).name, fromAt: positionOf(model, value), toAt };
  return checkLinks(topology, places[from]!, places[to]!, about);
}

function positionOf(model: Model, value: ValueId): Position | undefined {
  const { def, at } = model.value(value);
  return def.kind === 'op' ? model.op(def.op).at : at;
}

/** What the author allows a wait: where it is written, else for the whole entry. */
function withinNs(graph: PlacedGraph, { op, from }: Pick<Crossing, 'op' | 'from'>): number {
  const { model } = graph;
  const own = op === undefined ? 0 : attributeInt(model.op(op), 'within_ns', 0);
  if (own > 0) return own;
  const invoke = entryOps(model).get(seatsOf(graph).entries[from]!);
  return invoke === undefined ? 0 : attributeInt(invoke, 'within_ns', 0);
}

function buildDeployment(
  split: SplitGraph,
  entries: ReadonlyMap<string, PlaceNumber>,
  topology: Topology,
): Deployment {
  const { graph, crossings } = split;
  // Of the programs that a peer may have together, no two call a segment the same.
  let segments = 0;
  const programs = topology.classes.flatMap(({ name, members, shared }) => {
    const places = seatsOf(graph).of(name);
    if (places.length === 0) return [];
    const program = buildProgram(split, places, name, members, shared ? segments : 0);
    if (shared) segments += program.model.functions.filter(({ domain }) => domain === DOMAIN.segment).length;
    return [program];
  });
  return {
    programs,
    edges: crossings.map(({ edge }) => edge),
    entries: [...entries].map(([name, place]) => entryOf(graph, name, place)),
  };
}

/** Where every member enters by itself, none of them wakes the others. */
function unwoken(graph: PlacedGraph, from: PlaceNumber, to: PlaceNumber): Diagnostic {
  const args = { place: placeKey(graph.places[to]!), entry: seatsOf(graph).entries[from]! };
  return diagnostic('BB510', args, { at: { file: graph.model.header.file } });
}

function edgeOf(
  graph: PlacedGraph,
  topology: Topology,
  value: ValueId | undefined,
  crossing: Omit<NumberedCrossing, 'edge' | 'value'>,
  id: number,
  envelope: number,
  deadlineNs: number,
): Edge {
  const { end } = seatsOf(graph);
  // Whom neighbours are, each member says itself.
  const bound = (one: End): End => (crossing.among === undefined ? one : { ...one, binder: 'some' });
  const sent = value === undefined ? undefined : graph.model.value(value);
  // What arrives: of a scatter, a row.
  const made = sent && { ...sent, type: arrivesAsRow(graph, crossing) ? rowOf(sent.type) : sent.type };
  const stated = statedType(made?.type);
  const codec = codecOf(graph, topology, crossing, stated);
  const coded = codec === RAW || stated.shape === null ? null : codedBytes(codec, stated.shape);
  return {
    id,
    value: made?.name ?? '',
    kind: crossing.kind,
    from: bound(end(crossing.from)),
    to: bound(end(crossing.to)),
    ...stated,
    bytes:
      codec !== RAW
        ? typeof coded === 'number'
          ? coded
          : null
        : made === undefined
          ? 0
          : (byteLengthOfType(made.type) ?? null),
    codec,
    envelope,
    deadlineNs,
  };
}

/** For values that may be real numbers: the author's, of a crossing of his, or else the topology's. */
function codecOf(
  { model, places }: PlacedGraph,
  topology: Topology,
  { op, kind, from, to }: Omit<NumberedCrossing, 'edge' | 'value'>,
  { dtype, type }: Pick<Port, 'dtype' | 'type'>,
): string {
  if (kind === 'trigger' || type !== undefined || (dtype !== null && !isCoded(dtype))) return RAW;
  const said = op === undefined ? undefined : attributeString(model.op(op), 'codec');
  const linked =
    kind === 'local' ? undefined : codecBetween(topology, places[from]!.class, places[to]!.class);
  return said ?? linked ?? RAW;
}

function entryOf(graph: PlacedGraph, name: string, at: PlaceNumber): Entry {
  const { class: peerClass, binder } = graph.places[at]!;
  const { seat } = seatsOf(graph).end(at);
  const op = entryOps(graph.model).get(name);
  const said = op && attributeString(op, 'trigger');
  const trigger = triggerKinds.find((one) => one === said);
  const given = (op === undefined ? [] : attributeStrings(op, 'arguments')).map((argument, index): Port => {
    const { type } = graph.model.value(op!.outputs[index + 1]!);
    return { name: argument, ...statedType(type) };
  });
  return {
    name,
    class: peerClass,
    ...(seat !== undefined && { seat }),
    ...(binder.kind === 'each' && { joint: true as const }),
    ...(trigger !== undefined && { trigger }),
    ...(given.length > 0 && { arguments: given }),
  };
}
