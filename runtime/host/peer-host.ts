// The host of one peer: a node, with a transport to the others. It starts no flow before everybody is ready, and gives
// up a peer that stays away.

import type { Manifest } from '../../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { Backend } from '../backend.ts';
import type { LoadedBundle } from '../bundle.ts';
import type { Components } from '../component.ts';
import { type FlowId, flowKey } from '../flow-id.ts';
import type { Program } from '../instruction.ts';
import type { NodeEvent, Output } from '../io.ts';
import type { Limits } from '../limits.ts';
import type { NetworkFactory } from '../net/network.ts';
import { decodeProgram } from '../program.ts';
import { pieceBytes } from '../wire/frame.ts';
import { BufferPool } from './buffer-pool.ts';
import type { Calls } from './calls.ts';
import { type Clock, systemClock } from './clock.ts';
import { checkComponents } from './components.ts';
import { Driver, type DriverOptions, type Durability, POOL_BYTES } from './driver.ts';
import type { Entropy } from './entropy.ts';
import { originOf } from './finite.ts';
import { invocation } from './flow-book.ts';
import type { FlowAccount, Pause } from './flow-result.ts';
import { type DataValues, handOver } from './hand-over.ts';
import { HeldFrames } from './held-frames.ts';
import { Counters } from './observe/counters.ts';
import type { PeerNumbers } from './observe/metrics.ts';
import type { Observer } from './observe/observer.ts';
import type { WaitReport } from './observe/waiting.ts';
import { noOverhead, type Overhead, sumOfOverheads } from './overhead.ts';
import { neighboursOf, type PeerStatus, Readiness, statusOf } from './readiness.ts';
import { loadSegments, releaseSegments, type Segments } from './segments.ts';
import { type SentMessage, sentMessage } from './sent-message.ts';
import type { Transport, TransportEvent, TransportUser } from './transport.ts';

export type PeerEvent =
  | NodeEvent
  | TransportEvent
  | { readonly kind: 'connected'; readonly peer: string }
  | { readonly kind: 'disconnected'; readonly peer: string; readonly why: string }
  /** It said goodbye; `why`: it left because something failed there. */
  | { readonly kind: 'peer-left'; readonly peer: string; readonly why: string | undefined }
  /** It stayed away for so long. */
  | { readonly kind: 'peer-lost'; readonly peer: string; readonly why: string; readonly waitedNs: number }
  | FlowAccount;

export interface PeerHostOptions {
  readonly peer: string;
  readonly bundle: LoadedBundle;
  readonly backend: Backend;
  /** By name; they stay the caller's. */
  readonly components?: Components;
  /** Higher than at any earlier start of this peer. */
  readonly incarnation: number;
  /** What makes it outlive its process; its clock is the peer's. */
  readonly durability?: Durability;
  /** Opens the transport. */
  connect(user: TransportUser, pool: BufferPool): Promise<Transport>;
  /**
   * How long a peer may be away. By default as long as the longest deadline between the two: by then every flow that
   * waits for it has ended.
   */
  readonly giveUpNs?: number;
  readonly clock?: Clock;
  /** Where secrets come from. Default: the platform's generator. */
  readonly entropy?: Entropy;
  readonly limits?: Partial<Limits>;
  /** What its node does about links as they are. */
  readonly network?: NetworkFactory;
  readonly lane?: number;
  /** Told of the time that the node takes. */
  readonly observer?: Observer;
  onEvent(event: PeerEvent, host: PeerHost): void;
}

interface Account {
  /** In which the flow is open. */
  seats: number;
  computeMs: number;
  readonly messages: SentMessage[];
}

/** Rejects with DiagnosticError BB622, BB703, BB837 or BB838, or what opening the transport rejects with. */
export async function startPeer(options: PeerHostOptions): Promise<PeerHost> {
  const program = decodeProgram(options.bundle);
  checkComponents(options.peer, options.bundle, options.components ?? {});
  const segments = await loadSegments(options.peer, options.bundle, options.backend, {
    lane: options.lane ?? 0,
  });
  const host = new PeerHost(options, program, segments);
  try {
    await host.open();
  } catch (error) {
    await host.close();
    throw error;
  }
  return host;
}

