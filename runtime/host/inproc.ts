// The in-process host: every peer of a deployment in this process, each a node of its own, with nothing
// between them but encoded frames. A frame is copied once, into a pooled buffer, on its way.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { Backend } from '../backend.ts';
import type { LoadedBundle } from '../bundle.ts';
import type { Components } from '../component.ts';
import type { Program } from '../instruction.ts';
import type { NodeEvent, Output } from '../io.ts';
import type { Limits } from '../limits.ts';
import type { NetworkFactory } from '../net/network.ts';
import { decodeProgram } from '../program.ts';
import { joinPieces, pieceBytes } from '../wire/frame.ts';
import { BufferPool } from './buffer-pool.ts';
import { type Clock, systemClock } from './clock.ts';
import { checkComponents } from './components.ts';
import { Driver, type DriverOptions, type Durability, POOL_BYTES } from './driver.ts';
import type { Entropy } from './entropy.ts';
import { originOf } from './finite.ts';
import { FlowBook, type InvokeOptions, invocation } from './flow-book.ts';
import type { FlowRecord, FlowResult, Member, PeerValues } from './flow-result.ts';
import { handOver } from './hand-over.ts';
import type { Observer } from './observe/observer.ts';
import type { WaitReport } from './observe/waiting.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { noOverhead, type Overhead } from './overhead.ts';
import { loadSegments, releaseSegments, type Segments } from './segments.ts';
import { sentMessage } from './sent-message.ts';
import { checkStates, type PeerStates } from './states.ts';

export interface DeploymentOptions {
  /** Peers may share a bundle object; it is decoded once. */
  readonly peers: readonly {
    readonly id: string;
    readonly bundle: LoadedBundle;
    /** Instead of the common one. */
    readonly backend?: Backend;
    /** By name; they stay the caller's. */
    readonly components?: Components;
    /** What makes it outlive its process; its clock is the peer's. */
    readonly durability?: Durability & { readonly incarnation: number };
  }[];
  readonly backend: Backend;
  readonly clock?: Clock;
  /** Where secrets come from. Default: the platform's generator. */
  readonly entropy?: Entropy;
  readonly limits?: Partial<Limits>;
  /** What every node does about links as they are. */
  readonly network?: NetworkFactory;
  readonly onEvent?: (peer: string, event: NodeEvent) => void;
  /** Told of the time that each peer takes. */
  readonly observerOf?: (peer: string) => Observer;
}

export interface Deployment {
  /**
   * Starts a flow and resolves when it, and all of its session that follow, have ended on every peer, with the
   * result of the last. Values that are missing are part of the result, not errors. Rejects with DiagnosticError: BB701 for an unknown peer or entry, BB702 for
   * inputs that are not there or do not fit, BB704 where too many flows are open.
   */
  invoke(values: PeerValues, options?: InvokeOptions): Promise<FlowResult>;
  /**
   * Lets triggers start flows, each peer's with the inputs given for it; `onFlow` is told of each that is over. Throws
   * DiagnosticError BB702 for inputs that do not fit.
   */
  arm(values: PeerValues, onFlow: (result: FlowResult) => void): void;
  /** Lets flows come and go until it is enough, which is asked after each, or until no trigger will start another. */
  serve(enough: () => boolean): Promise<void>;
  /** What each peer's state variables hold, by their keys; those never assigned are not there. Between calls only. */
  state(): Promise<PeerStates>;
  /** What each peer sent besides messages of values, by its id; a peer that is gone says nothing. */
  overhead(): Promise<Readonly<Record<string, Overhead>>>;
  /** What flows wait for now, at every peer that answers. */
  waiting(): Promise<readonly WaitReport[]>;
  /** Before the first call: takes what {@link state} gave, of this or of an earlier deployment. Rejects with DiagnosticError BB780. */
  restore(states: PeerStates): Promise<void>;
  /** Frees segments; the backend stays the caller's. Open flows are cancelled. */
  close(): Promise<void>;
}

interface LoadedPeer extends Member {
  readonly program: Program;
  readonly segments: Segments;
  readonly originOf: DriverOptions['originOf'];
  readonly components: Components;
  readonly durability: (Durability & { readonly incarnation: number }) | undefined;
}

