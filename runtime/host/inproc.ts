// The in-process host: every peer of a deployment in this process, each a node of its own, with nothing
// between them but encoded frames. A frame is copied once, into a pooled buffer, on its way.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { Tensor } from '../../ir/types.ts';
import type { Backend, LoadedSegment } from '../backend.ts';
import type { LoadedBundle } from '../bundle.ts';
import { flowKey, type InitiatedFlowId } from '../flow-id.ts';
import type { Program } from '../instruction.ts';
import type { NodeEvent, Output } from '../io.ts';
import type { Limits } from '../limits.ts';
import { Node } from '../node.ts';
import { decodeProgram } from '../program.ts';
import { segmentModels } from '../segment-model.ts';
import { joinPieces, pieceBytes } from '../wire/frame.ts';
import { BufferPool } from './buffer-pool.ts';
import { type Clock, systemClock } from './clock.ts';
import {
  type FlowRecord,
  type FlowResult,
  openRecord,
  type PeerValues,
  resultOf,
  valuesFor,
} from './flow-result.ts';

export interface DeploymentOptions {
  /** Peers may share a bundle object; it is decoded once. */
  readonly peers: readonly { readonly id: string; readonly bundle: LoadedBundle }[];
  readonly backend: Backend;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  readonly onEvent?: (peer: string, event: NodeEvent) => void;
}

export interface InvokeOptions {
  /** Where the flow starts; by default at the first peer of the entry's class. */
  readonly peer?: string;
  /** By default `main`. */
  readonly entry?: string;
  /** The values' buffers are given away. */
  readonly owned?: boolean;
}

export interface Deployment {
  /**
   * Starts a flow and resolves when it has ended on every peer. Values that are missing are part of the
   * result, not errors. Rejects with DiagnosticError: BB701 for an unknown peer or entry, BB702 for
   * inputs that are not there or do not fit, BB704 where too many flows are open.
   */
  invoke(values: PeerValues, options?: InvokeOptions): Promise<FlowResult>;
  /** Frees segments; the backend stays the caller's. Open flows are cancelled. */
  close(): Promise<void>;
}

/** Free frame buffers kept for reuse. */
const POOL_BYTES = 256 * 2 ** 20;

interface Peer {
  readonly id: string;
  readonly program: Program;
  readonly node: Node;
  readonly segments: ReadonlyMap<string, LoadedSegment>;
  stopTimer: (() => void) | undefined;
  wakeAt: number | undefined;
}

