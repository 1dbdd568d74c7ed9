// guard: a deadline for every edge, from the critical path.
//
//   recv_0: wire.Recv<edge = 0, deadline_ns = 0>    →    wire.Recv<edge = 0, deadline_ns = 12_400_000_000>
//
// A receiver counts from when it first learns of the flow, which is never before the flow began; so the estimated
// time from the flow's start to the arrival, times a slack, is safe. Who waits for a peer that itself waits must
// wait longer than it, or the flow would be given up by the wrong peer with the wrong reason.

import {
  type Attribute,
  DOMAIN,
  type Edge,
  type EdgeTiming,
  type Op,
  type OpId,
  type Plan,
  type Topology,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import { costModel } from '../cost.ts';
import { routeOf } from '../links.ts';
import { type Compilation, type Program, pass } from '../pass.ts';
import { boundBy, type PlacedGraph, placedGraph, placeOfValue } from '../split/places.ts';
import { endKey, seatsOf } from '../split/seats.ts';

/** Real devices are slower than their data sheet and share it: wait this many times the estimate. */
const SLACK = 4;
/** Never give up earlier unless the author said so: estimates know nothing of cold starts and page faults. */
const MIN_DEADLINE_NS = 10e9;
/** How much longer to wait than the peer that is waited for. */
const MARGIN_NS = 1e9;
/** Assumed for classes that state no compute, and for edges whose size is not known. */
const DEFAULT_FLOPS = 5e9;
const DEFAULT_EDGE_BYTES = 1 << 20;
const MAX_ROUNDS = 16;

export const guard = pass('guard', {
  needs: 'split',
  gives: 'guarded',
  run(compilation, cx) {
    const deployment = compilation.deployment!;
    const timing = estimate(compilation, cx.topology);
    const edges = deployment.edges.map((edge) => ({
      ...edge,
      deadlineNs: Math.min(Math.round(timing.deadlines.get(edge.id)!), Number.MAX_SAFE_INTEGER),
    }));
    const programs = deployment.programs.map((program) => withDeadlines(program, edges));
    return {
      ...compilation,
      level: 'guarded',
      deployment: { ...deployment, programs, edges, estimate: timing.estimate, timings: timing.timings },
    };
  },
});

interface Timing {
  readonly deadlines: ReadonlyMap<number, number>;
  /** When each edge's value arrives, from the flow's start. */
  readonly arrivals: ReadonlyMap<number, number>;
  readonly estimate: Omit<Plan['estimate'], 'bytes'>;
  /** In the order of the edges. */
  readonly timings: readonly EdgeTiming[];
}

/**
 * Aligning an envelope can raise an edge above one that depends on it, so the estimate is repeated with what it
 * found as floors. Deadlines only rise and each round settles one more hop, so the rounds are few.
 */
function estimate(compilation: Compilation, topology: Topology): Timing {
  const graph = placedGraph(compilation.model, compilation.placement!);
  const work = workOf(graph);
  const edges = compilation.deployment!.edges;
  let floors: ReadonlyMap<number, number> = new Map();
  for (let round = 0; ; round++) {
    const timing = estimateOnce({ graph, work, edges, topology, floors });
    const settled = [...timing.deadlines].every(([edge, deadline]) => floors.get(edge) === deadline);
    if (settled || round === MAX_ROUNDS) return timing;
    floors = timing.deadlines;
  }
}

function workOf({ model, constant }: PlacedGraph): Float64Array {
  const cost = costModel(model);
  const work = new Float64Array(model.opLimit);
  for (const op of model.opsOf()) if (constant[op.id] !== 1) work[op.id] = cost.operations(op);
  return work;
}

/** By edge: the estimated time from the flow's start to its arrival, in ns. */
export const arrivalsOf = (
  graph: PlacedGraph,
  edges: readonly Edge[],
  topology: Topology,
): ReadonlyMap<number, number> =>
  estimateOnce({ graph, work: workOf(graph), edges, topology, floors: new Map() }).arrivals;

interface Situation {
  readonly graph: PlacedGraph;
  /** Operations of each op of the main graph, by OpId. */
  readonly work: Float64Array;
  readonly edges: readonly Edge[];
  readonly topology: Topology;
  /** No edge's derived deadline is below this. */
  readonly floors: ReadonlyMap<number, number>;
}

function estimateOnce({ graph, work, edges, topology, floors }: Situation): Timing {
  const { model } = graph;
  const flopsOf = new Map(topology.classes.map((one) => [one.name, one.flops ?? DEFAULT_FLOPS]));
  const incoming = edgesByValueAndEnd(edges);
  const seats = seatsOf(graph);

  // When each op is done, and how long its peer may by then have waited for others.
  const doneNs = new Float64Array(model.opLimit);
  const waitedNs = new Float64Array(model.opLimit);
  const deadlines = new Map<number, number>();
  const arrivals = new Map<number, number>();
  const timings = new Map<number, EdgeTiming>();
  let flops = 0;

  const arrive = (edge: Edge, readyNs: number, waitNs: number): { at: number; wait: number } => {
    const route = routeOf(topology, edge)!;
    const bytesPerNs = (route.bytesPerSecond ?? Number.POSITIVE_INFINITY) / 1e9;
    const transitNs = route.latencyNs + (edge.bytes ?? DEFAULT_EDGE_BYTES) / bytesPerNs;
    const at = readyNs + transitNs;
    const chainNs = waitNs + SLACK * transitNs + MARGIN_NS;
    const derived = Math.max(MIN_DEADLINE_NS, SLACK * at, chainNs);
    const deadline = edge.deadlineNs > 0 ? edge.deadlineNs : Math.max(derived, floors.get(edge.id) ?? 0);
    deadlines.set(edge.id, deadline);
    timings.set(edge.id, {
      edge: edge.id,
      readyNs: Math.round(readyNs),
      latencyNs: route.latencyNs,
      bytesPerSecond: route.bytesPerSecond ?? null,
      transitNs: Math.round(transitNs),
      deadline: sourceOf(edge.deadlineNs > 0, deadline, SLACK * at, chainNs),
    });
    arrivals.set(edge.id, at);
    return { at, wait: deadline };
  };

  /** A value may reach a place over several edges, one for each collect or broadcast: the slowest counts. */
  const arriveBy = (
    value: ValueId,
    to: string,
    readyNs: number,
    waitNs: number,
  ): { at: number; wait: number } | undefined => {
    const arrivals = (incoming.get(edgeKey(model.value(value).name, to)) ?? []).map((edge) =>
      arrive(edge, readyNs, waitNs),
    );
    if (arrivals.length === 0) return undefined;
    return {
      at: Math.max(...arrivals.map(({ at }) => at)),
      wait: Math.max(...arrivals.map(({ wait }) => wait)),
    };
  };

  /** A place that a set binds: its members, and who sends there, first hear of the set, which may itself be waited for. */
  const told = new Map<ValueId, { at: number; wait: number }>();
  const toldAt = (place: number): { at: number; wait: number } => {
    const set = boundBy(graph, place);
    if (set === undefined) return { at: 0, wait: 0 };
    let known = told.get(set);
    if (known === undefined) {
      known = { at: readyAt(graph, set, doneNs), wait: readyAt(graph, set, waitedNs) };
      const { name } = model.value(set);
      for (const edge of edges) {
        if (edge.value !== name) continue;
        const { at, wait } = arrive(edge, readyAt(graph, set, doneNs), readyAt(graph, set, waitedNs));
        known = { at: Math.max(known.at, at), wait: Math.max(known.wait, wait) };
      }
      told.set(set, known);
    }
    return known;
  };

  for (const op of model.opsOf()) {
    if (graph.constant[op.id] === 1) continue;
    const here = graph.opPlace[op.id]!;
    const end = endKey(seats.end(here));
    const bound = toldAt(here);
    let { at: startNs, wait } = bound;
    for (const value of graph.needs[op.id]!) {
      const ready = readyAt(graph, value, doneNs);
      const waited = readyAt(graph, value, waitedNs);
      const arrival =
        placeOfValue(graph, value) === here
          ? undefined
          : arriveBy(value, end, Math.max(ready, bound.at), Math.max(waited, bound.wait));
      startNs = Math.max(startNs, arrival?.at ?? ready);
      wait = Math.max(wait, arrival?.wait ?? waited);
    }
    flops += work[op.id]!;
    doneNs[op.id] = startNs + (work[op.id]! / flopsOf.get(graph.places[here]!.class)!) * 1e9;
    waitedNs[op.id] = wait;
  }
  let latencyNs = 0;
  model.mainGraph.outputs.forEach((value, index) => {
    if (model.value(value).weight !== undefined) return;
    const to = endKey(seats.end(graph.outputPlace[index]!));
    const ready = readyAt(graph, value, doneNs);
    const arrival = arriveBy(value, to, ready, readyAt(graph, value, waitedNs));
    latencyNs = Math.max(latencyNs, arrival?.at ?? ready);
  });
  for (const edge of edges) if (!deadlines.has(edge.id)) arrive(edge, 0, 0);
  const own = new Map(deadlines);
  alignEnvelopes(edges, deadlines);

  return {
    deadlines,
    arrivals,
    estimate: { flops, latencyNs: Math.round(latencyNs) },
    timings: edges.map(({ id }) =>
      own.get(id) === deadlines.get(id)
        ? timings.get(id)!
        : { ...timings.get(id)!, deadline: 'envelope' as const },
    ),
  };
}

/** Which of the bounds a deadline is; a floor that an earlier round found comes from its envelope. */
function sourceOf(
  authored: boolean,
  deadlineNs: number,
  pathNs: number,
  chainNs: number,
): EdgeTiming['deadline'] {
  if (authored) return 'author';
  if (deadlineNs === MIN_DEADLINE_NS) return 'least';
  if (deadlineNs === pathNs) return 'path';
  return deadlineNs === chainNs ? 'chain' : 'envelope';
}

const edgeKey = (value: string, to: string): string => `${to}\n${value}`;

function edgesByValueAndEnd(edges: readonly Edge[]): Map<string, Edge[]> {
  const found = new Map<string, Edge[]>();
  for (const edge of edges) {
    const key = edgeKey(edge.value, endKey(edge.to));
    found.set(key, [...(found.get(key) ?? []), edge]);
  }
  return found;
}

function readyAt(graph: PlacedGraph, value: ValueId, table: Float64Array): number {
  const { def } = graph.model.value(value);
  return def.kind === 'op' ? table[def.op as OpId]! : 0;
}

/** What travels together arrives together: derived deadlines of one envelope become its largest. */
function alignEnvelopes(edges: readonly Edge[], deadlines: Map<number, number>): void {
  const largest = new Map<number, number>();
  const derived = edges.filter((edge) => edge.deadlineNs === 0);
  for (const { id, envelope } of derived) {
    largest.set(envelope, Math.max(largest.get(envelope) ?? 0, deadlines.get(id)!));
  }
  for (const { id, envelope } of derived) deadlines.set(id, largest.get(envelope)!);
}

function withDeadlines(program: Program, edges: readonly Edge[]): Program {
  const editor = program.model.edit();
  for (const op of program.model.opsOf()) {
    if (op.domain !== DOMAIN.wire || op.type === WIRE.send) continue;
    const deadlineNs = Math.max(...edgesOf(op).map((id) => edges[id]!.deadlineNs));
    const deadline: Attribute = { name: 'deadline_ns', kind: 'int', value: BigInt(deadlineNs) };
    editor.setOp(op.id, {
      attributes: op.attributes.map((attribute) => (attribute.name === 'deadline_ns' ? deadline : attribute)),
    });
  }
  return { ...program, model: editor.finish() };
}

/** The edges a wire op sends or receives. */
export function edgesOf(op: Op): readonly number[] {
  return op.attributes.flatMap((attribute) => {
    if (attribute.name === 'edge' && attribute.kind === 'int') return [Number(attribute.value)];
    return attribute.name === 'edges' && attribute.kind === 'ints' ? attribute.value.map(Number) : [];
  });
}
