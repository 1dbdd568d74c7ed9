// emit: programs become files that stand alone: program.onnx in pieces, weights as ranges, a manifest.

import {
  DOMAIN,
  MANIFEST_VERSION,
  type Manifest,
  METADATA,
  type MemoryEstimate,
  type Model,
  type Op,
  PLAN_VERSION,
  type Plan,
  type Port,
  statedType,
  type Topology,
  trafficOf,
  type ValueId,
  WIRE_VERSION,
} from '../../ir/index.ts';
import { exportModel } from '../../ir/onnx/export.ts';
import { readWeight } from '../../ir/onnx/weights.ts';
import { declines } from '../declines.ts';
import { memoryOf } from '../memory/estimate.ts';
import { type Bundle, type Compilation, type Deployment, type Program, pass } from '../pass.ts';
import { groupReasons } from '../placing/reasons.ts';
import { placedGraph } from '../split/places.ts';
import { seatsOf } from '../split/seats.ts';

export const WEIGHTS_FILE = 'weights.bin';
/** Smaller weights stay in program.onnx. */
const MIN_EXTERNAL_BYTES = 1024;

export const emit = pass('emit', {
  needs: 'bound',
  gives: 'emitted',
  run(compilation, cx) {
    const deployment = compilation.deployment!;
    const members = Object.fromEntries(cx.topology.classes.map(({ name, members }) => [name, members]));
    const graph = placedGraph(compilation.model, compilation.placement!);
    const memory = memoryOf(deployment, graph, members);
    const bundles = deployment.programs.map((program) =>
      bundleOf(program, deployment, members, memory(program)),
    );
    return {
      ...compilation,
      level: 'emitted',
      bundles,
      plan: planOf(compilation, deployment, cx.topology, members),
    };
  },
});

function bundleOf(
  program: Program,
  deployment: Deployment,
  members: Manifest['members'],
  memory: MemoryEstimate,
): Bundle {
  const { model } = program;
  const file = exportModel(model, {
    valueInfo: 'all',
    external: { file: WEIGHTS_FILE, minBytes: MIN_EXTERNAL_BYTES },
    metadata: (op: Op) => {
      const fragment = program.fragments[op.id];
      if (op.graph !== model.main || fragment === undefined) return [];
      const seat = program.seatOf?.[op.id];
      const seats: [string, string][] = seat === undefined ? [] : [[METADATA.seat, seat]];
      return [[METADATA.fragment, String(fragment)], ...seats];
    },
  });
  const manifest: Bundle['manifest'] = {
    version: MANIFEST_VERSION,
    program: program.name,
    class: program.class,
    members,
    opsets: Object.fromEntries(model.header.opsets),
    ops: countOps(model),
    entries: deployment.entries,
    ...(program.seats && { seats: program.seats }),
    inputs: model.mainGraph.inputs.map((id) => portOf(model, id)),
    outputs: model.mainGraph.outputs.map((id) => portOf(model, id)),
    slots: program.slots,
    state: program.state,
    edgesIn: deployment.edges.filter((edge) => edge.to.class === program.class),
    edgesOut: deployment.edges.filter((edge) => edge.from.class === program.class),
    memory,
    wire: { version: WIRE_VERSION },
  };
  return {
    program: program.name,
    onnx: file.pieces,
    weights: file.external.map(({ weight, offset, byteLength }) => ({
      piece: weight.range ?? readWeight(weight).bytes,
      offset,
      byteLength,
    })),
    ops: program.ops,
    manifest,
  };
}

function planOf(
  compilation: Compilation,
  deployment: Deployment,
  topology: Topology,
  members: Plan['members'],
): NonNullable<Compilation['plan']> {
  const { model } = compilation;
  const placement = compilation.placement!;
  const { inputs, outputs } = model.mainGraph;
  const graph = placedGraph(model, placement);
  const { end } = seatsOf(graph);
  const mayDecline = declines(graph, (name) => members[name]?.length ?? 0);
  const traffic = trafficOf(deployment.edges, members, mayDecline);
  const { payloadBytes } = traffic.total;
  return {
    version: PLAN_VERSION,
    source: model.header.file,
    objective: topology.objective,
    members,
    entries: deployment.entries,
    inputs: inputs.flatMap((id, index) =>
      model.value(id).weight === undefined
        ? [{ ...portOf(model, id), at: end(graph.inputPlace[index]!) }]
        : [],
    ),
    outputs: outputs.map((id, index) => ({ ...portOf(model, id), at: end(graph.outputPlace[index]!) })),
    edges: deployment.edges,
    traffic,
    estimate: { ...deployment.estimate!, bytes: typeof payloadBytes === 'number' ? payloadBytes : null },
    reasons: {
      placed: groupReasons(model, placement.ops, placement.reasons ?? []),
      cuts: placement.cuts ?? [],
      timings: deployment.timings ?? [],
    },
  };
}

function portOf(model: Model, id: ValueId): Port {
  const { name, type, entropy } = model.value(id);
  return { name, ...statedType(type), ...(entropy === true && { entropy }) };
}

/** Every op of the program, function bodies and subgraphs included. */
function countOps(model: Model): Record<string, number> {
  const counts = new Map<string, number>();
  for (const op of model.allOps()) {
    if (op.domain === DOMAIN.segment) continue;
    const key = op.domain === '' ? op.type : `${op.domain}::${op.type}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const segments = [...model.opsOf()].filter((op) => op.domain === DOMAIN.segment).length;
  if (segments > 0) counts.set(DOMAIN.segment, segments);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
