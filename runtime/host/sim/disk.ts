// What outlives a crash of a durable node: its last snapshot, and the records since.

import { type DurableNode, decodeEntry, type Progress, recovered } from '../../durable.ts';
import type { NodeEvent } from '../../io.ts';
import { Node, type NodeOptions } from '../../node.ts';
import { restoreNode, snapshotOf } from '../../snapshot/index.ts';

export class Disk {
  snapshot: { readonly node: Uint8Array; readonly from: Progress; readonly told: number } | undefined;
  records: Uint8Array[] = [];
  readonly #most: number;
  /** Events that the node has told in its life. */
  #told = 0;
  /** Of these, those that it tells again: it was back before the next record said that they had been told. */
  #again = 0;

  /** After `most` records a snapshot takes their place. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  keep(bytes: Uint8Array, record: number, durable: DurableNode<Node>): void {
    this.records.push(bytes);
    // Only where no record is on its way that the snapshot would already have.
    if (this.records.length < this.#most || durable.progress.record !== record) return;
    this.snapshot = { node: snapshotOf(durable.node), from: durable.progress, told: this.#told };
    this.records = [];
    durable.snapshotTaken();
  }

  revive(options: NodeOptions): DurableNode<Node> {
    const { snapshot, records } = this;
    const node = snapshot === undefined ? new Node(options) : restoreNode(options, snapshot.node);
    let told = snapshot?.told ?? 0;
    const durable = recovered(
      node,
      records.map((bytes) => decodeEntry(bytes)),
      snapshot?.from,
      (output) => {
        if (output.type === 'event' && isTold(output.event)) told++;
      },
    );
    this.#again = this.#told - told;
    return durable;
  }

  /** Whether what the node tells now was not told before a crash. */
  isNews(event: NodeEvent): boolean {
    if (!isTold(event)) return true;
    if (this.#again === 0) {
      this.#told++;
      return true;
    }
    this.#again--;
    return false;
  }
}

/** What it wants it asks for, again where it has to. */
const isTold = ({ kind }: NodeEvent): boolean => kind !== 'input-wanted';
