// What peers' programs ask for, from the files that a topology binds.

import path from 'node:path';
import { classesOf, type Diagnostic, DiagnosticError, type Manifest, type Topology } from '../../ir/index.ts';
import type { LoadedBundle } from '../../runtime/bundle.ts';
import type { Component, Components } from '../../runtime/index.ts';
import type { DataFolder } from '../../stdlib/data/node/index.ts';
import type { CommandContext } from '../context.ts';
import { readTopology } from '../load/topology.ts';

interface Peer {
  readonly id: string;
  readonly bundle: LoadedBundle;
}

/** What peers have, until it is closed. */
export interface PeerData {
  of(peer: string): Components;
  close(): Promise<void>;
}

/**
 * Opens what the programs of these peers ask for and the topology in `file` binds; what it does not bind is left to
 * whoever starts them to miss. Rejects with DiagnosticError, which tells every broken file once.
 */
export async function openPeerData(
  cx: CommandContext,
  peers: readonly Peer[],
  file: string | undefined,
): Promise<PeerData> {
  const chosen = await chosenComponents(peers);
  const asking = peers.filter(({ bundle }) => asks(bundle.manifest));
  if (asking.length === 0 || file === undefined)
    return { of: (peer) => chosen.get(peer) ?? {}, close: async () => {} };
  cx.progress('opening data');
  const { DataFolder } = await import('../../stdlib/data/node/index.ts');
  const folder = new DataFolder(path.dirname(file));
  try {
    const components = await bindAll(asking, readTopology(cx, file), folder);
    const of = (peer: string): Components => ({ ...chosen.get(peer), ...components.get(peer) });
    return { of, close: () => folder.close() };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** What authors chose to fill slots: components that come with the project. */
async function chosenComponents(peers: readonly Peer[]): Promise<ReadonlyMap<string, Components>> {
  const choosing = peers.filter(({ bundle }) =>
    bundle.manifest.slots.some(({ options }) => options.kind !== undefined),
  );
  if (choosing.length === 0) return new Map();
  const { makersOf } = await import('../../stdlib/components.ts');
  return new Map(choosing.map(({ id, bundle }) => [id, makersOf(bundle.manifest.slots)]));
}

/** Components by peer; a file that is broken for several is told of once. */
async function bindAll(
  peers: readonly Peer[],
  topology: Topology,
  folder: DataFolder,
): Promise<ReadonlyMap<string, Components>> {
  const components = new Map<string, Components>();
  const problems = new Map<string, Diagnostic>();
  for (const { id, bundle } of peers) {
    try {
      components.set(id, await bindOne(id, bundle.manifest, topology, folder));
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      for (const problem of error.diagnostics) problems.set(JSON.stringify(problem), problem);
    }
  }
  if (problems.size > 0) throw new DiagnosticError([...problems.values()]);
  return components;
}

const asks = ({ slots }: Manifest): boolean => slots.some(({ role }) => role === 'data_source');

async function bindOne(
  peer: string,
  manifest: Manifest,
  topology: Topology,
  folder: DataFolder,
): Promise<Components> {
  const asked = new Set(manifest.slots.flatMap((one) => (one.role === 'data_source' ? [one.component] : [])));
  const found: Record<string, Component> = {};
  // What any of its classes binds, all of its programs have.
  for (const own of classesOf(manifest)) {
    const members = manifest.members[own]!;
    const member = { index: members.indexOf(peer), count: members.length };
    for (const binding of topology.classes.find(({ name }) => name === own)?.components ?? [])
      if (asked.delete(binding.name)) found[binding.name] = await folder.open(binding, member);
  }
  return found;
}
