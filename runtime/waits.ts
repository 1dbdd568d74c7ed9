// What a node waits for, how long, and from whom it hears no more: a wait ends with a value or with a reason.

import { Deadlines, NEVER } from './deadlines.ts';
import type { Engine } from './engine.ts';
import type { Flow } from './flow.ts';
import { isWait, type Program, type SeatProgram } from './instruction.ts';
import type { Change } from './net/network.ts';
import type { Saved } from './saved.ts';
import type { Missing } from './value.ts';

/** How long inputs that an event asked for are awaited where nothing else in the program has a deadline. */
const INPUT_WAIT_NS = 10e9;

function deadlineOf({ instructions }: SeatProgram, index: number): number {
  const one = instructions[index]!;
  return isWait(one) ? one.deadlineNs : 0;
}

/** How long inputs that an event asked for are awaited. */
export function inputWaitOf(seat: SeatProgram): number {
  const last = seat.waits.at(-1);
  return last === undefined ? INPUT_WAIT_NS : deadlineOf(seat, last);
}

export class Waits {
  readonly #program: Program;
  readonly #peer: string;
  readonly #engine: Engine;
  readonly #deadlines = new Deadlines<Flow>((flow) => flow.ended);
  readonly #lost = new Set<string>();

  constructor(program: Program, peer: string, engine: Engine) {
    this.#program = program;
    this.#peer = peer;
    this.#engine = engine;
  }

  get size(): number {
    return this.#deadlines.size;
  }

  /** When the next one ends. */
  get next(): number {
    return this.#deadlines.next;
  }

  begin(flow: Flow): void {
    for (const peer of this.#lost) this.#loseIn(flow, peer);
    this.#schedule(flow);
  }

  /** Flows that ended before their deadline must not pile up behind one of the `open` ones. */
  tidy(open: number): void {
    this.#deadlines.tidy(2 * open + 64);
  }

  /** Ends every wait whose time has come. */
  advance(now: number): void {
    for (let flow = this.#deadlines.due(now); flow !== undefined; flow = this.#deadlines.due(now)) {
      this.#expire(flow, now - flow.learnedNs);
      this.#schedule(flow);
    }
  }

  /** The set of a wait is known: who of it is lost will not answer. */
  bound(flow: Flow, index: number): void {
    for (const peer of this.#lost) this.#loseOne(flow, index, peer);
  }

  found(peer: string): void {
    this.#lost.delete(peer);
  }

  /** Ends every wait for `peer`, now and in flows to come. */
  lose(peer: string, flows: readonly Flow[]): void {
    if (!Object.values(this.#program.manifest.members).some((members) => members.includes(peer))) return;
    this.#lost.add(peer);
    for (const flow of flows) {
      this.#loseIn(flow, peer);
      this.#engine.settle(flow);
    }
  }

  /** What the network found out. */
  change(changes: readonly Change[], flows: Iterable<Flow>): void {
    for (const one of changes) {
      if ('flow' in one) {
        for (const index of one.waits)
          if (one.flow.fired[index] === 0) this.#giveUp(one.flow, index, 'timeout');
        this.#engine.settle(one.flow);
      } else if (one.lost) this.lose(one.peer, [...flows]);
      else this.found(one.peer);
    }
  }

  save() {
    return { deadlines: this.#deadlines.save(), lost: [...this.#lost] };
  }

  load({ deadlines, lost }: Saved<Waits>): void {
    this.#deadlines.load(deadlines);
    for (const peer of lost) this.#lost.add(peer);
  }

  /** A graph input that gets no value. */
  deny(flow: Flow, input: number, missing: Missing): void {
    if (!this.#engine.supply(flow, input, missing) || missing.reason === 'declined') return;
    const value = flow.seat.inputs[input]!.port.name;
    const deadline = missing.reason === 'timeout' ? { deadlineNs: inputWaitOf(flow.seat) } : {};
    flow.causes.push({ value, missing, ...deadline });
  }

  /** Puts the flow's next deadline into the heap. */
  #schedule(flow: Flow): void {
    if (flow.ended) return;
    const { waits } = flow.seat;
    while (flow.waitsPassed < waits.length && flow.fired[waits[flow.waitsPassed]!] === 1) flow.waitsPassed++;
    const wait = waits[flow.waitsPassed];
    const inputs = flow.supplied.includes(0) ? inputWaitOf(flow.seat) : NEVER;
    const next = Math.min(inputs, wait === undefined ? NEVER : deadlineOf(flow.seat, wait));
    if (next < NEVER) this.#deadlines.add(flow.learnedNs + next, flow);
  }

  #expire(flow: Flow, ageNs: number): void {
    for (const index of flow.seat.waits) {
      if (deadlineOf(flow.seat, index) > ageNs) break;
      if (flow.fired[index] === 0) this.#giveUp(flow, index, 'timeout');
    }
    if (ageNs >= inputWaitOf(flow.seat))
      flow.seat.inputs.forEach((_, index) => {
        this.deny(flow, index, { reason: 'timeout', peer: this.#peer });
      });
    this.#engine.settle(flow);
  }

  #giveUp(flow: Flow, index: number, reason: Missing['reason']): void {
    const one = flow.seat.instructions[index]!;
    if (one.kind === 'recv') {
      const isLocal = one.edge.kind === 'local';
      const peer = (isLocal ? undefined : flow.sourcesOf(index, one)?.[0]) ?? this.#peer;
      this.#engine.arrivals.receive(flow, index, { reason, peer, edge: one.edge.id });
    } else if (one.kind === 'collect') {
      const edge = one.edges[0]!.id;
      this.#engine.arrivals.close(flow, index, (peer) => ({ reason, peer, edge }));
    }
  }

  #loseIn(flow: Flow, peer: string): void {
    for (const index of flow.seat.waits) this.#loseOne(flow, index, peer);
  }

  #loseOne(flow: Flow, index: number, peer: string): void {
    const one = flow.seat.instructions[index]!;
    if (flow.fired[index] === 1 || !isWait(one)) return;
    const sources = flow.sourcesOf(index, one) ?? [];
    if (one.kind === 'recv' && one.edge.kind !== 'local' && sources[0] === peer)
      this.#giveUp(flow, index, 'lost');
    if (one.kind !== 'collect') return;
    const member = sources.indexOf(peer);
    one.edges.forEach((edge, field) => {
      const missing: Missing = { reason: 'lost', peer, edge: edge.id };
      if (member >= 0) this.#engine.arrivals.answer(flow, index, field, member, missing);
    });
  }
}
