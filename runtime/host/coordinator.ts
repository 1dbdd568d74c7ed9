// A deployment whose peers run elsewhere, each behind a host of its own that tells what happens there: other processes
// on this machine, or other threads.

import type { FlowId } from '../flow-id.ts';
import { type Clock, systemClock } from './clock.ts';
import { FlowBook, type InvokeOptions } from './flow-book.ts';
import {
  type FlowRecord,
  type FlowResult,
  isOpenAt,
  isToCome,
  type Member,
  type PeerValues,
} from './flow-result.ts';
import type { DataValues } from './hand-over.ts';
import type { Deployment } from './inproc.ts';
import type { WaitReport } from './observe/waiting.ts';
import type { Overhead } from './overhead.ts';
import type { Continuation, PeerEvent } from './peer-host.ts';
import { checkStates, type PeerStates } from './states.ts';

/** A peer's host, as far as it can be told what to do. */
export interface RemotePeer extends Member {
  invoke(entry: string, values: DataValues, request: number, continuation: Continuation): void;
  /** Its triggers count from now on. */
  begin(): void;
  state(): Promise<DataValues>;
  overhead(): Promise<Overhead>;
  waiting(): Promise<readonly WaitReport[]>;
  /** Resolves when it has them: what another peer sends it then comes later. */
  restore(state: DataValues): Promise<void>;
  supply(flow: FlowId, values: DataValues): void;
  /** Gives up another peer at once. */
  lose(peer: string): void;
  close(): Promise<void>;
}

export class Coordinator implements Deployment {
  readonly #peers: ReadonlyMap<string, RemotePeer>;
  readonly #clock: Clock;
  readonly #book: FlowBook;
  readonly #gone = new Set<string>();
  /** Beyond it, nobody waits for anything any more. */
  readonly #longestNs: number;
  readonly #patience = new Map<FlowRecord, () => void>();

  constructor(peers: readonly RemotePeer[], clock: Clock = systemClock) {
    this.#peers = new Map(peers.map((peer) => [peer.id, peer]));
    this.#clock = clock;
    this.#book = new FlowBook(peers, (peer, flow, values) => this.#peers.get(peer)?.supply(flow, values));
    const edges = peers.flatMap(({ manifest }) => manifest.edgesIn);
    this.#longestNs = Math.max(0, ...edges.map(({ deadlineNs }) => deadlineNs));
  }

  async invoke(values: PeerValues, options: InvokeOptions = {}): Promise<FlowResult> {
    const start = this.#book.open(values, options);
    for (const peer of start.peers) {
      if (this.#gone.has(peer)) this.#book.refuse(peer, `${peer} is gone`);
      else this.#peers.get(peer)!.invoke(start.entry, start.inputs.get(peer)!, start.request, start);
    }
    return start.result;
  }

  arm(values: PeerValues, onFlow: (result: FlowResult) => void): void {
    this.#book.watch(values, onFlow);
    for (const peer of this.#peers.values()) peer.begin();
  }

  serve(enough: () => boolean): Promise<void> {
    return this.#book.until(enough);
  }

  async state(): Promise<PeerStates> {
    const states = [...this.#peers.values()].map(async (peer) => [peer.id, await peer.state()] as const);
    return Object.fromEntries(await Promise.all(states));
  }

  async overhead(): Promise<Readonly<Record<string, Overhead>>> {
    const asked = [...this.#peers.values()].filter(({ id }) => !this.#gone.has(id));
    const told = await Promise.allSettled(
      asked.map(async (peer) => [peer.id, await peer.overhead()] as const),
    );
    return Object.fromEntries(told.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
  }

  async waiting(): Promise<readonly WaitReport[]> {
    const asked = [...this.#peers.values()].filter(({ id }) => !this.#gone.has(id));
    const told = await Promise.allSettled(asked.map((peer) => peer.waiting()));
    return told.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  }

  async restore(states: PeerStates): Promise<void> {
    checkStates([...this.#peers.values()], states);
    const restored = Object.entries(states).map(([id, state]) => this.#peers.get(id)!.restore(state));
    await Promise.all(restored);
  }

  /** Takes in what a peer's host tells. */
  note(peer: string, event: PeerEvent): void {
    switch (event.kind) {
      case 'flow-account':
      case 'flow-started':
      case 'flow-refused':
      case 'input-wanted':
      case 'output':
      case 'suspect':
      case 'not-finite':
      case 'quorum-missed':
      case 'late-answer':
      case 'session-paused':
      case 'flow-ended': {
        const ended = this.#book.note(peer, event);
        if (ended !== undefined) this.#closeIfOver(ended);
      }
    }
  }

  /** A peer's host has ended: nobody shall wait for it. */
  gone(peer: string): void {
    if (this.#gone.has(peer)) return;
    this.#gone.add(peer);
    for (const one of this.#peers.values()) if (!this.#gone.has(one.id)) one.lose(peer);
    this.#book.refuse(peer, `${peer} is gone`);
    for (const record of this.#book.running) this.#closeIfOver(record);
  }

  async close(): Promise<void> {
    for (const record of this.#book.running) this.#close(record);
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()));
  }

  /** A flow is over when it has ended wherever values may come to. */
  #closeIfOver(record: FlowRecord): void {
    const peers = [...this.#peers.values()].filter(({ id }) => !this.#gone.has(id));
    if (peers.some(({ id }) => isOpenAt(record, id))) return;
    if (!peers.some((peer) => isToCome(record, peer, peers))) return this.#close(record);
    // Somebody may never hear of it, since what would have told him was lost. All others wait no longer than this.
    if (this.#patience.has(record)) return;
    const until = this.#clock.now() + this.#longestNs;
    this.#patience.set(
      record,
      this.#clock.wake(until, () => this.#close(record)),
    );
  }

  #close(record: FlowRecord): void {
    this.#patience.get(record)?.();
    this.#patience.delete(record);
    this.#book.close(record);
  }
}
