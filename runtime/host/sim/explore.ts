// Small interleavings, all of them: which pending event is next, and where a peer crashes. A run is made of choices; those
// that make a difference (orders.ts) are tried later the other way round, from the beginning, as nodes cannot be copied.

import { encodeRecord } from '../../journal/codec.ts';
import { waitLines } from '../observe/waiting.ts';
import type { Agenda } from './agenda.ts';
import { Checkers, Violation } from './checkers.ts';
import type { SimulatedDeployment } from './deployment.ts';
import { digestOf } from './digest.ts';
import { type Candidate, type Clock, joined, type Order, Orders } from './orders.ts';
import { waitingIn } from './waits.ts';
import type { SimEvent, SimPeer, World } from './world.ts';

/** A run from its beginning. */
export interface Attempt {
  readonly world: World;
  readonly deployment: SimulatedDeployment;
  /** Starts all calls at once, or one when the one before is over; gives when all are over, with what came out. */
  calls(together: boolean): Promise<readonly string[]>;
}

export interface ExploreOptions {
  /** A new world whose agenda is the one given: without latency, and with work that takes no time. */
  readonly make: (agenda: Agenda<SimEvent>) => Promise<Attempt>;
  /** How often peers may crash in one run; they come back at once. */
  readonly crashes: number;
  readonly restart: 'fresh' | 'restored';
  /** Ends there, with what was found so far. */
  readonly maxRuns: number;
  readonly onRun?: (runs: number, left: number) => void | Promise<void>;
}

export type FindingKind = 'stuck' | 'not-serializable' | 'checker';
export interface Finding {
  readonly kind: FindingKind;
  readonly what: string;
  /** Each event that led there. */
  readonly trace: readonly string[];
}

export interface Explored {
  /** Orders that were tried: each stands for all in which every peer is given the same in the same order. */
  readonly runs: number;
  /** Points that these went through, each counted once. */
  readonly states: number;
  /** After how many events of a peer it was let crash. */
  readonly crashPoints: number;
  /** Whether there was nothing left to try. */
  readonly whole: boolean;
  readonly findings: readonly Finding[];
  /** What runs ended with, told apart: calls one after another, and together. */
  readonly outcomes: { readonly serial: number; readonly together: number };
}

/** Ends a run of which the rest is known. */
class Known extends Error {}

export async function explore(options: ExploreOptions): Promise<Explored> {
  const serial = new Exploration({ ...options, crashes: 0 }, false);
  await serial.run();
  const together = new Exploration(options, true, serial);
  await together.run();
  const findings = new Map(
    [...serial.findings, ...together.findings].map((one) => [one.kind + one.what, one]),
  );
  return {
    runs: serial.runs + together.runs,
    states: serial.states + together.states,
    crashPoints: together.crashPoints,
    whole: serial.whole && together.whole,
    findings: [...findings.values()],
    outcomes: { serial: serial.outcomes.size, together: together.outcomes.size },
  };
}

/** A peer crashes when so much has happened there. */
interface CrashPoint {
  readonly peer: string;
  readonly count: number;
}

class Exploration {
  readonly findings: Finding[] = [];
  /** By digest: how it reads. */
  readonly outcomes = new Map<string, string>();
  runs = 0;
  states = 0;
  crashPoints = 0;
  whole = true;
  readonly #options: ExploreOptions;
  readonly #together: boolean;
  readonly #serial: Exploration | undefined;

  constructor(options: ExploreOptions, together: boolean, serial?: Exploration) {
    this.#options = options;
    this.#together = together;
    this.#serial = serial;
  }

  run(): Promise<void> {
    return this.#explore([]);
  }

