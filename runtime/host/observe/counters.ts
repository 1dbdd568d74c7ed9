// What a peer has done, in numbers that only grow: bounded, and as cheap as additions.

import type { DropReason, EvictionTable } from '../../io.ts';
import type { PeerEvent } from '../peer-host.ts';

export type FlowStatus = Extract<PeerEvent, { kind: 'flow-ended' }>['status'];

/** Of the node: why something that came was not taken. Of the host: `full`, too much waited for a peer already. */
export type DropKind = DropReason | 'full';

const dropKinds: Readonly<Record<DropKind, 0>> = {
  malformed: 0,
  version: 0,
  deployment: 0,
  type: 0,
  sender: 0,
  binding: 0,
  duplicate: 0,
  late: 0,
  limit: 0,
  unsent: 0,
  unvouched: 0,
  unsupported: 0,
  full: 0,
};

export class Counters {
  framesIn = 0;
  bytesIn = 0;
  framesOut = 0;
  bytesOut = 0;
  readonly drops: Record<DropKind, number> = { ...dropKinds };
  flowsStarted = 0;
  flowsRefused = 0;
  readonly flows: Record<FlowStatus, number> = { complete: 0, partial: 0, failed: 0 };
  /** Values that went missing in flows, declined ones not counted. */
  missing = 0;
  work = 0;
  workFailed = 0;
  workNs = 0;
  /** Plain ONNX ops. */
  ops = 0;
  lateDropped = 0;
  lateKept = 0;
  quorumsMissed = 0;
  /** Entries that had to go, by table. */
  readonly evicted: Record<EvictionTable, number> = {
    late: 0,
    kept: 0,
    state: 0,
    aborted: 0,
    gaps: 0,
  };
  disconnections = 0;
  peersLost = 0;

  received(bytes: number): void {
    this.framesIn++;
    this.bytesIn += bytes;
  }

  sent(bytes: number): void {
    this.framesOut++;
    this.bytesOut += bytes;
  }

  worked(ns: number, failed: boolean): void {
    this.work++;
    this.workNs += ns;
    if (failed) this.workFailed++;
  }

  note(event: PeerEvent): void {
    switch (event.kind) {
      case 'flow-started':
        this.flowsStarted++;
        return;
      case 'flow-refused':
        this.flowsRefused++;
        return;
      case 'flow-ended':
        this.flows[event.status]++;
        this.missing += event.causes.length;
        this.ops += event.ops;
        return;
      case 'dropped':
        // Those that were not reported had reasons of their own, which nobody kept.
        this.drops[event.reason] += 1 + event.unreported;
        return;
      case 'frame-dropped':
        this.drops.full++;
        return;
      case 'late-answer':
        if (event.kept) this.lateKept++;
        else this.lateDropped++;
        return;
      case 'quorum-missed':
        this.quorumsMissed++;
        return;
      case 'evicted':
        this.evicted[event.table] += event.count;
        return;
      case 'disconnected':
        this.disconnections++;
        return;
      case 'peer-lost':
        this.peersLost++;
    }
  }
}
