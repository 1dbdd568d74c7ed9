// Gossip overlays in simulated worlds: hundreds of nodes that do nothing else, and what their views are as a graph.

import { cohort, entry, module, output, peerSelector } from '../../dsl/index.ts';
import type { DataValue } from '../../ir/index.ts';
import { keyOf } from '../../ir/philox.ts';
import { Chance } from '../../runtime/host/sim/chance.ts';
import type { SimPeer, World, WorldOptions } from '../../runtime/host/sim/index.ts';
import type { ComponentContext } from '../../runtime/index.ts';
import type { PeerView } from '../../stdlib/selectors/index.ts';
import { simulatedWorld, topologyIn } from './simulated.ts';

const peers = cohort('peer');
const picking = module('picking', () => {
  const near = peerSelector('near', { at: peers.me });
  entry('pick', peers, () => {
    output('picked', near.select(3, { class: 'peer' }));
  });
});

export interface OverlayWorld {
  readonly world: World;
  readonly views: () => ReadonlyMap<string, readonly string[]>;
  /** An update, as a program would make it; of those that send nothing. */
  readonly tell: (peer: string, method: string, value: DataValue) => void;
  readonly alive: () => readonly SimPeer[];
  /** Lets virtual time pass, in s. */
  readonly run: (untilS: number) => Promise<void>;
  /** So many of those that are there, drawn, are gone at once; gives them. */
  readonly crash: (share: number) => readonly string[];
}

export async function overlayWorld(
  count: number,
  make: (peer: string) => PeerView,
  options: Partial<WorldOptions> & { readonly loss?: number } = {},
): Promise<OverlayWorld> {
  const { loss = 0, ...own } = options;
  const topology = topologyIn({
    classes: { peer: { count } },
    links: [{ between: ['peer', 'peer'], latency: '20ms', loss }],
  });
  const made = new Map<string, PeerView>();
  const near = (peer: string) => () => {
    const one = make(peer);
    made.set(peer, one);
    return one;
  };
  const { world } = await simulatedWorld(picking, topology, own, (peer) => ({ near: near(peer) }));
  const chance = new Chance(keyOf(own.seed ?? 1n)).for('crashes');
  const alive = (): readonly SimPeer[] => [...world.peers.values()].filter(({ node }) => node !== undefined);
  return {
    world,
    alive,
    views: () => new Map(alive().map(({ id }) => [id, made.get(id)!.view])),
    tell: (peer, method, value) => update(made.get(peer)!, peer, method, value, [...world.peers.keys()]),
    async run(untilS) {
      while ((world.next ?? Number.POSITIVE_INFINITY) <= untilS * 1e9) await world.step();
    },
    crash(share) {
      const left = [...alive()];
      const gone = Array.from({ length: Math.round(left.length * share) }, () => {
        const [one] = left.splice(chance.below(left.length), 1);
        world.stop(one!);
        return one!.id;
      });
      return gone;
    },
  };
}

export function update(
  one: PeerView,
  peer: string,
  method: string,
  value: DataValue,
  members: readonly string[] = [],
): void {
  const call = {
    role: 'protocol',
    method,
    kind: 'update',
    options: {},
    inputs: [value],
    results: [],
  } as const;
  one.call(call, { peer, now: 0, members: () => members } as unknown as ComponentContext);
}

type Views = ReadonlyMap<string, readonly string[]>;

/** How many are reached from the first, over views in both directions: of a graph that is connected, all. */
export function reached(views: Views): number {
  const both = new Map([...views].map(([peer, view]) => [peer, new Set(view)]));
  for (const [peer, view] of views) for (const one of view) both.get(one)?.add(peer);
  const [first] = views.keys();
  const found = new Set(first === undefined ? [] : [first]);
  for (const one of found) for (const other of both.get(one)!) if (both.has(other)) found.add(other);
  return found.size;
}

/** By peer: in how many views it is. */
export function inDegrees(views: Views): readonly number[] {
  const counts = new Map([...views.keys()].map((peer) => [peer, 0]));
  for (const view of views.values())
    for (const one of view) if (counts.has(one)) counts.set(one, counts.get(one)! + 1);
  return [...counts.values()];
}

export const meanOf = (numbers: readonly number[]): number =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
export const deviationOf = (numbers: readonly number[]): number => {
  const mean = meanOf(numbers);
  return Math.sqrt(meanOf(numbers.map((one) => (one - mean) ** 2)));
};

/** Entries of views that are of nobody who is there. */
export const dead = (views: Views): number =>
  [...views.values()].flat().filter((one) => !views.has(one)).length;