  get #isOver(): boolean {
    // One of a kind is enough, and what comes after may go on for ever.
    return !this.whole || this.findings.some(({ kind }) => kind === 'checker');
  }

  /** All orders with these crashes, and then those with one more. */
  async #explore(crashes: readonly CrashPoint[]): Promise<void> {
    const orders = new Orders();
    do {
      if (this.runs >= this.#options.maxRuns) {
        this.whole = false;
        break;
      }
      this.runs++;
      await this.#attempt(orders.run(), crashes);
      await this.#options.onRun?.(this.runs, orders.left);
    } while (!this.#isOver && orders.advance());
    this.states += orders.states;
    this.crashPoints += crashes.length > 0 ? 1 : 0;
    if (crashes.length >= this.#options.crashes) return;
    for (const point of pointsAfter(orders.longest, crashes.at(-1))) {
      if (this.#isOver) return;
      await this.#explore([...crashes, point]);
    }
  }

  async #attempt(order: Order, crashes: readonly CrashPoint[]): Promise<void> {
    const agenda = new Choices(order, crashes);
    const attempt = await this.#options.make(agenda);
    const { world } = attempt;
    const course = new Course(attempt, agenda, this.#options);
    const find = (kind: FindingKind, what: string): void => {
      if (!this.findings.some((one) => one.kind === kind && one.what === what))
        this.findings.push({ kind, what, trace: course.trace });
    };
    try {
      const outputs = await attempt.calls(this.#together);
      await attempt.deployment.run(() => false);
      if (course.stuck !== undefined) find('stuck', course.stuck);
      const outcome = outcomeOf(world, outputs);
      const digest = digestOf(encodeRecord(outcome));
      this.outcomes.set(digest, outcome);
      const allowed = this.#serial?.outcomes;
      // After a crash, and after a wait that only its deadline ended, calls need not have happened at all.
      if (allowed !== undefined && agenda.crashed === 0 && course.stuck === undefined && !allowed.has(digest))
        find(
          'not-serializable',
          `${outcome}; one after another they give ${[...allowed.values()].join(', or ')}`,
        );
    } catch (error) {
      if (error instanceof Known) return;
      if (!(error instanceof Violation)) throw error;
      find('checker', `${error.checker}: ${error.message}`);
    }
  }
}

/** Every point but those before the last one, which were tried the other way round. */
function pointsAfter(longest: ReadonlyMap<string, number>, last: CrashPoint | undefined): CrashPoint[] {
  const all = [...longest].flatMap(([peer, most]) =>
    Array.from({ length: most }, (_, index) => ({ peer, count: index + 1 })),
  );
  const isAfter = ({ peer, count }: CrashPoint): boolean =>
    last === undefined || peer > last.peer || (peer === last.peer && count > last.count);
  return all.filter(isAfter);
}

interface Waiting extends Candidate {
  readonly event: SimEvent;
}

/** Pending events, of which an order says which one is next. */
export class Choices implements Agenda<SimEvent> {
  crashed = 0;
  /** Nothing but time is left. */
  onlyTime: () => void = () => {};
  crash: (peer: SimPeer) => void = () => {};
  readonly #order: Order;
  readonly #crashes: CrashPoint[];
  #pending: Waiting[] = [];
  #sequence = 0;
  /** The peer at which something is happening, and what had to happen before. */
  #at: SimPeer | undefined;
  #clock: Clock = new Map();
  #now = 0;
  /** By line: what came last on it. */
  readonly #lines = new Map<string, Clock>();

  constructor(order: Order, crashes: readonly CrashPoint[]) {
    this.#order = order;
    this.#crashes = [...crashes];
  }

  get size(): number {
    return this.#pending.length;
  }

  get next(): number | undefined {
    return this.#pending[0]?.event.at;
  }

  push(event: SimEvent): void {
    event.sequence = this.#sequence++;
    // A call that follows others is made when all that they started is over.
    const isCall = event.kind === 'input' && event.input.type === 'invoke';
    const after = isCall ? this.#order.everything : this.#clock;
    this.#pending.push({ id: event.sequence, peer: peerOf(event), after, event });
  }

  pop(): SimEvent | undefined {
    this.#pending = this.#pending.filter(({ event }) => !isStale(event));
    // Disks are quick: nothing else happens before.
    const kept = this.#pending.find(({ event }) => event.kind === 'kept');
    if (kept !== undefined) return this.#take(kept);
    const crash = this.#crashNow();
    if (crash !== undefined) return crash;
    const candidates = this.#enabled();
    if (candidates.length === 0) return this.#earliest();
    const chosen = this.#order.choose(candidates);
    if (chosen === undefined) throw new Known();
    const waiting = candidates.find(({ id }) => id === chosen.id)!;
    this.#begin(waiting);
    this.#lines.set(lineOf(waiting.event), this.#clock);
    return this.#take(waiting);
  }

  #begin({ event }: Waiting): void {
    if (event.kind !== 'act') this.#at = event.peer;
    this.#clock = this.#order.clockAt(peerOf(event));
  }

  /** Between two events of a peer it does not matter when it crashes: others hear of it when they do. */
  #crashNow(): SimEvent | undefined {
    const peer = this.#at;
    const [point] = this.#crashes;
    if (peer === undefined || point?.peer !== peer.id || this.#order.countAt(peer.id) < point.count)
      return undefined;
    this.#crashes.shift();
    this.crashed++;
    // What it was computing comes to nothing; it might have been there before.
    for (const one of this.#enabled())
      if (one.event.kind === 'work' && one.peer === peer.id) this.#order.prevented(one);
    const what = `${peer.id} crashes`;
    return { kind: 'act', at: this.#now, sequence: 0, what, act: () => this.crash(peer) };
  }

  /** One for each line: frames from one peer to another come in order. */
  #enabled(): Waiting[] {
    const first = new Map<string, Waiting>();
    for (const waiting of this.#pending) {
      if (waiting.event.kind === 'wake') continue;
      const line = lineOf(waiting.event);
      if (first.has(line)) continue;
      const before = this.#lines.get(line);
      first.set(line, before === undefined ? waiting : { ...waiting, after: joined(waiting.after, before) });
    }
    return [...first.values()];
  }

  /** Time goes on only when nothing else does. */
  #earliest(): SimEvent | undefined {
    if (this.#pending.length === 0) return undefined;
    this.onlyTime();
    const [first] = this.#pending.toSorted(
      ({ event: a }, { event: b }) => a.at - b.at || a.sequence - b.sequence,
    );
    this.#order.wait(first!.peer);
    this.#begin(first!);
    return this.#take(first!);
  }

  #take({ id, event }: Waiting): SimEvent {
    this.#pending = this.#pending.filter((one) => one.id !== id);
    this.#now = event.at;
    return event;
  }
}

