// What must hold after every event of a simulation, whatever happens to its peers.

import type { Input } from '../../io.ts';
import type { Observer, SimEvent, SimPeer, World } from './world.ts';

/** Something that may never happen did. */
export class Violation extends Error {
  /** The checker that found it. */
  readonly checker: string;
  readonly peer: string | undefined;
  /** The event's number, from 0. */
  readonly event: number;
  readonly atNs: number;

  constructor(checker: string, what: string, world: World, peer?: string) {
    super(what);
    this.checker = checker;
    this.peer = peer;
    this.event = world.events - 1;
    this.atNs = world.now;
  }
}

/** Nothing a node does takes longer than its longest wait and the work that it waits for, times this. */
const PATIENCE = 8;
/** And at least so long. */
const LEAST_PATIENCE_NS = 600e9;

export interface CheckerOptions {
  /** How long a flow may be open on a peer. Default: a multiple of the longest deadline and computation so far. */
  readonly flowLimitNs?: number;
}

export class Checkers implements Observer {
  readonly #world: World;
  readonly #flowLimitNs: number | undefined;
  #before = 0;
  /** The longest deadline of the programs, and the longest work so far. */
  #longestNs: number;

  constructor(world: World, { flowLimitNs }: CheckerOptions = {}) {
    this.#world = world;
    this.#flowLimitNs = flowLimitNs;
    const programs = new Set([...world.peers.values()].map(({ program }) => program));
    const deadlines = [...programs].flatMap(({ manifest }) => manifest.edgesIn.map((one) => one.deadlineNs));
    this.#longestNs = deadlines.reduce((longest, one) => Math.max(longest, one), 0);
  }

  event(event: SimEvent, _: Input | undefined): void {
    if (event.at < this.#before)
      throw this.#violation('time', `time goes back from ${this.#before} to ${event.at} ns`);
    this.#before = event.at;
  }

  working(...[, , ns]: Parameters<NonNullable<Observer['working']>>): void {
    this.#longestNs = Math.max(this.#longestNs, ns);
  }

  settled(event: SimEvent): void {
    this.#conservation();
    if (event.kind === 'act') return;
    this.#budget(event.peer);
    this.#flowsEnd(event.peer);
  }

  /** Nothing more will happen: what is open now will be for ever. */
  quiet(): void {
    for (const peer of this.#world.peers.values()) {
      const [flow] = peer.open.keys();
      if (flow !== undefined && peer.node !== undefined)
        throw this.#violation(
          'flows end',
          `flow ${flow} is open at ${peer.id}, and nothing more happens`,
          peer,
        );
    }
  }

  #conservation(): void {
    const { sent, copied, delivered, dropped, inFlight } = this.#world.traffic;
    for (const unit of ['frames', 'bytes'] as const) {
      const [out, found] = [sent[unit] + copied[unit], delivered[unit] + dropped[unit] + inFlight[unit]];
      if (out !== found)
        throw this.#violation(
          'conservation',
          `${out} ${unit} were sent, and ${found} were delivered, dropped or are on their way`,
        );
    }
  }

  #budget(peer: SimPeer): void {
    if (peer.node === undefined) return;
    const { limits } = this.#world;
    const { flows, bytes, outputs, deadlines } = peer.node.usage;
    const over = (what: string, count: number, limit: number): void => {
      if (count > limit)
        throw this.#violation('budgets', `${peer.id} has ${count} ${what}, of ${limit} at most`, peer);
    };
    over('open flows', flows, limits.flows);
    // A frame is taken in before it is weighed.
    over('bytes', bytes, limits.bytes + limits.frameBytes);
    // What a durable node has not kept yet it does neither send nor tell.
    if (peer.disk === undefined) over('outputs that nobody polls', outputs, 0);
    over('deadlines', deadlines, 3 * flows + 65);
    if (peer.disk === undefined && flows !== peer.open.size)
      throw this.#violation(
        'flows end',
        `${peer.id} has ${flows} flows open, and told of ${peer.open.size}`,
        peer,
      );
  }

  #flowsEnd(peer: SimPeer): void {
    // In the order in which they began.
    for (const [flow, since] of peer.open) {
      const ageNs = this.#world.now - since;
      // Flows that claim the same state, or compute on the same peer, wait for each other.
      const patienceNs = PATIENCE * this.#longestNs * (1 + peer.open.size);
      const limitNs = this.#flowLimitNs ?? Math.max(LEAST_PATIENCE_NS, patienceNs);
      if (ageNs > limitNs)
        throw this.#violation(
          'flows end',
          `flow ${flow} is open at ${peer.id} for ${ageNs / 1e9} s, of ${limitNs / 1e9} s at most`,
          peer,
        );
      return;
    }
  }

  #violation(checker: string, what: string, peer?: SimPeer): Violation {
    return new Violation(checker, what, this.#world, peer?.id);
  }
}
