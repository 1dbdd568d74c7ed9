// The real split-learning example in simulated worlds that are alike, but that in each a peer is killed at another call of
// its node: it comes back from what its disk has.

import { createHash } from 'node:crypto';
import { openContext } from '../../cli/context.ts';
import { inputsFor } from '../../cli/run/inputs.ts';
import { onStage } from '../../cli/sim/simulate.ts';
import { digestOf } from '../../runtime/host/sim/digest.ts';
import { Durability, type SimPeer, World, type WorldOptions } from '../../runtime/host/sim/index.ts';
import { adaptive } from '../../runtime/index.ts';
import { encodeRecord } from '../../runtime/journal/index.ts';

const silent = { write: () => true };
/** How long a peer is away. */
const AWAY_NS = 50e6;
/** Its last snapshot is so many records old at most. */
const SNAPSHOT_RECORDS = 10;

export interface Continuation {
  /** Hashes of all that peers have learnt, by peer and key. */
  readonly parameters: string;
  /** Calls of nodes after which a peer can be killed. */
  readonly boundaries: number;
  readonly snapshots: number;
  /** Frames sent again. */
  readonly resent: number;
}

export interface Course {
  /** `killAt`: the boundary after whose call the peer that was called is killed. */
  run(killAt?: number): Promise<Continuation>;
}

/** So many steps of the example; segments are computed once for the same inputs. */
export async function withExample<T>(steps: number, work: (course: Course) => Promise<T>): Promise<T> {
  const source = 'examples/07-split-learning/model.ts';
  const peers = 'examples/07-split-learning/topology.json';
  const settings = { source, peers, flows: steps, seed: 1, compute: 'executed' } as const;
  const cx = openContext({ stdout: silent, stderr: silent, env: {} }, false);
  return onStage(
    cx,
    settings,
    false,
    ({ plan }) => inputsFor(plan, {}),
    ({ options, workers }) => {
      for (const one of new Set(workers)) one.remember((inputs) => digestOf(encodeRecord(inputs)));
      const world: WorldOptions = {
        ...options,
        network: adaptive(),
        durable: true,
        snapshotRecords: SNAPSHOT_RECORDS,
      };
      return work({
        run: async (killAt) => new Killing(await World.create(world, workers), steps, killAt).run(),
      });
    },
  );
}

class Killing {
  readonly #world: World;
  readonly #killAt: number;
  readonly #invoke;
  #boundaries = 0;
  readonly #snapshots = new Set<object>();

  constructor(world: World, steps: number, killAt = Number.POSITIVE_INFINITY) {
    this.#world = world;
    this.#killAt = killAt;
    this.#invoke = { type: 'invoke', entry: 'step', values: {}, flows: steps } as const;
    const boundary = (peer: SimPeer): void => this.#boundary(peer);
    world.observers.push(new Durability(world), {
      output: boundary,
      persisting: boundary,
      kept: boundary,
      settled: (event) => {
        if (event.kind !== 'act' && event.peer.node !== undefined) boundary(event.peer);
      },
    });
  }

  async run(): Promise<Continuation> {
    const world = this.#world;
    world.give(world.peers.get('client')!, this.#invoke);
    while (await world.step());
    const peers = [...world.peers.values()];
    const parameters = peers.flatMap(({ id, node }) =>
      [...node!.state].map(([key, value]) => `${id} ${JSON.stringify(key)} ${hashOf(value)}`),
    );
    return {
      parameters: parameters.sort().join('\n'),
      boundaries: this.#boundaries,
      snapshots: this.#snapshots.size,
      resent: peers.reduce((sum, { node }) => sum + node!.network!.resent, 0),
    };
  }

  #boundary(peer: SimPeer): void {
    const { disk } = peer;
    if (disk?.snapshot !== undefined) this.#snapshots.add(disk.snapshot);
    if (this.#boundaries++ !== this.#killAt) return;
    const world = this.#world;
    world.stop(peer);
    world.plan(world.now + AWAY_NS, `${peer.id} is back`, () => {
      world.recover(peer);
      // Who called and hears nothing calls again.
      if (peer.id === 'client' && disk!.snapshot === undefined && disk!.records.length === 0)
        world.give(peer, this.#invoke);
    });
  }
}

const hashOf = (value: object): string => createHash('sha256').update(encodeRecord(value)).digest('hex');
