// The simulated world: the production nodes of a deployment under one virtual clock. Nothing happens between events,
// events happen one after another in the order of their times, and all chance comes from one seed; so the same world
// runs the same way every time.

import type { DataValue } from '../../../ir/data.ts';
import { classesOf } from '../../../ir/deployment.ts';
import { keyOf } from '../../../ir/philox.ts';
import type { Topology } from '../../../ir/topology.ts';
import type { Backend } from '../../backend.ts';
import type { LoadedBundle } from '../../bundle.ts';
import type { Components } from '../../component.ts';
import { type DurableInput, DurableNode, type DurableOutput } from '../../durable.ts';
import { flowKey } from '../../flow-id.ts';
import type { Program } from '../../instruction.ts';
import type { Input, NodeEvent, Output } from '../../io.ts';
import { defaultLimits, type Limits } from '../../limits.ts';
import type { NetworkFactory } from '../../net/network.ts';
import { Node, type NodeOptions } from '../../node.ts';
import { joinPieces, pieceBytes } from '../../wire/frame.ts';
import { BufferPool } from '../buffer-pool.ts';
import { POOL_BYTES } from '../driver.ts';
import { secretsFor } from '../entropy.ts';
import { neighboursOf } from '../readiness.ts';
import type { Request, Workbench } from '../workbench.ts';
import { type Agenda, type Due, TimeOrder } from './agenda.ts';
import { Chance } from './chance.ts';
import { Disk } from './disk.ts';
import { type LossReason, Network } from './network.ts';
import { prepareWorkers, type Worker } from './worker.ts';

export interface SimPeerOptions {
  readonly id: string;
  /** Peers may share a bundle object; it is decoded, and its segments loaded, once. */
  readonly bundle: LoadedBundle;
  readonly backend: Backend;
  readonly components?: Components;
}

/** How long a peer computes, as its class would. */
export type ComputeNs = (bundle: LoadedBundle, segment: string, inputs: readonly DataValue[]) => number;

export interface WorldOptions {
  readonly peers: readonly SimPeerOptions[];
  /** Absent: every pair is linked without cost. */
  readonly links?: Topology['links'];
  readonly seed: bigint;
  readonly computeNs: ComputeNs;
  /** `modelled`: segments are not run, and give zeros of the types they state. */
  readonly compute?: 'executed' | 'modelled';
  readonly limits?: Partial<Limits>;
  /** What every node does about links as they are. */
  readonly network?: NetworkFactory;
  /** Nodes record their inputs on a disk, and can come back from there. */
  readonly durable?: boolean;
  /** How long it takes until a record outlives a crash. Default: 1 ms. */
  readonly diskNs?: number;
  /** After so many records a snapshot takes their place. Default: never. */
  readonly snapshotRecords?: number;
  readonly agenda?: Agenda<SimEvent>;
}

/** A peer of the world; without a node while it is down. */
export interface SimPeer {
  readonly id: string;
  readonly classes: readonly string[];
  readonly bundle: LoadedBundle;
  readonly program: Program;
  readonly worker: Worker;
  workbench: Workbench | undefined;
  node: Node | undefined;
  /** What is given to the node and comes from it: itself, or what records its inputs before. */
  gate: Gate | undefined;
  /** What outlives a crash of a durable node. */
  disk: Disk | undefined;
  incarnation: number;
  /** Whether its frames are known to be its own. */
  proven: boolean;
  /** Counts its starts and ends, so that what was asked for before is known. */
  life: number;
  /** Work takes this many times as long. */
  slowness: number;
  /** It computes until then. */
  busyUntil: number;
  /** When the node wants to be polled again. */
  wakeAt: number | undefined;
  /** Flows open on the node, each in a seat: when it began. */
  readonly open: Map<string, number>;
}

interface Gate {
  handle(now: number, input: DurableInput): void;
  poll(now: number): DurableOutput;
}

interface Happening extends Due {
  readonly peer: SimPeer;
}

