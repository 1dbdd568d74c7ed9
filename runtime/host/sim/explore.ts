// Small interleavings, all of them: which pending event is next, and where a peer crashes. A run is made of choices; every
// other choice is tried later, from the beginning, as nodes cannot be copied. A node is a function of what it was given
// and in which order, so two runs that gave every node the same are in the same state: the second one ends there.

import { encodeRecord } from '../../journal/codec.ts';
import { recordedInput } from '../../journal/io.ts';
import { waitLines } from '../observe/waiting.ts';
import type { Agenda } from './agenda.ts';
import { Checkers, Violation } from './checkers.ts';
import type { SimulatedDeployment } from './deployment.ts';
import { digestOf } from './digest.ts';
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
  readonly runs: number;
  readonly states: number;
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
    whole: serial.whole && together.whole,
    findings: [...findings.values()],
    outcomes: { serial: serial.outcomes.size, together: together.outcomes.size },
  };
}

class Exploration {
  readonly findings: Finding[] = [];
  /** By digest: how it reads. */
  readonly outcomes = new Map<string, string>();
  runs = 0;
  whole = true;
  readonly #options: ExploreOptions;
  readonly #together: boolean;
  readonly #serial: Exploration | undefined;
  readonly #visited = new Set<string>();
  readonly #left: (readonly number[])[] = [[]];

  constructor(options: ExploreOptions, together: boolean, serial?: Exploration) {
    this.#options = options;
    this.#together = together;
    this.#serial = serial;
  }

  get states(): number {
    return this.#visited.size;
  }

  async run(): Promise<void> {
    for (let prefix = this.#left.pop(); prefix !== undefined; prefix = this.#left.pop()) {
      if (this.runs >= this.#options.maxRuns) {
        this.whole = false;
        return;
      }
      this.runs++;
      await this.#attempt(prefix);
      await this.#options.onRun?.(this.runs, this.#left.length);
      // One of a kind is enough, and what comes after may go on for ever.
      if (this.findings.some(({ kind }) => kind === 'checker')) return;
    }
  }

  #isNew(key: string): boolean {
    return this.#visited.size < this.#visited.add(key).size;
  }

  async #attempt(prefix: readonly number[]): Promise<void> {
    const agenda = new Choices(this.#options.crashes);
    const attempt = await this.#options.make(agenda);
    const { world } = attempt;
    const course = new Course(attempt, agenda, this.#options, (keys) => {
      const { choices } = agenda;
      const done = prefix[choices.length];
      if (done !== undefined) return done;
      const fresh = keys.flatMap((key, choice) => (this.#isNew(key) ? [choice] : []));
      const [first, ...others] = fresh;
      if (first === undefined) throw new Known();
      for (const other of others.reverse()) this.#left.push([...choices, other]);
      return first;
    });
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

/** Pending events, of which a run's choices take one after another. */
export class Choices implements Agenda<SimEvent> {
  readonly choices: number[] = [];
  crashed = 0;
  /** Peers that may crash now. */
  crashable: readonly SimPeer[] = [];
  /** Which of these is next. */
  choose: (events: readonly SimEvent[], crashes: readonly SimPeer[]) => number = () => 0;
  /** Nothing but time is left. */
  onlyTime: () => void = () => {};
  crash: (peer: SimPeer) => void = () => {};
  readonly #crashes: number;
  #pending: SimEvent[] = [];
  #sequence = 0;

  constructor(crashes: number) {
    this.#crashes = crashes;
  }

  get size(): number {
    return this.#pending.length;
  }

  get next(): number | undefined {
    return this.#pending[0]?.at;
  }

  push(event: SimEvent): void {
    event.sequence = this.#sequence++;
    this.#pending.push(event);
  }

  pop(): SimEvent | undefined {
    const enabled = this.#enabled();
    // Disks are quick: nothing else happens at a peer before, but a crash.
    const kept = enabled.find(({ kind }) => kind === 'kept');
    const events = kept === undefined ? enabled : [kept];
    if (events.length === 0) return this.#earliest();
    const peers = this.crashed < this.#crashes ? this.crashable : [];
    const choice = this.choose(events, peers);
    this.choices.push(choice);
    const event = events[choice];
    if (event !== undefined) return this.#take(event);
    this.crashed++;
    const peer = peers[choice - events.length]!;
    const at = events[0]!.at;
    return { kind: 'act', at, sequence: 0, what: `${peer.id} crashes`, act: () => this.crash(peer) };
  }

  /** One for each line: frames from one peer to another come in order. */
  #enabled(): SimEvent[] {
    const first = new Map<string, SimEvent>();
    for (const event of this.#pending) {
      if (event.kind === 'wake') continue;
      const line =
        event.kind === 'frame'
          ? `${event.from.id}\n${event.peer.id}`
          : event.kind === 'kept' || event.kind === 'input'
            ? `${event.kind}\n${event.peer.id}`
            : `${event.sequence}`;
      if (!first.has(line)) first.set(line, event);
    }
    return [...first.values()];
  }

  /** Time goes on only when nothing else does. */
  #earliest(): SimEvent | undefined {
    if (this.#pending.length === 0) return undefined;
    this.onlyTime();
    const [first] = this.#pending.toSorted((a, b) => a.at - b.at || a.sequence - b.sequence);
    return this.#take(first!);
  }

  #take(event: SimEvent): SimEvent {
    this.#pending = this.#pending.filter((one) => one !== event);
    return event;
  }
}

