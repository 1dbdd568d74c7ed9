// What outlives a crash of a durable node: its last snapshot, and the records since.

import { type DurableNode, decodeEntry, type Progress, recovered } from '../../durable.ts';
import { Node, type NodeOptions } from '../../node.ts';
import { restoreNode, snapshotOf } from '../../snapshot/index.ts';

export class Disk {
  snapshot: { readonly node: Uint8Array; readonly from: Progress } | undefined;
  records: Uint8Array[] = [];
  readonly #most: number;

  /** After `most` records a snapshot takes their place. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  keep(bytes: Uint8Array, record: number, durable: DurableNode<Node>): void {
    this.records.push(bytes);
    // Only where no record is on its way that the snapshot would already have.
    if (this.records.length < this.#most || durable.progress.record !== record) return;
    this.snapshot = { node: snapshotOf(durable.node), from: durable.progress };
    this.records = [];
    durable.snapshotTaken();
  }

  revive(options: NodeOptions): DurableNode<Node> {
    const { snapshot, records } = this;
    const node = snapshot === undefined ? new Node(options) : restoreNode(options, snapshot.node);
    return recovered(
      node,
      records.map((bytes) => decodeEntry(bytes)),
      snapshot?.from,
    );
  }
}