export type SimEvent =
  | (Happening & {
      readonly kind: 'frame';
      readonly from: SimPeer;
      readonly bytes: Uint8Array;
      readonly of: object | undefined;
    })
  | (Happening & { readonly kind: 'work'; readonly life: number; readonly request: Request })
  | (Happening & { readonly kind: 'input'; readonly input: Input })
  | (Happening & { readonly kind: 'wake' })
  /** A record of a durable node outlives a crash from now on. */
  | (Happening & {
      readonly kind: 'kept';
      readonly life: number;
      readonly record: number;
      readonly bytes: Uint8Array;
    })
  /** Something that happens to the world; it says itself what. */
  | (Due & { readonly kind: 'act'; readonly what: string; readonly act: () => void });

/** Why a frame that was sent did not arrive. */
export type DropReason = LossReason | 'down' | 'unknown' | 'withheld';

/** Sent and given on by copies, lost ones too: `sent + copied = delivered + dropped + inFlight`, frames and bytes. */
export interface Traffic {
  readonly sent: Count;
  readonly copied: Count;
  readonly delivered: Count;
  readonly dropped: Count;
  readonly inFlight: Count;
}
export interface Count {
  frames: number;
  bytes: number;
}
const none = (): Count => ({ frames: 0, bytes: 0 });
const count = (sum: Count, bytes: number): void => {
  sum.frames++;
  sum.bytes += bytes;
};

/** Sees what happens, while it happens. */
export interface Observer {
  /** An event begins; `input` is what the node is given by it, if anything. */
  event?(event: SimEvent, input: Input | undefined): void;
  /** A node gave it; pieces of frames are valid during the call only. */
  output?(peer: SimPeer, output: Exclude<Output, { type: 'idle' }>): void;
  /** It will take so long. */
  working?(peer: SimPeer, request: Request, ns: number): void;
  dropped?(from: SimPeer, to: string, bytes: number, why: DropReason): void;
  /** A durable node has taken something in, and records it. */
  persisting?(peer: SimPeer, record: number): void;
  kept?(peer: SimPeer, record: number): void;
  /** It is back, as its disk had it. */
  recovered?(peer: SimPeer): void;
  /** The event is over, and the node has nothing to do at once. */
  settled?(event: SimEvent): void;
}

const DISK_NS = 1e6;
/** Frames up to this size are not worth a buffer of the pool, whose smallest are larger. */
const SMALL_BYTES = 3072;

export class World {
  readonly peers: ReadonlyMap<string, SimPeer>;
  readonly chance: Chance;
  readonly #entropy: Chance;
  readonly network: Network;
  readonly limits: Limits;
  readonly traffic: Traffic = {
    sent: none(),
    copied: none(),
    delivered: none(),
    dropped: none(),
    inFlight: none(),
  };
  readonly observers: Observer[] = [];
  /** Events that have happened. */
  events = 0;
  /** What stands between a node and the network: changes a frame that leaves, or says what leaves in its place. */
  tamper: ((from: SimPeer, to: SimPeer, bytes: Uint8Array) => readonly Uint8Array[]) | undefined;
  readonly #options: WorldOptions;
  #armed = false;
  readonly #agenda: Agenda<SimEvent>;
  readonly #pool = new BufferPool(POOL_BYTES);
  /** Frames on their way, by what they belong to. */
  readonly #underWay = new Map<object, number>();
  /** What a frame belongs to, so that {@link underWay} can tell. */
  belongsTo: (from: SimPeer, output: Extract<Output, { type: 'send' }>) => object | undefined = () =>
    undefined;
  #now = 0;
  #stepping: Promise<boolean> | undefined;

  /** `workers`: of an earlier world with the same peers; they stay the caller's. */
  static async create(options: WorldOptions, workers?: readonly Worker[]): Promise<World> {
    const own = workers === undefined;
    return new World(options, workers ?? (await prepareWorkers(options)), own);
  }

  readonly #ownsWorkers: boolean;

  private constructor(options: WorldOptions, workers: readonly Worker[], ownsWorkers: boolean) {
    this.#ownsWorkers = ownsWorkers;
    this.#options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.chance = new Chance(keyOf(options.seed));
    this.#entropy = this.chance.for('entropy');
    this.#agenda = options.agenda ?? new TimeOrder();
    const classes = new Set(workers.flatMap(({ bundle }) => classesOf(bundle.manifest)));
    this.network = new Network(options.links, classes, this.chance.for('network'));
    this.peers = new Map(
      options.peers.map(({ id }, index) => {
        const worker = workers[index]!;
        const { bundle, program } = worker;
        const peer: SimPeer = {
          id,
          classes: classesOf(bundle.manifest),
          bundle,
          program,
          worker,
          workbench: undefined,
          node: undefined,
          gate: undefined,
          disk: undefined,
          incarnation: 0,
          proven: true,
          life: 0,
          slowness: 1,
          busyUntil: 0,
          wakeAt: undefined,
          open: new Map(),
        };
        return [id, peer];
      }),
    );
    for (const peer of this.peers.values()) this.start(peer);
  }

