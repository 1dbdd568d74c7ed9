// Peers whose frames are not what their nodes sent: with a byte changed, followed by an old one, or not sent at all.

import type { Chance } from './chance.ts';
import type { Lies } from './faults.ts';
import type { SimPeer, World } from './world.ts';

/** Old frames that a liar remembers for each receiver. */
const REMEMBERED = 8;

export class Liars {
  readonly #chance: Chance;
  readonly #lies = new Map<SimPeer, Lies>();
  readonly #old = new Map<string, Uint8Array[]>();

  constructor(world: World) {
    this.#chance = world.chance.for('lies');
    world.tamper = (from, to, bytes) => this.#tamper(from, to, bytes);
  }

  begin(peer: SimPeer, lies: Lies): void {
    this.#lies.set(peer, lies);
    peer.proven = lies.unproven !== true;
  }

  end(peer: SimPeer): void {
    this.#lies.delete(peer);
    peer.proven = true;
  }

  /** What leaves in a frame's place. */
  #tamper(from: SimPeer, to: SimPeer, bytes: Uint8Array): readonly Uint8Array[] {
    const lies = this.#lies.get(from);
    if (lies === undefined) return [bytes];
    const chance = this.#chance;
    if (chance.happens(lies.withhold ?? 0)) return [];
    const frames = [bytes];
    if (lies.replay !== undefined) {
      const key = `${from.id}\n${to.id}`;
      const old = this.#old.get(key) ?? [];
      this.#old.set(key, old);
      if (old.length > 0 && chance.happens(lies.replay)) frames.push(old[chance.below(old.length)]!.slice());
      old.push(bytes.slice());
      if (old.length > REMEMBERED) old.shift();
    }
    if (bytes.length > 0 && chance.happens(lies.corrupt ?? 0))
      bytes[chance.below(bytes.length)]! ^= 1 + chance.below(255);
    return frames;
  }
}
