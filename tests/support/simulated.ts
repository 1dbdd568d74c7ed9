// Modules in simulated worlds, on the CPU backend unless told otherwise.

import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { computeFor } from '../../cli/sim/compute.ts';
import { parseTopology } from '../../compiler/index.ts';
import type { Module } from '../../dsl/index.ts';
import type { Topology } from '../../ir/index.ts';
import type { LoadedDeployment } from '../../runtime/host/node-bundle.ts';
import { SimulatedDeployment, World, type WorldOptions } from '../../runtime/host/sim/index.ts';
import type { Backend, Components } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { compiled, recorded } from './deploy.ts';

export const cpu = cpuBackend();

export const topologyIn = (content: object): Topology =>
  parseTopology(JSON.stringify({ version: 1, ...content }), 'topology.json').topology!;

export interface SimulatedWorld {
  readonly world: World;
  readonly loaded: LoadedDeployment;
  readonly deployment: SimulatedDeployment;
}

/** Recorded, compiled, and ready to be called. */
export async function simulatedWorld(
  source: Module,
  topology: Topology,
  options: Partial<WorldOptions> = {},
  components: (peer: string) => Components = () => ({}),
  backend: Backend = cpu,
): Promise<SimulatedWorld> {
  const loaded = deploymentInMemory(compiled(recorded(source), topology));
  const own = optionsFor(loaded, topology);
  const peers = own.peers.map((one) => ({
    ...one,
    backend,
    components: { ...makersOf(one.bundle.manifest.slots), ...components(one.id) },
  }));
  const world = await World.create({ ...own, peers, ...options });
  return { world, loaded, deployment: new SimulatedDeployment(world) };
}

export const optionsFor = (loaded: LoadedDeployment, topology: Topology): WorldOptions => ({
  peers: peersOf(loaded).map((one) => ({ ...one, backend: cpu })),
  links: topology.links,
  seed: 1n,
  computeNs: computeFor(topology),
});