/** What a run is about to do, and did. */
class Course {
  readonly trace: string[] = [];
  stuck: string | undefined;
  readonly #world: World;
  readonly #agenda: Choices;
  /** By peer: a digest of all that its node was given, in order. */
  readonly #histories = new Map<string, string>();

  constructor(
    { world, deployment }: Attempt,
    agenda: Choices,
    { restart }: ExploreOptions,
    choose: (keys: readonly string[]) => number,
  ) {
    this.#world = world;
    this.#agenda = agenda;
    agenda.choose = (events, crashes) =>
      choose([
        ...events.map((event) => this.#keyAfter(peerOf(event), givenBy(event))),
        ...crashes.map(({ id }) => this.#keyAfter(id, 'crash')),
      ]);
    agenda.onlyTime = () => this.#quiet();
    agenda.crash = (peer) => {
      this.#histories.set(peer.id, this.#historyAfter(peer.id, 'crash'));
      agenda.crashable = [];
      world.stop(peer);
      if (restart === 'restored') return world.recover(peer);
      deployment.lose(peer.id);
      // So soon that nobody is told: a transport dials again before it gives a peer up.
      world.start(peer);
    };
    world.observers.push(new Checkers(world), { event: (event) => this.#note(event) });
  }

  #note(event: SimEvent): void {
    this.trace.push(textOfEvent(event));
    if (event.kind === 'act') return;
    const { peer } = event;
    this.#histories.set(peer.id, this.#historyAfter(peer.id, givenBy(event)));
    // Between two events of a peer it does not matter when it crashes: others hear of it when they do.
    this.#agenda.crashable = [peer];
  }

  #historyAfter(peer: string, given: unknown): string {
    return digestOf(encodeRecord([this.#histories.get(peer), given]));
  }

  /**
   * Equal for runs that are in the same state when this is next. What is pending then follows from what nodes were
   * given, since all of it comes from them.
   */
  #keyAfter(peer: string, given: unknown): string {
    const histories = new Map(this.#histories).set(peer, this.#historyAfter(peer, given));
    return [...histories]
      .map(([id, history]) => `${id} ${history}`)
      .sort()
      .join('\n');
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

/** What tells an event from others at its peer, before it has happened. */
function givenBy(event: SimEvent): unknown {
  switch (event.kind) {
    case 'frame':
      return [event.kind, event.from.id, digestOf(event.bytes)];
    case 'input':
      return [event.kind, recordedInput(event.input)];
    // Its result follows from what is asked.
    case 'work':
      return [event.kind, event.life, event.request.work];
    case 'kept':
      return [event.kind, event.life, event.record];
    case 'wake':
      return [event.kind, event.at];
    case 'act':
      return event.what;
  }
}

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
