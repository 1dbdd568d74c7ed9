// Decodes program.onnx and its manifest into what a node executes: a table for each seat.

import type { Edge, Manifest } from '../ir/deployment.ts';
import { CORE, DOMAIN, METADATA } from '../ir/names.ts';
import { ROLE_ATTRIBUTE, roleMethodOf } from '../ir/roles.ts';
import { type LoadedBundle, partsOf } from './bundle.ts';
import type { Program, SeatProgram } from './instruction.ts';
import { Members } from './members.ts';
import { badProgram, reading } from './problem.ts';
import { decode } from './proto/codec.ts';
import * as onnx from './proto/onnx.ts';
import { decodeSeat, type ProgramFile, type SeatFile } from './seat-program.ts';

/** A program whose ops are known, and no values yet. */
interface OpenProgram {
  readonly bundle: LoadedBundle;
  readonly graph: NonNullable<onnx.ModelProto['graph']>;
  readonly segmentOps: ProgramFile['segmentOps'];
}

const byId = (edges: readonly Edge[]) => new Map(edges.map((edge) => [edge.id, edge]));

/** Throws DiagnosticError BB622 where a program cannot run as its manifest says. */
export function decodeProgram(bundle: LoadedBundle): Program {
  const { manifest } = bundle;
  const members = new Members(manifest);
  const parts = partsOf(bundle).map(open);
  // Programs of one node share components: what one of them updates or prepares, others' queries wait for.
  const updated = new Set(
    parts.flatMap(({ bundle: { manifest }, graph }) =>
      graph.node
        .filter((one) => isUpdate(one) || isInBootstrap(manifest, one))
        .map((one) => componentIn(manifest, one)),
    ),
  );
  const seats: SeatProgram[] = [];
  for (const part of parts) seats.push(...seatsOf(part, { members, updated }, seats.length));
  const receivers = new Map(seats.flatMap((seat) => [...seat.receivers.keys()].map((edge) => [edge, seat])));
  const entries = new Map(parts.flatMap((part) => entriesOf(part, seats)));
  const [edgesIn, edgesOut] = [byId(manifest.edgesIn), byId(manifest.edgesOut)];
  for (const id of edgesIn.keys())
    if (!receivers.has(id)) throw badProgram(manifest.program, `no op receives edge ${id}`);
  return { manifest, members, edgesIn, edgesOut, seats, receivers, entries };
}

const open = (bundle: LoadedBundle): OpenProgram =>
  reading(bundle, () => {
    const { graph, functions } = decode(onnx.model, bundle.onnx);
    if (graph === undefined) throw badProgram(bundle.manifest.program, 'it has no graph');
    const heads = functions.map((one) => decode(onnx.functionHead, one));
    const segments = heads.filter(({ domain }) => domain === DOMAIN.segment);
    const segmentOps = new Map(segments.map(({ name, node }) => [name, countOps(node)]));
    return { bundle, graph, segmentOps };
  });

/** Its seats, numbered from `first` on. */
const seatsOf = (
  { bundle, graph, segmentOps }: OpenProgram,
  shared: Pick<ProgramFile, 'members' | 'updated'>,
  first: number,
): readonly SeatProgram[] =>
  reading(bundle, () => {
    const { manifest } = bundle;
    const invokes = graph.node.filter((one) => one.domain === DOMAIN.core && one.opType === CORE.invoke);
    const file: ProgramFile = {
      ...shared,
      bundle,
      segmentOps,
      edgesIn: byId(manifest.edgesIn),
      edgesOut: byId(manifest.edgesOut),
      initializers: new Map(graph.initializer.map((one) => [decode(onnx.tensorHead, one).name, one])),
      entries: new Map(invokes.map((one) => [onnx.textIn(one, 'entry') ?? '', one.output.length - 1])),
    };
    const fail = (reason: string): never => {
      throw badProgram(manifest.program, reason);
    };
    return seatFiles(manifest, graph.node, fail).map((one) =>
      decodeSeat(file, { ...one, index: first + one.index }),
    );
  });

/** Where the flows of the entries of a program's class begin. */
const entriesOf = (
  { bundle: { manifest } }: OpenProgram,
  seats: readonly SeatProgram[],
): (readonly [string, SeatProgram])[] =>
  manifest.entries
    .filter((one) => one.class === manifest.class)
    .map(({ name, seat = '' }) => {
      const at = seats.find((one) => one.name === seat && one.manifest === manifest);
      if (at !== undefined) return [name, at];
      throw badProgram(manifest.program, `entry ${name} begins at a seat ${seat}, which is not there`);
    });

const seatNameOf = (node: onnx.NodeProto): string => onnx.metadataOf(node, METADATA.seat) ?? '';

/** The ops of each seat. */
function seatFiles(
  { seats, inputs, outputs, entries, class: own }: Manifest,
  nodes: readonly onnx.NodeProto[],
  fail: (reason: string) => never,
): readonly SeatFile[] {
  if (seats === undefined) {
    const names = (ports: readonly { readonly name: string }[]) => ports.map(({ name }) => name);
    const entry = entries.find((one) => one.class === own)?.name;
    const all = { inputs: names(inputs), outputs: names(outputs), nodes };
    return [{ index: 0, name: '', binder: 'single', entry, ...all }];
  }
  const bySeat = new Map(seats.map(({ name }) => [name, [] as onnx.NodeProto[]]));
  for (const node of nodes) {
    const seat = seatNameOf(node);
    const ops = bySeat.get(seat) ?? fail(`${node.name} belongs to a seat ${seat}, which is not there`);
    ops.push(node);
  }
  return seats.map((seat, index) => ({ ...seat, index, nodes: bySeat.get(seat.name)! }));
}

/** Ops of a segment as authors count them. */
const countOps = (nodes: readonly Uint8Array[]): number =>
  nodes.filter((node) => decode(onnx.opType, node).opType !== 'Constant').length;

const isUpdate = (one: onnx.NodeProto): boolean =>
  roleMethodOf(one.domain, one.opType, onnx.textIn(one, ROLE_ATTRIBUTE.kind))?.kind === 'update';

const isInBootstrap = ({ entries, class: own }: Manifest, one: onnx.NodeProto): boolean =>
  entries.some(
    ({ trigger, class: name, seat = '' }) => trigger === 'begin' && name === own && seat === seatNameOf(one),
  );

function componentIn({ slots }: Manifest, one: onnx.NodeProto): string {
  const name = onnx.textIn(one, ROLE_ATTRIBUTE.slot) ?? '';
  return slots.find((slot) => slot.name === name)?.component ?? name;
}
