// What the flows of a world wait for.

import type { SimPeer, World } from './world.ts';

/** `phone/3: flow server:1:4, open for 12.5 s`, the longest first. */
export function waitsOf(world: World, most = 10): readonly string[] {
  const open = [...world.peers.values()].flatMap((peer) =>
    [...peer.open].map(([flow, since]) => ({ peer, flow, since })),
  );
  open.sort((a, b) => a.since - b.since);
  const shown = open.slice(0, most).map((one) => waitText(one.peer, one.flow, world.now - one.since));
  return open.length > most ? [...shown, `${open.length - most} more`] : shown;
}

const waitText = ({ id }: SimPeer, flow: string, ageNs: number): string =>
  `${id}: flow ${flow}, open for ${ageNs / 1e9} s`;