/** How a session goes on, and how far. */
export interface Continuation {
  /** How many flows it may have. */
  readonly flows?: number | undefined;
  /** Where it was paused. */
  readonly from?: Pause | undefined;
}

export class PeerHost {
  readonly peer: string;
  readonly manifest: Manifest;
  readonly #options: PeerHostOptions;
  readonly #clock: Clock;
  readonly #pool = new BufferPool(POOL_BYTES);
  readonly #segments: Segments;
  readonly #driver: Driver;
  readonly #readiness: Readiness;
  readonly #neighbours: readonly string[];
  readonly #connected = new Set<string>();
  /** Peers that are away, each with what stops waiting for it. */
  readonly #away = new Map<string, () => void>();
  readonly #accounts = new Map<string, Account>();
  readonly #control = noOverhead();
  readonly #counters = new Counters();
  #transport: Transport | undefined;
  /** Of a peer that comes back; others begin nothing before all are there. */
  readonly #held: HeldFrames | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: PeerHostOptions, program: Program, segments: Segments) {
    const {
      peer,
      bundle,
      components = {},
      incarnation,
      limits,
      entropy,
      durability,
      network,
      clock = durability?.clock ?? systemClock,
    } = options;
    this.peer = peer;
    this.manifest = bundle.manifest;
    if (durability !== undefined) this.#held = new HeldFrames();
    this.#options = options;
    this.#clock = clock;
    this.#segments = segments;
    this.#neighbours = neighboursOf(bundle.manifest, peer);
    const members = new Set(Object.values(bundle.manifest.members).flat());
    // A peer that comes back as the one it was has to say more than it said before.
    const version = durability === undefined ? 1 : Math.ceil(clock.now());
    const status: PeerStatus = { peer, incarnation, version, ready: false, neighbours: this.#neighbours };
    this.#readiness = new Readiness(status, members);
    const origin: DriverOptions['originOf'] = (segment, inputs) =>
      originOf(bundle, options.backend, segment, inputs);
    const node = { peer, program, segments, components, incarnation, durability, network, clock, entropy };
    const own = { ...node, originOf: origin, pool: this.#pool, observer: options.observer };
    this.#driver = new Driver(limits === undefined ? own : { ...own, limits }, {
      send: (frame) => this.#send(frame),
      event: (event) => this.#note(event),
      worked: (flow, ms, failed) => {
        this.#counters.worked(ms * 1e6, failed);
        const account = this.#accounts.get(flowKey(flow));
        if (account !== undefined) account.computeMs += ms;
      },
      settled: () => {},
    });
  }

  /** What has become of the calls of this peer. */
  get calls(): Calls {
    return this.#driver.calls;
  }

  /** Flows that have not ended here. */
  get openFlows(): number {
    return this.#driver.openFlows;
  }

  /** Peers that could take part in a flow and are not ready. */
  get missing(): readonly string[] {
    return this.#readiness.missing;
  }

  async open(): Promise<void> {
    this.#transport = await this.#options.connect(
      {
        connected: (peer) => this.#arrive(peer),
        disconnected: (peer, why) => this.#part(peer, why),
        frame: (from, bytes, vouched) => {
          this.#counters.received(bytes.length);
          this.#driver.handle({ type: 'frame', from, bytes, vouched, owned: true });
        },
        note: (from, note) => this.#hear(from, note),
        event: (event) => this.#tell(event),
      },
      this.#pool,
    );
    this.#driver.start();
    this.#update();
  }

  /** Resolves when everybody is ready. Rejects with DiagnosticError BB764 after `timeoutNs`, naming who is not. */
  async whenReady(timeoutNs: number): Promise<void> {
    if (this.missing.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const stop = this.#clock.wake(this.#clock.now() + timeoutNs, () => {
        // Whoever waits for others is not ready itself, which explains nothing.
        const others = this.missing.filter((one) => one !== this.peer);
        const missing = others.length > 0 ? others : this.missing;
        const [peer, seconds] = [this.peer, timeoutNs / 1e9];
        reject(new DiagnosticError(diagnostic('BB764', { peer, missing, seconds })));
      });
      this.#waiting.push(() => {
        stop();
        resolve();
      });
    });
  }

  /** Starts a flow; `request` comes back in `flow-started` or `flow-refused`. */
  invoke(entry: string, values: DataValues, request: number, { flows, from }: Continuation = {}): void {
    this.#driver.handle(invocation({ entry, request, flows, from }, handOver(values, this.#pool)));
  }

  /** What it sent besides messages of values. */
  get overhead(): Overhead {
    return sumOfOverheads([this.#control, this.#transport?.overhead ?? noOverhead()]);
  }

  /** What its flows wait for. */
  get waiting(): readonly WaitReport[] {
    return this.#driver.waiting;
  }

  /** What it has done, and what it holds. */
  get numbers(): PeerNumbers {
    return {
      peer: this.peer,
      class: this.manifest.class,
      deployment: this.manifest.deployment,
      counters: this.#counters,
      overhead: this.overhead,
      usage: this.#driver.usage,
      network: this.#driver.network,
      connectedPeers: this.#connected.size,
      queued: this.#transport?.queued,
    };
  }

  /** Copies of what is committed, by key of the state variable. */
  get state(): DataValues {
    return this.#driver.state;
  }

  /** Its triggers count from now on. */
  begin(): void {
    this.#driver.handle({ type: 'begin' });
  }

  /** Gives state variables their values, before the first flow. */
  restore(state: DataValues): void {
    this.#driver.handle({ type: 'restore', state });
  }

  /** Inputs that an `input-wanted` event asked for. */
  supply(flow: FlowId, values: DataValues): void {
    this.#driver.handle({ type: 'supply', flow, values: handOver(values, this.#pool), owned: true });
  }

  /** Gives a peer up at once. */
  lose(peer: string): void {
    this.#away.get(peer)?.();
    this.#away.delete(peer);
    this.#transport?.forget(peer);
    this.#driver.handle({ type: 'lost', peer });
  }

  cancelFlows(): void {
    this.#driver.close();
  }

  /** Cancels open flows, says goodbye (`why`: something failed), sends what waits, and closes every connection. */
  async close(why?: string): Promise<void> {
    this.#driver.close();
    for (const stop of this.#away.values()) stop();
    // Who comes back and goes on with what is open is not gone.
    const stays = this.#options.durability !== undefined && this.openFlows > 0;
    for (const peer of stays ? [] : this.#connected)
      this.#transport?.tell(peer, JSON.stringify({ bye: why ?? null }));
    await this.#transport?.close();
    await releaseSegments(this.#segments);
  }

  // --- peers come and go ----------------------------------------------------------------------------

  #arrive(peer: string): void {
    this.#connected.add(peer);
    this.#away.get(peer)?.();
    this.#away.delete(peer);
    this.#transport?.tell(peer, JSON.stringify({ status: this.#readiness.statuses }));
    for (const frame of this.#held?.take(peer) ?? []) this.#transport?.send(peer, [frame]);
    this.#driver.handle({ type: 'found', peer });
    this.#tell({ kind: 'connected', peer });
    this.#update();
  }

  #part(peer: string, why: string): void {
    if (!this.#connected.delete(peer)) return;
    this.#tell({ kind: 'disconnected', peer, why });
    this.#update();
    const waitNs = this.#options.giveUpNs ?? this.#longestDeadline(peer);
    if (waitNs === Number.POSITIVE_INFINITY) return;
    const stop = this.#clock.wake(this.#clock.now() + waitNs, () => {
      this.lose(peer);
      this.#tell({ kind: 'peer-lost', peer, why, waitedNs: waitNs });
    });
    this.#away.set(peer, stop);
  }

  #hear(from: string, note: string): void {
    let fields: { readonly status?: unknown; readonly bye?: unknown };
    try {
      fields = Object(JSON.parse(note));
    } catch {
      return;
    }
    if (Array.isArray(fields.status)) {
      const news = fields.status
        .map(statusOf)
        .filter((one) => one !== undefined && this.#readiness.take(one));
      if (news.length > 0) this.#spread(news as readonly PeerStatus[], from);
    }
    if (fields.bye === undefined) return;
    // What it sent before has been heard; whoever still waits for it waits in vain.
    this.#connected.delete(from);
    this.#tell({
      kind: 'peer-left',
      peer: from,
      why: typeof fields.bye === 'string' ? fields.bye : undefined,
    });
    this.lose(from);
    this.#update();
  }

  #update(): void {
    const status = this.#readiness.set(this.#neighbours.every((peer) => this.#connected.has(peer)));
    if (status !== undefined) this.#spread([status], undefined);
  }

  #spread(news: readonly PeerStatus[], from: string | undefined): void {
    const note = JSON.stringify({ status: news });
    for (const peer of this.#connected) if (peer !== from) this.#transport?.tell(peer, note);
    if (this.missing.length > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #longestDeadline(peer: string): number {
    const { edgesIn, edgesOut, members } = this.manifest;
    const ends = [
      ...edgesIn.map((one) => [one, one.from] as const),
      ...edgesOut.map((one) => [one, one.to] as const),
    ];
    const shared = ends
      .filter(([, end]) => members[end.class]?.includes(peer))
      .map(([one]) => one.deadlineNs);
    return Math.max(0, ...shared);
  }

  // --- the node --------------------------------------------------------------------------------------

  #send({ to, pieces, flow, envelope, again }: Extract<Output, { type: 'send' }>): void {
    // Kept by the network until it is acknowledged, and sent again when the peer is there.
    if (this.#options.network !== undefined && !this.#connected.has(to)) return;
    const outcome = this.#transport?.send(to, pieces) ?? 'unreachable';
    if (outcome === 'unreachable') this.#held?.hold(to, pieces);
    if (outcome === 'full')
      this.#tell({
        kind: 'frame-dropped',
        peer: to,
        bytes: pieceBytes(pieces),
        why: 'too much waits for it already',
      });
    if (outcome !== 'taken') return;
    this.#counters.sent(pieceBytes(pieces));
    if (again) {
      this.#control.resentMessages++;
      this.#control.resentBytes += pieceBytes(pieces);
      return;
    }
    if (flow === undefined || envelope === undefined) {
      this.#control.controlMessages++;
      this.#control.controlBytes += pieceBytes(pieces);
      return;
    }
    this.#accounts.get(flowKey(flow))?.messages.push(sentMessage(this.peer, to, envelope, pieces));
  }

  #note(event: NodeEvent): void {
    if (event.kind === 'flow-started') {
      const account = this.#accounts.get(flowKey(event.flow)) ?? { seats: 0, computeMs: 0, messages: [] };
      account.seats++;
      this.#accounts.set(flowKey(event.flow), account);
    }
    const account = event.kind === 'flow-ended' ? this.#accounts.get(flowKey(event.flow)) : undefined;
    if (event.kind === 'flow-ended' && account !== undefined && --account.seats === 0) {
      this.#accounts.delete(flowKey(event.flow));
      const { computeMs, messages } = account;
      this.#tell({ kind: 'flow-account', flow: event.flow, computeMs, messages });
    }
    this.#tell(event);
  }

  /** An observer's exception is its own: it surfaces as uncaught and does not stop the peer. */
  #tell(event: PeerEvent): void {
    this.#counters.note(event);
    try {
      this.#options.onEvent(event, this);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
