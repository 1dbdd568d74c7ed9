// Decodes program.onnx and its manifest into what a node executes: a table for each seat.

import type { Manifest } from '../ir/deployment.ts';
import { CORE, DOMAIN, METADATA } from '../ir/names.ts';
import { ROLE_ATTRIBUTE, roleMethodOf } from '../ir/roles.ts';
import type { LoadedBundle } from './bundle.ts';
import type { Program } from './instruction.ts';
import { Members } from './members.ts';
import { badProgram } from './problem.ts';
import { decode } from './proto/codec.ts';
import * as onnx from './proto/onnx.ts';
import { decodeSeat, type ProgramFile, type SeatFile } from './seat-program.ts';

/** Throws DiagnosticError BB622 where the program cannot run as its manifest says. */
export function decodeProgram(bundle: LoadedBundle): Program {
  try {
    return decodeAll(bundle);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badProgram(bundle.manifest.program, `program.onnx is damaged: ${error.message}`);
  }
}

function decodeAll(bundle: LoadedBundle): Program {
  const { manifest } = bundle;
  const fail = (reason: string): never => {
    throw badProgram(manifest.program, reason);
  };
  const model = decode(onnx.model, bundle.onnx);
  const graph = model.graph ?? fail('it has no graph');
  const functions = model.functions.map((one) => decode(onnx.functionHead, one));
  const invokes = graph.node.filter((one) => one.domain === DOMAIN.core && one.opType === CORE.invoke);
  const file: ProgramFile = {
    bundle,
    members: new Members(manifest),
    edgesIn: new Map(manifest.edgesIn.map((edge) => [edge.id, edge])),
    edgesOut: new Map(manifest.edgesOut.map((edge) => [edge.id, edge])),
    initializers: new Map(graph.initializer.map((one) => [decode(onnx.tensorName, one).name, one])),
    segmentOps: new Map(
      functions
        .filter(({ domain }) => domain === DOMAIN.segment)
        .map(({ name, node }) => [name, countOps(node)]),
    ),
    updated: new Set(graph.node.filter(isUpdate).map((one) => componentIn(manifest, one))),
    entries: new Map(invokes.map((one) => [textIn(one, 'entry'), one.output.length - 1])),
  };
  const seats = seatFiles(manifest, graph.node, fail).map((one) => decodeSeat(file, one));
  const receivers = new Map(seats.flatMap((seat) => [...seat.receivers.keys()].map((edge) => [edge, seat])));
  for (const { id } of manifest.edgesIn) if (!receivers.has(id)) fail(`no op receives edge ${id}`);
  const own = manifest.entries.filter((one) => one.class === manifest.class);
  const entries = new Map(
    own.map(({ name, seat = '' }) => [
      name,
      seats.find((one) => one.name === seat) ??
        fail(`entry ${name} begins at a seat ${seat}, which is not there`),
    ]),
  );
  const { members, edgesIn, edgesOut } = file;
  return { manifest, members, edgesIn, edgesOut, seats, receivers, entries };
}

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
    const seat = node.metadataProps.find(({ key }) => key === METADATA.seat)?.value ?? '';
    const ops = bySeat.get(seat) ?? fail(`${node.name} belongs to a seat ${seat}, which is not there`);
    ops.push(node);
  }
  return seats.map((seat, index) => ({ ...seat, index, nodes: bySeat.get(seat.name)! }));
}

/** Ops of a segment as authors count them. */
const countOps = (nodes: readonly Uint8Array[]): number =>
  nodes.filter((node) => decode(onnx.opType, node).opType !== 'Constant').length;

const utf8 = new TextDecoder();
const textIn = ({ attribute }: onnx.NodeProto, key: string): string =>
  utf8.decode(attribute.find(({ name }) => name === key)?.s ?? new Uint8Array(0));

const isUpdate = (one: onnx.NodeProto): boolean =>
  roleMethodOf(one.domain, one.opType, textIn(one, ROLE_ATTRIBUTE.kind))?.kind === 'update';

function componentIn({ slots }: Manifest, one: onnx.NodeProto): string {
  const name = textIn(one, ROLE_ATTRIBUTE.slot);
  return slots.find((slot) => slot.name === name)?.component ?? name;
}
