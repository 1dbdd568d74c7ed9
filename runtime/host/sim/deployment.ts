// A simulated deployment, as the hosts of real ones offer it: calls, and the results of flows.

import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import type { NodeEvent } from '../../io.ts';
import { packed } from '../../packed.ts';
import { pieceBytes } from '../../wire/frame.ts';
import { FlowBook, type InvokeOptions, invocation } from '../flow-book.ts';
import type { FlowRecord, FlowResult, PeerValues } from '../flow-result.ts';
import type { DataValues } from '../hand-over.ts';
import type { Deployment } from '../inproc.ts';
import { type WaitReport, waitLines } from '../observe/waiting.ts';
import { noOverhead, type Overhead } from '../overhead.ts';
import { sentMessage } from '../sent-message.ts';
import { checkStates, type PeerStates } from '../states.ts';

import { waitingIn } from './waits.ts';
import type { SimEvent, SimPeer, World } from './world.ts';

export interface SimulatedOptions {
  readonly onEvent?: (peer: string, event: NodeEvent) => void;
  /** After each event; what it gives is waited for, so that a long run leaves others room. */
  readonly onStep?: () => void | Promise<void>;
  /** Nothing happens after that. Sessions that go on are given up: their last flow is what is answered. */
  readonly untilNs?: number | undefined;
}

/** More of them say no more. */
const MAX_WAITS = 10;
/** After so many events others in this process get their turn, signals among them. */
const TURN_EVENTS = 1000;

const copies = (values: DataValues): DataValues =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, packed(value)]));

export class SimulatedDeployment implements Deployment {
  readonly world: World;
  readonly #options: SimulatedOptions;
  readonly #book: FlowBook;
  /** Flows that may be over when nothing of them is on its way. */
  readonly #ending = new Set<FlowRecord>();
  readonly #control = new Map<string, Overhead>();
  /** Whether a call may have been answered by the event that is over. */
  #answered = false;

