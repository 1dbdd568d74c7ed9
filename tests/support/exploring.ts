// Modules in every order in which a few frames may come.

import { deploymentInMemory } from '../../cli/run/memory.ts';
import { attempts } from '../../cli/sim/attempt.ts';
import type { Module } from '../../dsl/index.ts';
import type { Topology } from '../../ir/index.ts';
import type { PeerValues } from '../../runtime/host/index.ts';
import { type Explored, type ExploreOptions, explore } from '../../runtime/host/sim/explore.ts';
import { prepareWorkers, type WorldOptions } from '../../runtime/host/sim/index.ts';
import type { Components } from '../../runtime/index.ts';
import { makersOf } from '../../stdlib/components.ts';
import { compiled, recorded } from './deploy.ts';
import { optionsFor } from './simulated.ts';

export type Exploring = Partial<ExploreOptions & WorldOptions> & {
  /** How often each entry is called. Default: twice. */
  readonly calls?: number;
  /** Of a session, how many at most. */
  readonly flows?: number;
  readonly values?: PeerValues;
  readonly components?: (peer: string) => Components;
};

export async function explored(
  source: Module,
  topology: Topology,
  { calls = 2, flows, values = {}, components = () => ({}), ...rest }: Exploring = {},
): Promise<Explored> {
  const loaded = deploymentInMemory(compiled(recorded(source), topology));
  const base = optionsFor(loaded, topology);
  const peers = base.peers.map((one) => ({
    ...one,
    components: { ...makersOf(one.bundle.manifest.slots), ...components(one.id) },
  }));
  const world = { ...base, peers, durable: rest.restart === 'restored' };
  const workers = await prepareWorkers(world);
  const make = attempts({ world, workers, values, calls, flows });
  return explore({ make, crashes: 0, restart: 'fresh', maxRuns: 5000, ...rest });
}