/** Loads every segment and starts a node per peer. Rejects with DiagnosticError BB622, BB703, BB837 or BB838. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const decoded = new Map<LoadedBundle, Program>();
  const programs = options.peers.map(({ bundle }) => {
    const program = decoded.get(bundle) ?? decodeProgram(bundle);
    decoded.set(bundle, program);
    return program;
  });
  const takesTurns = oneAtATime(programs);
  const peers: LoadedPeer[] = [];
  try {
    for (const [lane, { id, bundle, backend, components = {}, durability }] of options.peers.entries()) {
      checkComponents(id, bundle, components);
      const segments = await loadSegments(id, bundle, backend ?? options.backend, { lane, takesTurns });
      const origin: LoadedPeer['originOf'] = (segment, inputs) =>
        originOf(bundle, backend ?? options.backend, segment, inputs);
      peers.push({
        id,
        manifest: bundle.manifest,
        program: programs[lane]!,
        segments,
        components,
        originOf: origin,
        durability,
      });
    }
  } catch (error) {
    await Promise.all(peers.map(({ segments }) => releaseSegments(segments)));
    throw error;
  }
  return new InProcess(peers, options);
}

interface Parcel {
  readonly from: string;
  readonly to: Driver;
  readonly bytes: Uint8Array;
}

class InProcess implements Deployment {
  readonly #peers: readonly LoadedPeer[];
  readonly #drivers: ReadonlyMap<string, Driver>;
  readonly #onEvent: (peer: string, event: NodeEvent) => void;
  readonly #pool = new BufferPool(POOL_BYTES);
  readonly #book: FlowBook;
  /** Flows that have ended on some peer since mail was last empty. */
  readonly #ending = new Set<FlowRecord>();
  readonly #control: ReadonlyMap<string, Overhead>;
  #mail: Parcel[] = [];
  #pumping = false;
  #closed = false;

  constructor(
    peers: readonly LoadedPeer[],
    { clock = systemClock, entropy, limits, network, onEvent, observerOf }: DeploymentOptions,
  ) {
    this.#peers = peers;
    this.#control = new Map(peers.map(({ id }) => [id, noOverhead()]));
    this.#onEvent = onEvent ?? (() => {});
    this.#book = new FlowBook(peers, (peer, flow, values, owned) => {
      const given = owned ? values : handOver(values, this.#pool);
      this.#drivers.get(peer)!.handle({ type: 'supply', flow, values: given, owned: true });
    });
    this.#drivers = new Map(
      peers.map(({ id, program, segments, components, originOf, durability }) => {
        const own = { peer: id, program, segments, components, originOf, durability };
        const observer = observerOf?.(id);
        const time = { clock: durability?.clock ?? clock, incarnation: durability?.incarnation ?? 1 };
        const options = { ...own, ...time, entropy, network, pool: this.#pool, observer };
        const driver = new Driver(limits === undefined ? options : { ...options, limits }, {
          send: (frame) => this.#send(id, frame),
          event: (event) => this.#note(id, event),
          worked: (flow, ms) => {
            const record = this.#book.recordOf(flow);
            if (record !== undefined) record.stats(id).computeMs += ms;
          },
          settled: () => this.#pump(),
        });
        return [id, driver];
      }),
    );
    // What was revived goes on when all are there.
    for (const driver of this.#drivers.values()) driver.start();
  }

  async invoke(values: PeerValues, options: InvokeOptions = {}): Promise<FlowResult> {
    if (this.#closed) throw new DiagnosticError(diagnostic('BB704', { why: 'the deployment is closed' }));
    const { peers, inputs, owned, result, ...start } = this.#book.open(values, options);
    for (const peer of peers) {
      const own = inputs.get(peer)!;
      this.#drivers.get(peer)!.handle(invocation(start, owned ? own : handOver(own, this.#pool)));
    }
    return result;
  }

  arm(values: PeerValues, onFlow: (result: FlowResult) => void): void {
    this.#book.watch(values, onFlow);
    for (const driver of this.#drivers.values()) driver.handle({ type: 'begin' });
  }

  serve(enough: () => boolean): Promise<void> {
    return this.#book.until(enough);
  }

  async state(): Promise<PeerStates> {
    return Object.fromEntries([...this.#drivers].map(([id, driver]) => [id, driver.state]));
  }

  async overhead(): Promise<Readonly<Record<string, Overhead>>> {
    return Object.fromEntries(this.#control);
  }

  async waiting(): Promise<readonly WaitReport[]> {
    return [...this.#drivers.values()].flatMap((driver) => driver.waiting);
  }

  async restore(states: PeerStates): Promise<void> {
    checkStates(this.#peers, states);
    for (const [id, state] of Object.entries(states))
      this.#drivers.get(id)!.handle({ type: 'restore', state });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const driver of this.#drivers.values()) driver.close();
    await Promise.all(this.#peers.map(({ segments }) => releaseSegments(segments)));
  }

  /** Delivers mail until there is none: what a delivery causes joins the end of the line. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let at = 0; at < this.#mail.length; at++) {
      const { from, to, bytes } = this.#mail[at]!;
      to.handle({ type: 'frame', from, bytes, vouched: true, owned: true });
    }
    this.#mail = [];
    this.#pumping = false;
    this.#resolve();
  }

  #note(peer: string, event: NodeEvent): void {
    const ended = this.#book.note(peer, event);
    if (ended !== undefined) this.#ending.add(ended);
    // An observer's exception is its own: it surfaces as uncaught and does not stop the peers.
    try {
      this.#onEvent(peer, event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #send(from: string, { to, pieces, flow, envelope }: Extract<Output, { type: 'send' }>): void {
    const receiver = this.#drivers.get(to);
    if (receiver === undefined) return;
    const total = pieceBytes(pieces);
    const bytes = new Uint8Array(this.#pool.take(total), 0, total);
    joinPieces(pieces, bytes);
    if (flow !== undefined && envelope !== undefined)
      this.#book.recordOf(flow)?.messages.push(sentMessage(from, to, envelope, pieces));
    else {
      const control = this.#control.get(from)!;
      control.controlMessages++;
      control.controlBytes += total;
    }
    this.#mail.push({ from, to: receiver, bytes });
  }

  /** With no frame under way, a flow that has ended on every peer that knows it will be opened by no other. */
  #resolve(): void {
    for (const record of this.#ending) if (record.open.size === 0) this.#book.close(record);
    this.#ending.clear();
  }
}