  constructor(world: World, options: SimulatedOptions = {}) {
    this.world = world;
    this.#options = options;
    const members = [...world.peers.values()].map(({ id, bundle }) => ({ id, manifest: bundle.manifest }));
    this.#book = new FlowBook(members, (peer, flow, values) =>
      world.give(world.peers.get(peer)!, { type: 'supply', flow, values: copies(values), owned: true }),
    );
    world.belongsTo = (from, { flow, envelope, pieces, to, again }) => {
      if (flow === undefined || envelope === undefined) {
        const control = this.#controlOf(from.id);
        control.controlMessages++;
        control.controlBytes += pieceBytes(pieces);
        return undefined;
      }
      const record = this.#book.recordOf(flow);
      if (again) {
        const control = this.#controlOf(from.id);
        control.resentMessages++;
        control.resentBytes += pieceBytes(pieces);
      } else record?.messages.push(sentMessage(from.id, to, envelope, pieces));
      return record;
    };
    world.observers.push({
      output: (peer, output) => {
        if (output.type === 'event') this.#note(peer, output.event);
      },
      working: (peer, { flow }, ns) => {
        const record = this.#book.recordOf(flow);
        if (record !== undefined) record.stats(peer.id).computeMs += ns / 1e6;
      },
      settled: (event) => this.#settled(event),
    });
  }

  async invoke(values: PeerValues, options: InvokeOptions = {}): Promise<FlowResult> {
    let last: FlowResult | undefined;
    const onFlow = (result: FlowResult): void => {
      last = result;
      options.onFlow?.(result);
    };
    const start = this.#book.open(values, { ...options, onFlow });
    let over = false;
    const end = (): void => {
      over = true;
    };
    start.result.then(end, end);
    for (const id of start.peers) {
      const peer = this.world.peers.get(id)!;
      // A caller finds nobody there, and tries again, unless it hears that the peer is lost.
      if (peer.node === undefined) await this.run(() => over || peer.node !== undefined);
      if (over) break;
      this.world.give(peer, invocation(start, copies(start.inputs.get(id)!)));
    }
    await this.run(() => over);
    if (!over && last !== undefined && this.#isLate) return last;
    if (!over)
      throw new DiagnosticError(
        diagnostic('BB790', {
          seconds: this.world.now / 1e9,
          waits: waitLines(waitingIn(this.world), MAX_WAITS),
        }),
      );
    return start.result;
  }

  arm(values: PeerValues, onFlow: (result: FlowResult) => void): void {
    this.#book.watch(values, onFlow);
    this.world.arm();
  }

  serve(enough: () => boolean): Promise<void> {
    return this.run(enough);
  }

  /** Lets things happen until that is so, or nothing more will. */
  async run(until: () => boolean): Promise<void> {
    // What is called together begins together.
    await undefined;
    while (!until() && !this.#isLate && (await this.world.step())) {
      await this.#options.onStep?.();
      if (this.world.events % TURN_EVENTS === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      if (!this.#answered) continue;
      this.#answered = false;
      // Whoever waits for a result hears of it before anything else happens.
      for (let turn = 0; turn < 4; turn++) await undefined;
    }
  }

  get #isLate(): boolean {
    return (this.world.next ?? 0) > (this.#options.untilNs ?? Number.POSITIVE_INFINITY);
  }

  async state(): Promise<PeerStates> {
    const states: Record<string, DataValues> = {};
    for (const { id, node } of this.world.peers.values())
      states[id] = Object.fromEntries([...(node?.state ?? [])].map(([key, value]) => [key, packed(value)]));
    return states;
  }

  async overhead(): Promise<Readonly<Record<string, Overhead>>> {
    return Object.fromEntries(
      [...this.world.peers.keys()].map((id) => [id, this.#control.get(id) ?? noOverhead()]),
    );
  }

  async waiting(): Promise<readonly WaitReport[]> {
    return waitingIn(this.world);
  }

  async restore(states: PeerStates): Promise<void> {
    const members = [...this.world.peers.values()].map(({ id, bundle }) => ({
      id,
      manifest: bundle.manifest,
    }));
    checkStates(members, states);
    for (const [id, state] of Object.entries(states))
      this.world.give(this.world.peers.get(id)!, { type: 'restore', state: copies(state) });
  }

  async close(): Promise<void> {
    await this.world.release();
  }

  /** Tells who called that a peer is down, and what was open on it lost; its node remembers nothing. */
  lose(peer: string): void {
    for (const record of this.#book.lose(peer)) this.#ending.add(record);
    this.#answered = true;
  }

  #controlOf(peer: string): Overhead {
    const known = this.#control.get(peer) ?? noOverhead();
    this.#control.set(peer, known);
    return known;
  }

  #note(peer: SimPeer, event: NodeEvent): void {
    const ended = this.#book.note(peer.id, event);
    if (ended !== undefined) this.#ending.add(ended);
    if (event.kind === 'flow-refused') this.#answered = true;
    this.#options.onEvent?.(peer.id, event);
  }

  /** A flow that has ended wherever it was open, with nothing of it on its way, will be opened by nobody. */
  #settled(event: SimEvent): void {
    if (event.kind === 'frame' && event.of !== undefined) this.#ending.add(event.of as FlowRecord);
    for (const record of this.#ending) {
      if (record.open.size === 0 && this.world.underWay(record) === 0) {
        // What was lost is sent again to who has not heard of the flow; who has heard tells when that is kept.
        if (this.#isUnkept || this.#isOwed(record)) continue;
        this.#book.close(record);
        this.world.forget(record);
        this.#answered = true;
      }
      this.#ending.delete(record);
    }
  }

  /** Whether a durable node has something to tell that is not kept yet. */
  get #isUnkept(): boolean {
    for (const { disk, node } of this.world.peers.values())
      if (disk !== undefined && node !== undefined && node.usage.outputs > 0) return true;
    return false;
  }

  #isOwed({ id, ends }: FlowRecord): boolean {
    const { peers } = this.world;
    return [...ends.keys()].some((one) =>
      peers
        .get(one)
        ?.node?.owed(id)
        .some((peer) => !ends.has(peer)),
    );
  }
}