/** Loads every segment and starts a node per peer. Rejects with DiagnosticError BB622 or BB703. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const programs = new Map<LoadedBundle, Program>();
  const peers: Peer[] = [];
  try {
    for (const [lane, { id, bundle }] of options.peers.entries()) {
      const program = programs.get(bundle) ?? decodeProgram(bundle);
      programs.set(bundle, program);
      const segments = await loadSegments(id, bundle, options.backend, lane);
      const limits = options.limits === undefined ? {} : { limits: options.limits };
      const node = new Node({ program, peer: id, incarnation: 1, ...limits });
      peers.push({ id, program, node, segments, stopTimer: undefined, wakeAt: undefined });
    }
  } catch (error) {
    await releaseSegments(peers);
    throw error;
  }
  return new InProcess(peers, options);
}

async function loadSegments(
  peer: string,
  bundle: LoadedBundle,
  backend: Backend,
  lane: number,
): Promise<ReadonlyMap<string, LoadedSegment>> {
  const loaded = new Map<string, LoadedSegment>();
  for (const [name, model] of segmentModels(bundle)) {
    try {
      loaded.set(name, await backend.load(model, { lane }));
    } catch (error) {
      await Promise.allSettled([...loaded.values()].map((segment) => segment.release()));
      if (error instanceof DiagnosticError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new DiagnosticError(diagnostic('BB703', { peer, segment: name, reason }));
    }
  }
  return loaded;
}

const releaseSegments = (peers: readonly Peer[]): Promise<unknown> =>
  Promise.allSettled(peers.flatMap(({ segments }) => [...segments.values()].map((one) => one.release())));

interface Parcel {
  readonly from: string;
  readonly to: Peer;
  readonly bytes: Uint8Array;
}

class InProcess implements Deployment {
  readonly #peers: readonly Peer[];
  readonly #byId: ReadonlyMap<string, Peer>;
  readonly #clock: Clock;
  readonly #onEvent: (peer: string, event: NodeEvent) => void;
  readonly #pool = new BufferPool(POOL_BYTES);
  readonly #records = new Map<string, FlowRecord>();
  readonly #requests = new Map<number, FlowRecord>();
  /** Flows that have ended on some peer since mail was last empty. */
  readonly #ending = new Set<FlowRecord>();
  #mail: Parcel[] = [];
  #nextRequest = 1;
  #pumping = false;
  #closed = false;

  constructor(peers: readonly Peer[], { clock, onEvent }: DeploymentOptions) {
    this.#peers = peers;
    this.#byId = new Map(peers.map((peer) => [peer.id, peer]));
    this.#clock = clock ?? systemClock;
    this.#onEvent = onEvent ?? (() => {});
  }

  async invoke(values: PeerValues, options: InvokeOptions = {}): Promise<FlowResult> {
    const entry = options.entry ?? 'main';
    const starter = this.#starter(entry, options.peer);
    const own = this.#peers.map((peer) => valuesFor(peer, values));
    const request = this.#nextRequest++;
    return new Promise((resolve, reject) => {
      const owned = options.owned === true;
      const inputs = new Map(this.#peers.map((peer, index) => [peer.id, own[index]!]));
      this.#requests.set(request, openRecord(inputs, owned, resolve, reject));
      const given = this.#handOver(inputs.get(starter.id)!, owned);
      starter.node.handle(this.#clock.now(), { type: 'invoke', entry, values: given, request, owned: true });
      this.#pump(starter);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const peer of this.#peers) {
      peer.node.handle(this.#clock.now(), { type: 'shutdown' });
      this.#pump(peer);
      peer.stopTimer?.();
    }
    await releaseSegments(this.#peers);
  }

  #starter(entry: string, peer: string | undefined): Peer {
    const starts = (one: Peer): boolean => {
      const { entries, class: own } = one.program.manifest;
      return entries.some((known) => known.name === entry && known.class === own);
    };
    const found = this.#peers.find((one) => (peer === undefined || one.id === peer) && starts(one));
    if (found !== undefined && !this.#closed) return found;
    const known = this.#peers.flatMap((one) =>
      one.program.manifest.entries.map(({ name }) => `${name} at ${one.id}`),
    );
    const wanted = peer === undefined ? entry : `${entry} at ${peer}`;
    throw new DiagnosticError(diagnostic('BB701', { entry: wanted, known: [...new Set(known)] }));
  }

  /** Does what one node asks for, then delivers mail, until nobody has anything left to do at once. */
  #pump(first: Peer): void {
    this.#drain(first);
    if (this.#pumping) return;
    this.#pumping = true;
    for (let at = 0; at < this.#mail.length; at++) {
      const { from, to, bytes } = this.#mail[at]!;
      to.node.handle(this.#clock.now(), { type: 'frame', from, bytes, owned: true });
      this.#drain(to);
    }
    this.#mail = [];
    this.#pumping = false;
    this.#resolve();
  }

  #drain(peer: Peer): void {
    for (;;) {
      const output = peer.node.poll(this.#clock.now());
      if (output.type === 'idle') return this.#sleep(peer, output.until);
      this.#act(peer, output);
    }
  }

  #act(peer: Peer, output: Exclude<Output, { type: 'idle' }>): void {
    switch (output.type) {
      case 'send':
        return this.#send(peer, output);
      case 'work':
        return void this.#work(peer, output);
      case 'release':
        return this.#pool.give(output.buffer);
      case 'event':
        this.#note(peer, output.event);
        this.#tell(peer.id, output.event);
    }
  }

  /** An observer's exception is its own: it surfaces as uncaught and does not stop the peers. */
  #tell(peer: string, event: NodeEvent): void {
    try {
      this.#onEvent(peer, event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #send(peer: Peer, { to, pieces, flow }: Extract<Output, { type: 'send' }>): void {
    const receiver = this.#byId.get(to);
    if (receiver === undefined) return;
    const total = pieceBytes(pieces);
    const bytes = new Uint8Array(this.#pool.take(total), 0, total);
    joinPieces(pieces, bytes);
    const record = flow && this.#records.get(flowKey(flow));
    if (record !== undefined) {
      record.stats(peer.id).sentBytes += total;
      record.stats(to).receivedBytes += total;
    }
    this.#mail.push({ from: peer.id, to: receiver, bytes });
  }

  async #work(peer: Peer, { work, segment, inputs, transfer, flow }: Extract<Output, { type: 'work' }>) {
    const began = this.#clock.now();
    try {
      const reclaim = (buffer: ArrayBuffer): void => this.#pool.give(buffer);
      const outputs = await peer.segments.get(segment)!.run(inputs, { transfer, reclaim });
      peer.node.handle(this.#clock.now(), { type: 'done', work, outputs });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      peer.node.handle(this.#clock.now(), { type: 'failed', work, message });
    }
    const record = this.#records.get(flowKey(flow));
    if (record !== undefined) record.stats(peer.id).computeMs += (this.#clock.now() - began) / 1e6;
    this.#pump(peer);
  }

  #sleep(peer: Peer, until: number | undefined): void {
    if (until === peer.wakeAt) return;
    peer.stopTimer?.();
    peer.wakeAt = until;
    peer.stopTimer =
      until === undefined
        ? undefined
        : this.#clock.wake(until, () => {
            peer.wakeAt = undefined;
            this.#pump(peer);
          });
  }

  #note(peer: Peer, event: NodeEvent): void {
    if (event.kind === 'flow-refused') {
      const refused = this.#requests.get(event.request ?? 0);
      if (refused === undefined) return;
      this.#requests.delete(event.request!);
      return refused.reject(new DiagnosticError(diagnostic('BB704', { why: event.why })));
    }
    if (!('flow' in event)) return;
    const record = this.#recordOf(event.flow, event.kind === 'flow-started' ? event.request : undefined);
    if (record === undefined) return;
    if (event.kind === 'flow-started') record.open.add(peer.id);
    if (event.kind === 'output') record.addOutput(peer.id, event.name, event.value);
    if (event.kind === 'input-wanted') this.#supply(peer, event.flow, record);
    if (event.kind !== 'flow-ended') return;
    record.open.delete(peer.id);
    record.stats(peer.id).ops += event.ops;
    record.addEnd(peer.id, event.status, event.causes);
    this.#ending.add(record);
  }

  #recordOf(flow: InitiatedFlowId, request: number | undefined): FlowRecord | undefined {
    const key = flowKey(flow);
    const known = this.#records.get(key);
    if (known !== undefined || request === undefined) return known;
    const record = this.#requests.get(request);
    if (record === undefined) return undefined;
    this.#requests.delete(request);
    record.flow = key;
    this.#records.set(key, record);
    return record;
  }

  #supply(peer: Peer, flow: InitiatedFlowId, record: FlowRecord): void {
    const values = this.#handOver(record.inputs.get(peer.id) ?? {}, record.owned);
    peer.node.handle(this.#clock.now(), { type: 'supply', flow, values, owned: true });
  }

  /** Values for a node to own. What the caller keeps is copied into pooled memory: fresh memory costs more. */
  #handOver(values: Readonly<Record<string, Tensor>>, owned: boolean): Readonly<Record<string, Tensor>> {
    if (owned) return values;
    const copy = (tensor: Tensor): Tensor => {
      const bytes = new Uint8Array(this.#pool.take(tensor.bytes.length), 0, tensor.bytes.length);
      bytes.set(tensor.bytes);
      return { ...tensor, bytes };
    };
    return Object.fromEntries(Object.entries(values).map(([name, tensor]) => [name, copy(tensor)]));
  }

  /** With no frame under way, a flow that has ended on every peer that knows it will be opened by no other. */
  #resolve(): void {
    for (const record of this.#ending) {
      if (record.open.size === 0 && this.#records.delete(record.flow)) {
        record.resolve(resultOf(record, this.#peers));
      }
    }
    this.#ending.clear();
  }
}