  get now(): number {
    return this.#now;
  }

  /** What is still to happen. */
  get pending(): number {
    return this.#agenda.size;
  }

  /** When the next thing happens. */
  get next(): number | undefined {
    return this.#agenda.next;
  }

  /** Frames on their way that belong to `what`. */
  underWay(what: object): number {
    return this.#underWay.get(what) ?? 0;
  }

  forget(what: object): void {
    this.#underWay.delete(what);
  }

  // --- what may be asked for ---------------------------------------------------------------------------

  /** Gives a node an input, as an event of its own. */
  give(peer: SimPeer, input: Input, at = this.#now): void {
    this.#agenda.push({ kind: 'input', at, sequence: 0, peer, input });
  }

  /** Something happens to the world. */
  plan(at: number, what: string, act: () => void): void {
    this.#agenda.push({ kind: 'act', at, sequence: 0, what, act });
  }

  /** A fresh node: it remembers nothing. */
  start(peer: SimPeer): void {
    peer.incarnation++;
    peer.disk = this.#options.durable ? new Disk(this.#options.snapshotRecords) : undefined;
    peer.open.clear();
    const node = new Node(this.#nodeOptions(peer));
    this.#revive(peer, node, peer.disk === undefined ? node : new DurableNode(node));
    if (this.#armed) this.give(peer, { type: 'begin' });
  }

  /** Triggers count from now on, and from their start on peers that start anew. */
  arm(): void {
    this.#armed = true;
    for (const peer of this.peers.values()) if (peer.node !== undefined) this.give(peer, { type: 'begin' });
  }

  /** A node as its disk has it. */
  recover(peer: SimPeer): void {
    if (peer.gate !== undefined) return;
    const gate = peer.disk!.revive(this.#nodeOptions(peer));
    peer.node = gate.node;
    for (const one of this.observers) one.recovered?.(peer);
    this.#revive(peer, gate.node, gate);
  }

  /** All that its node held, did and waited for is gone, but for what is on its disk. */
  stop(peer: SimPeer): void {
    peer.life++;
    peer.node = undefined;
    peer.gate = undefined;
    peer.workbench = undefined;
    peer.wakeAt = undefined;
    peer.busyUntil = 0;
    if (peer.disk === undefined) peer.open.clear();
  }

  #nodeOptions({ program, id, incarnation, worker }: SimPeer): NodeOptions {
    const { limits, network, seed, durable } = this.#options;
    const components = worker.inside(id, seed);
    return { program, peer: id, incarnation, components, ...(limits && { limits }), network, durable };
  }

  #revive(peer: SimPeer, node: Node, gate: Gate): void {
    peer.life++;
    peer.node = node;
    peer.gate = gate;
    peer.wakeAt = undefined;
    this.#drain(peer, gate);
  }

  /** Whom it exchanges values with. */
  neighboursOf({ bundle: { manifest }, id }: SimPeer): readonly SimPeer[] {
    return neighboursOf(manifest, id).flatMap((other) => this.peers.get(other) ?? []);
  }

  /** Puts a frame on its way that no node has sent. */
  inject(from: SimPeer, to: SimPeer, bytes: Uint8Array): void {
    count(this.traffic.copied, bytes.length);
    this.#dispatch(from, to, bytes, undefined);
  }

  async release(): Promise<void> {
    if (!this.#ownsWorkers) return;
    const workers = new Set([...this.peers.values()].map(({ worker }) => worker));
    await Promise.all([...workers].map((one) => one.release()));
  }

  // --- one event after another --------------------------------------------------------------------------

  /** Lets the next thing happen; false: nothing will. Whoever asks meanwhile waits for the same. */
  step(): Promise<boolean> {
    this.#stepping ??= this.#step().finally(() => {
      this.#stepping = undefined;
    });
    return this.#stepping;
  }

