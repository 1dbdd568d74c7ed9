// No acknowledged state is lost: what a node had committed when a record was kept, it has again after a crash.

import { encodeRecord } from '../../journal/codec.ts';
import { Violation } from './checkers.ts';
import { Digest } from './digest.ts';
import type { Observer, SimPeer, World } from './world.ts';

interface Account {
  /** What began anew owes nothing of what it was before. */
  readonly incarnation: number;
  /** State after each record that was taken in and is not older than the last one kept. */
  readonly states: Map<number, string>;
  /** The last record that others may have seen the effects of. */
  kept: number;
  /** By key: the value, and its digest. */
  readonly digests: Map<string, { readonly value: object; readonly digest: string }>;
}

export class Durability implements Observer {
  readonly #world: World;
  readonly #accounts = new Map<SimPeer, Account>();

  constructor(world: World) {
    this.#world = world;
  }

  persisting(peer: SimPeer, record: number): void {
    const account = this.#accountOf(peer);
    account.states.set(record, stateOf(peer, account));
  }

  kept(peer: SimPeer, record: number): void {
    const account = this.#accountOf(peer);
    account.kept = record;
    for (const older of account.states.keys()) {
      if (older >= record) break;
      account.states.delete(older);
    }
  }

  recovered(peer: SimPeer): void {
    const account = this.#accountOf(peer);
    if (account.kept === 0) return;
    account.digests.clear();
    const [wanted, found] = [account.states.get(account.kept), stateOf(peer, account)];

    if (wanted !== found)
      throw new Violation(
        'acknowledged state',
        `${peer.id} came back from its disk with a state that is not the one of its record ${account.kept}`,
        this.#world,
        peer.id,
      );
    account.states.clear();
    account.states.set(account.kept, found);
  }

  #accountOf(peer: SimPeer): Account {
    let account = this.#accounts.get(peer);
    if (account?.incarnation !== peer.incarnation) {
      account = { incarnation: peer.incarnation, states: new Map(), kept: 0, digests: new Map() };
      this.#accounts.set(peer, account);
    }
    return account;
  }
}

/** A digest of all that is committed. */
function stateOf({ node }: SimPeer, { digests }: Account): string {
  const all = new Digest();
  for (const [key, value] of [...(node?.state ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let known = digests.get(key);
    if (known?.value !== value) {
      known = { value, digest: new Digest().add(encodeRecord(value)).text };
      digests.set(key, known);
    }
    all.add(encodeRecord([key, known!.digest]));
  }
  return all.text;
}