/** What a crash or a later wish has made nothing of. */
const isStale = (event: SimEvent): boolean =>
  event.kind === 'work' || event.kind === 'kept'
    ? event.life !== event.peer.life
    : event.kind === 'wake' && event.peer.wakeAt !== event.at;

/** What comes in the order in which it was sent or asked for: a peer computes one segment after another. */
function lineOf(event: SimEvent): string {
  if (event.kind === 'act') return `${event.sequence}`;
  const { kind, peer } = event;
  if (kind === 'frame') return `${kind} ${event.from.id} ${peer.id}`;
  if (kind === 'work' && event.request.type === 'call')
    return `${kind} ${peer.id} ${event.request.component}`;
  return `${kind} ${peer.id}`;
}

/** What a run is about to do, and did. */
class Course {
  readonly trace: string[] = [];
  stuck: string | undefined;
  readonly #world: World;
  readonly #agenda: Choices;

  constructor({ world, deployment }: Attempt, agenda: Choices, { restart }: ExploreOptions) {
    this.#world = world;
    this.#agenda = agenda;
    agenda.onlyTime = () => this.#quiet();
    agenda.crash = (peer) => {
      world.stop(peer);
      if (restart === 'restored') return world.recover(peer);
      deployment.lose(peer.id);
      // So soon that nobody is told: a transport dials again before it gives a peer up.
      world.start(peer);
    };
    world.observers.push(new Checkers(world), {
      event: (event) => void this.trace.push(textOfEvent(event)),
    });
  }

  /** No frame, no work: what is open now waits for something that only its deadline ends. */
  #quiet(): void {
    if (this.stuck !== undefined || this.#agenda.crashed > 0) return;
    const waits = waitLines(waitingIn(this.#world), 10);
    if (waits.length > 0)
      this.stuck = `nobody will send what these wait for, until a deadline ends them: ${waits.join('; ')}`;
  }
}

const peerOf = (event: SimEvent): string => (event.kind === 'act' ? '' : event.peer.id);

function textOfEvent(event: SimEvent): string {
  switch (event.kind) {
    case 'act':
      return event.what;
    case 'frame':
      return `frame from ${event.from.id} at ${event.peer.id}`;
    case 'work':
      return `result of ${event.request.type === 'work' ? event.request.segment : 'a component'} at ${event.peer.id}`;
    default:
      return `${event.kind} at ${event.peer.id}`;
  }
}

/** Committed state, and what came out, as text. */
function outcomeOf(world: World, outputs: readonly string[]): string {
  const states = [...world.peers.values()].flatMap(({ id, node }) =>
    [...(node?.state ?? [])].map(([key, value]) => `${key} of ${id} is ${textOf(value)}`),
  );
  return [...states.sort(), ...outputs.toSorted()].join(', ');
}

/** Numbers of few elements, and digests of many. */
export function textOf(value: object): string {
  const { dtype, bytes } = value as { readonly dtype?: string; readonly bytes?: Uint8Array };
  if (bytes === undefined || bytes.length > 64) return digestOf(encodeRecord(value)).slice(0, 8);
  // A copy: the elements of a view may lie anywhere.
  const own = new Uint8Array(bytes).buffer;
  if (dtype === 'float32') return [...new Float32Array(own)].join(' ');
  if (dtype === 'int64') return [...new BigInt64Array(own)].join(' ');
  return [...bytes].join(' ');
}
