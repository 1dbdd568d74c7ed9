// Keeps a peer in memory only, for a host that moves it: between any two calls of its node it is bytes, from which another
// host goes on, in this process or another one, over whatever transport.

import { DurableNode, type Progress } from '../../durable.ts';
import { JournalError } from '../../journal/index.ts';
import { Node, type NodeOptions } from '../../node.ts';
import { restoreNode, snapshotOf } from '../../snapshot/index.ts';
import { Calls } from '../calls.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Durability } from '../driver.ts';
import {
  clockFrom,
  decodePeerSnapshot,
  encodePeerSnapshot,
  notRevived,
  type PeerSnapshot,
} from './peer-snapshot.ts';

export class Movable implements Durability {
  readonly calls = new Calls();
  readonly clock: Clock;
  readonly incarnation: number;
  readonly #from: PeerSnapshot | undefined;
  #durable: DurableNode<Node> | undefined;

  /** A peer that begins. `incarnation`: higher than at any earlier beginning of it. */
  static begin(incarnation = 1, clock: Clock = systemClock): Movable {
    return new Movable(incarnation, clock);
  }

  /** One that goes on. Throws DiagnosticError BB862, and BB864 where the bytes are of another version. */
  static from(bytes: Uint8Array, clock: Clock = systemClock): Movable {
    try {
      const snapshot = decodePeerSnapshot(bytes);
      return new Movable(snapshot.of.incarnation, clockFrom(snapshot.now, clock), snapshot);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      throw notRevived(error);
    }
  }

  private constructor(incarnation: number, clock: Clock, from?: PeerSnapshot) {
    this.incarnation = incarnation;
    this.clock = clock;
    this.#from = from;
    if (from !== undefined) this.calls.load(from.calls);
  }

  revive(options: NodeOptions): DurableNode<Node> {
    const own = { ...options, durable: true };
    try {
      if (this.#from === undefined) this.#durable = new DurableNode(new Node(own));
      else {
        const node = restoreNode(own, this.#from.node);
        this.#durable = new DurableNode(node, this.#from, node.askedOfHost);
      }
      return this.#durable;
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      throw notRevived(error);
    }
  }

  keep(_record: number, _bytes: Uint8Array, kept: () => void): void {
    kept();
  }

  /** The peer as it is. Whoever goes on with it must be the only one. */
  snapshot(): Uint8Array {
    return peerSnapshotOf(this.#durable!, this.calls);
  }
}

/** Of a durable node, between its calls; its next record's polls count from here. */
export function peerSnapshotOf(durable: DurableNode<Node>, calls: Calls): Uint8Array {
  const { record, now }: Progress = durable.progress;
  const bytes = encodePeerSnapshot({ record, now, calls: calls.save(), node: snapshotOf(durable.node) });
  durable.snapshotTaken();
  return bytes;
}