  async #step(): Promise<boolean> {
    const event = this.#agenda.pop();
    if (event === undefined) return false;
    const pending = this.#happen(event);
    if (pending !== undefined) await pending;
    return true;
  }

  #happen(event: SimEvent): Promise<void> | undefined {
    if (event.kind === 'wake') {
      // Replaced by another since.
      if (event.peer.wakeAt !== event.at) return undefined;
      event.peer.wakeAt = undefined;
    }
    this.#now = event.at;
    if (event.kind === 'work') return this.#compute(event);
    const input = inputOf(event);
    this.#begin(event, input);
    if (event.kind === 'act') event.act();
    if (event.kind === 'frame') this.#arrive(event);
    if (event.kind === 'kept') this.#kept(event);
    if (input !== undefined && event.kind !== 'act') event.peer.gate?.handle(this.#now, input);
    this.#settle(event);
    return undefined;
  }

  #begin(event: SimEvent, input: Input | undefined): void {
    this.events++;
    for (const one of this.observers) one.event?.(event, input);
  }

  #settle(event: SimEvent): void {
    if (event.kind !== 'act' && event.peer.gate !== undefined) this.#drain(event.peer, event.peer.gate);
    for (const one of this.observers) one.settled?.(event);
  }

  /** The segment is run when its result is due: what a crash takes away is not computed. */
  async #compute(event: Extract<SimEvent, { kind: 'work' }>): Promise<void> {
    const { peer, request } = event;
    if (peer.gate === undefined || peer.life !== event.life) return;
    peer.workbench ??= peer.worker.workbench(peer.id, (buffer) => this.#pool.give(buffer));
    const answer = await peer.workbench.run(request);
    this.#begin(event, answer);
    peer.gate.handle(this.#now, answer);
    this.#settle(event);
  }

  #arrive({ peer, from, bytes, of }: Extract<SimEvent, { kind: 'frame' }>): void {
    const { inFlight, delivered } = this.traffic;
    inFlight.frames--;
    inFlight.bytes -= bytes.length;
    if (of !== undefined) this.#underWay.set(of, this.#underWay.get(of)! - 1);
    if (peer.node === undefined) return this.#drop(from, peer.id, bytes.length, 'down');
    count(delivered, bytes.length);
  }

  #drain(peer: SimPeer, gate: Gate): void {
    for (;;) {
      const output = gate.poll(this.#now);
      if (output.type === 'idle') {
        this.#wake(peer, output.until);
        return;
      }
      if (output.type === 'persist') this.#persist(peer, output);
      else this.#act(peer, output);
      // Whoever observes it may have stopped it.
      if (peer.gate !== gate) return;
    }
  }

  #act(peer: SimPeer, output: Exclude<Output, { type: 'idle' }>): void {
    if (output.type === 'event') {
      const { event } = output;
      if (event.kind === 'input-wanted') this.#giveSecrets(peer, event);
      if (peer.disk?.isNews(event) === false) return;
      note(peer, event, this.#now);
    }
    for (const one of this.observers) one.output?.(peer, output);
    if (output.type === 'send') this.#send(peer, output);
    else if (output.type === 'release') this.#pool.give(output.buffer);
    else if (output.type === 'work' || output.type === 'call') this.#work(peer, output);
  }

  /** What a secret is depends on the seed and on whose it is, and not on what was drawn before: who comes back has it again. */
  #giveSecrets(peer: SimPeer, { flow, inputs }: Extract<NodeEvent, { kind: 'input-wanted' }>): void {
    const own = this.#entropy.for(`${peer.id} ${peer.incarnation}`).for(flowKey(flow));
    const draw = (bytes: Uint8Array, name: string): void => own.for(name).fill(bytes);
    const { invokeBytes } = this.limits;
    const secrets = secretsFor(flow, inputs, { peer: peer.id, invokeBytes, draw });
    if (secrets !== undefined) this.give(peer, secrets);
  }

  #persist(peer: SimPeer, { record, bytes }: Extract<DurableOutput, { type: 'persist' }>): void {
    const { life } = peer;
    this.#agenda.push({
      kind: 'kept',
      at: this.#now + (this.#options.diskNs ?? DISK_NS),
      sequence: 0,
      peer,
      life,
      record,
      bytes,
    });
    for (const one of this.observers) one.persisting?.(peer, record);
  }

  #kept({ peer, life, record, bytes }: Extract<SimEvent, { kind: 'kept' }>): void {
    if (peer.life !== life) return;
    peer.disk!.keep(bytes, record, peer.gate as DurableNode<Node>);
    peer.gate!.handle(this.#now, { type: 'persisted', record });
    for (const one of this.observers) one.kept?.(peer, record);
  }

  #wake(peer: SimPeer, until: number | undefined): void {
    if (until === peer.wakeAt) return;
    const at = until === undefined ? undefined : Math.max(until, this.#now);
    peer.wakeAt = at;
    if (at !== undefined) this.#agenda.push({ kind: 'wake', at, sequence: 0, peer });
  }

  #work(peer: SimPeer, request: Request): void {
    const { life, slowness, bundle } = peer;
    const ns =
      request.type === 'call'
        ? 0
        : slowness * this.#options.computeNs(bundle, request.segment, request.inputs);
    // One at a time; a component's answer waits for no segment.
    const begins = request.type === 'call' ? this.#now : Math.max(this.#now, peer.busyUntil);
    const at = begins + Math.max(0, Math.round(ns));
    if (request.type === 'work') peer.busyUntil = at;
    for (const one of this.observers) one.working?.(peer, request, at - begins);
    this.#agenda.push({ kind: 'work', at, sequence: 0, peer, life, request });
  }

  #send(from: SimPeer, output: Extract<Output, { type: 'send' }>): void {
    const total = pieceBytes(output.pieces);
    const buffer = total <= SMALL_BYTES ? new ArrayBuffer(total) : this.#pool.take(total);
    const bytes = new Uint8Array(buffer, 0, total);
    joinPieces(output.pieces, bytes);
    count(this.traffic.sent, total);
    const to = this.peers.get(output.to);
    if (to === undefined) return this.#drop(from, output.to, total, 'unknown');
    const of = this.belongsTo(from, output);
    if (this.tamper === undefined) return this.#dispatch(from, to, bytes, of);
    const frames = this.tamper(from, to, bytes);
    if (frames.length === 0) return this.#drop(from, to.id, total, 'withheld');
    for (const [index, one] of frames.entries()) {
      if (index > 0) count(this.traffic.copied, one.length);
      this.#dispatch(from, to, one, of);
    }
  }

  #dispatch(from: SimPeer, to: SimPeer, bytes: Uint8Array, of: object | undefined): void {
    const fate = this.network.send(this.#now, from, to, bytes.length);
    if ('lost' in fate) return this.#drop(from, to.id, bytes.length, fate.lost);
    for (const [copy, at] of fate.arrivals.entries()) {
      if (copy > 0) count(this.traffic.copied, bytes.length);
      count(this.traffic.inFlight, bytes.length);
      if (of !== undefined) this.#underWay.set(of, this.underWay(of) + 1);
      // Each receiver owns what it is given.
      const own = copy === 0 ? bytes : bytes.slice();
      this.#agenda.push({ kind: 'frame', at, sequence: 0, peer: to, from, bytes: own, of });
    }
  }

  #drop(from: SimPeer, to: string, bytes: number, why: DropReason): void {
    count(this.traffic.dropped, bytes);
    for (const one of this.observers) one.dropped?.(from, to, bytes, why);
  }
}

function note(peer: SimPeer, event: NodeEvent, now: number): void {
  if (event.kind === 'flow-started') peer.open.set(nameOf(event), now);
  else if (event.kind === 'flow-ended') peer.open.delete(nameOf(event));
}

/** Of a flow in a seat. */
const nameOf = ({ flow, seat }: Extract<NodeEvent, { kind: 'flow-started' | 'flow-ended' }>): string =>
  seat === undefined ? flowKey(flow) : `${flowKey(flow)} in ${seat}`;

const inputOf = (event: SimEvent): Input | undefined =>
  event.kind === 'frame'
    ? { type: 'frame', from: event.from.id, bytes: event.bytes, vouched: event.from.proven, owned: true }
    : event.kind === 'input'
      ? event.input
      : undefined;
