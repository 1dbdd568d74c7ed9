// What the user named, as the data of a page: a folder is a deployment; a model is shown as recorded, and with
// --peers also as it would be cut.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Compilation } from '../../compiler/index.ts';
import { inferModel } from '../../compiler/index.ts';
import { type Model, type Op, type Place, type Position, placeKey, sortModel } from '../../ir/index.ts';
import { compileSource } from '../compile.ts';
import type { CommandContext } from '../context.ts';
import { loadSource } from '../load.ts';
import { formatBytes, formatNs } from '../output.ts';
import { type Cut, cutOf, cutOfFolder, isFolder } from './cut.ts';
import type { PageData, PageGraph, PagePeer } from './page/data.ts';
import { partitionedGraph } from './page-partitioned.ts';
import { joinedGraph, placesOf, recordedGraph } from './page-recorded.ts';
import type { LineAt } from './page-subject.ts';

export interface PageSettings {
  readonly peers?: string;
  readonly check: boolean;
  readonly maxBoxes: number;
}

export async function pageSource(
  cx: CommandContext,
  source: string,
  settings: PageSettings,
): Promise<PageData> {
  if (isFolder(source)) return pageOfFolder(source, settings.maxBoxes);
  if (settings.peers === undefined) return pageOfModel(cx, source, settings);
  const states = new Map<string, Compilation>();
  const compilation = await compileSource(cx, source, {
    peers: settings.peers,
    check: settings.check,
    after: (pass, state) => states.set(pass, state),
  });
  const cut = cutOf(compilation);
  const lineAt = linesBeside(source);
  const { placement } = states.get('place')!;
  const classes = Object.keys(cut.plan.members);
  const peerOf = (place: Place | undefined): number =>
    place === undefined ? -1 : classes.indexOf(place.class);
  const recorded = recordedGraph(states.get('infer')!.model, {
    maxBoxes: settings.maxBoxes,
    lineAt,
    peerOf: (op) => peerOf(placement!.ops[op.id]),
    peerOfInput: (index) => peerOf(placement!.inputs[index]),
    peerOfOutput: (index) => peerOf(placement!.outputs[index]),
  });
  return pageOfCut(cut, recorded, partitionedGraph(cut, lineAt, settings.maxBoxes), settings.maxBoxes);
}

async function pageOfFolder(folder: string, maxBoxes: number): Promise<PageData> {
  const cut = await cutOfFolder(folder);
  // The author's files are not part of a deployment.
  const partitioned = partitionedGraph(cut, () => undefined, maxBoxes);
  return pageOfCut(cut, joinedGraph(partitioned, maxBoxes), partitioned, maxBoxes);
}

async function pageOfModel(
  cx: CommandContext,
  source: string,
  { check, maxBoxes }: PageSettings,
): Promise<PageData> {
  const loaded = await loadSource(source, { check });
  cx.require(loaded.diagnostics);
  // A model with mistakes is drawn as far as its types are known; `bbc check` tells of them.
  const { model } = inferModel(sortModel(loaded.model!).model);
  const places = placesOf(model);
  const peerOf = (place: Place | undefined): number =>
    place === undefined ? -1 : places.get(placeKey(place))!;
  const recorded = recordedGraph(model, {
    maxBoxes,
    lineAt: linesBeside(source),
    peerOf: (op) => peerOf(op.place),
    peerOfInput: (_, id) => peerOf(model.value(id).place),
    peerOfOutput: (index) => peerOf(makerOf(model, index)?.place),
  });
  const count = recorded.ops.filter(({ kind }) => kind === 'op').length;
  const peers = [...places.keys()].map((name): PagePeer => {
    const ops = recorded.ops.filter(({ kind, peer }) => kind === 'op' && peer === places.get(name)).length;
    return { name, members: name, facts: [`${ops} ops`] };
  });
  return { title: path.basename(source), facts: [`${count} ops`], peers, recorded, maxBoxes };
}

function makerOf(model: Model, output: number): Op | undefined {
  const { def } = model.value(model.mainGraph.outputs[output]!);
  return def.kind === 'op' ? model.op(def.op) : undefined;
}

function pageOfCut(cut: Cut, recorded: PageGraph, partitioned: PageGraph, maxBoxes: number): PageData {
  const { plan, programs } = cut;
  const peers = Object.entries(plan.members).map(([name, members], peer): PagePeer => {
    // As drawn: ops that are repeated on several peers count on each.
    const ops = partitioned.ops.filter((op) => op.kind === 'op' && op.peer === peer).length;
    const program = programs.find((one) => one.class === name);
    const ids = members.length > 3 ? `${members[0]} … ${members.at(-1)}` : members.join(', ');
    return {
      name: members.length > 1 ? `${name} ×${members.length}` : name,
      members: ids,
      facts:
        program === undefined ? ['no work'] : [`${ops} ops`, `${formatBytes(program.weightBytes)} weights`],
    };
  });
  const { bytes, latencyNs } = plan.estimate;
  const count = recorded.ops.filter(({ kind }) => kind === 'op').length;
  const facts = [`${count} ops`, `${programs.length} peers`, `${plan.edges.length} edges`];
  if (bytes !== null) facts.push(`${formatBytes(bytes)} per flow`);
  if (latencyNs !== null) facts.push(`about ${formatNs(latencyNs)}`);
  return { title: plan.source, facts, peers, recorded, partitioned, maxBoxes };
}

/** Lines of the author's files; positions are relative to the folder of the source. */
function linesBeside(source: string): LineAt {
  const files = new Map<string, readonly string[]>();
  return ({ file, line }: Position) => {
    if (line === undefined) return undefined;
    let lines = files.get(file);
    if (lines === undefined) {
      const beside = path.join(path.dirname(source), file);
      lines = existsSync(beside) ? readFileSync(beside, 'utf8').split(/\r?\n/) : [];
      files.set(file, lines);
    }
    return lines[line - 1];
  };
}
