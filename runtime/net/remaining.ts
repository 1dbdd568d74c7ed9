// How much time there is left: what the node tells those it waits for, and what it is told by those who wait for it.
// A wait whose result nobody waits for any more is given up, so that the news of it arrives while it is of use.

import { Deadlines, NEVER } from '../deadlines.ts';
import type { Flow } from '../flow.ts';
import { type FlowId, flowKey, startersOf, underOf } from '../flow-id.ts';
import type { Collect, Program, Recv, SeatProgram } from '../instruction.ts';
import type { FlowIdMessage } from '../wire/envelope.ts';

export interface RemainingState {
  /** By flow, by peer: when it stops waiting for what comes of the flow here. */
  readonly told: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly ends: ReturnType<Deadlines<string>['save']>;
}

/** No flow has a longer key: what is told of others is not kept until they begin. */
const MAX_KEY_CHARACTERS = 4096;

/** Envelopes that need a wait's value; undefined: something here does, too. */
type Served = readonly number[] | undefined;

const waitAt = ({ instructions }: SeatProgram, index: number): Recv | Collect =>
  instructions[index] as Recv | Collect;

/** What becomes of a wait's value. Instructions are in an order in which they may run. */
function servedBy({ instructions, outputs }: SeatProgram, wait: number): Served {
  const reached = new Set(instructions[wait]!.outputs);
  const envelopes = new Set<number>();
  for (const one of instructions) {
    if (!one.reads.some((slot) => reached.has(slot))) continue;
    if (one.kind === 'send') envelopes.add(one.envelope);
    // State, flows to come and components outlive the flow.
    else if (['stateAssign', 'next', 'start', 'call'].includes(one.kind)) return undefined;
    for (const slot of one.outputs) reached.add(slot);
  }
  return outputs.some(({ slot }) => reached.has(slot)) ? undefined : [...envelopes];
}

/** Peers that a wait of a flow still hears from. */
function sourcesOf(flow: Flow, index: number): readonly string[] {
  if (flow.fired[index] === 1) return [];
  const sources = flow.sourcesOf(index, waitAt(flow.seat, index)) ?? [];
  const open = flow.answers.get(index)?.open;
  return open === undefined ? sources : sources.filter((_, at) => open[at]! > 0);
}

/** State: {@link save}, given back to the constructor. */
export class Remaining {
  readonly #program: Program;
  readonly #flows: ReadonlyMap<string, Flow>;
  /** By flow. No more than flows are open: those of others are forgotten. */
  readonly #told: Map<string, Map<string, number>>;
  /** When somebody stops waiting for one of them. */
  #ends = new Deadlines<string>((key) => this.#over(key));
  readonly #served = new WeakMap<SeatProgram, Map<number, Served>>();

  constructor(
    program: Program,
    flows: ReadonlyMap<string, Flow>,
    { told, ends }: RemainingState = { told: {}, ends: [] },
  ) {
    this.#program = program;
    this.#flows = flows;
    this.#told = new Map(Object.entries(told).map(([key, by]) => [key, new Map(Object.entries(by))]));
    // With those that have been replaced since: a wake-up more or less is a difference.
    this.#ends.load([...ends]);
  }

  /** Peers that open flows wait for. */
  awaited(): ReadonlySet<string> {
    const peers = new Set<string>();
    for (const flow of this.#flows.values())
      for (const index of flow.seat.waits) for (const peer of sourcesOf(flow, index)) peers.add(peer);
    return peers;
  }

  /** How long a flow waits for a peer, from now on; undefined: it does not. */
  leftNs(id: FlowId, peer: string, now: number): number | undefined {
    let left: number | undefined;
    for (const flow of this.#seatsOf(id))
      for (const index of flow.seat.waits) {
        if (!sourcesOf(flow, index).includes(peer)) continue;
        const until = flow.learnedNs + waitAt(flow.seat, index).deadlineNs;
        left = Math.max(left ?? 0, Math.floor(Math.min(until, this.uselessNs(flow, index)) - now));
      }
    return left;
  }

  told({ initiated, joint, under }: FlowIdMessage, from: string, untilNs: number): void {
    const id: FlowId | undefined =
      joint === undefined
        ? initiated && { kind: 'initiated', ...initiated, under }
        : { kind: 'joint', ...joint, under };
    if (id === undefined) return;
    const key = flowKey(id);
    if (key.length > MAX_KEY_CHARACTERS) return;
    const by = this.#told.get(key) ?? new Map<string, number>();
    // What a peer says later is what counts.
    by.set(from, untilNs);
    this.#told.set(key, by);
    this.#ends.add(untilNs, key);
    if (this.#ends.size > 4 * this.#flows.size + 64) this.#tidy(key);
  }

  get nextNs(): number {
    return this.#ends.next;
  }

  /** Waits that have become useless, of flows that somebody has stopped waiting for. */
  due(now: number): readonly { readonly flow: Flow; readonly waits: readonly number[] }[] {
    const found: { flow: Flow; waits: readonly number[] }[] = [];
    for (let key = this.#ends.due(now); key !== undefined; key = this.#ends.due(now)) {
      for (const flow of this.#seatsOf(key)) {
        const waits = flow.seat.waits.filter(
          (index) => flow.fired[index] === 0 && this.uselessNs(flow, index) <= now,
        );
        if (waits.length > 0) found.push({ flow, waits });
      }
    }
    return found;
  }

  /** When the last one who needs a wait's value stops waiting for it. */
  uselessNs(flow: Flow, index: number): number {
    const { seat, id } = flow;
    const by = this.#told.get(flowKey(id));
    const served = by && this.#servedBy(seat, index);
    if (by === undefined || served === undefined || served.length === 0) return NEVER;
    let last = 0;
    for (const envelope of served) {
      const { binder, destinations } = seat.envelopes[envelope]!;
      const around = binder === 'around' ? underOf(id).slice(-1) : destinations;
      for (const peer of binder === 'me' ? startersOf(id) : around)
        last = Math.max(last, by.get(peer) ?? NEVER);
    }
    return last;
  }

  #servedBy(seat: SeatProgram, index: number): Served {
    let known = this.#served.get(seat);
    if (known === undefined) {
      known = new Map(seat.waits.map((wait) => [wait, servedBy(seat, wait)]));
      this.#served.set(seat, known);
    }
    return known.get(index);
  }

  #seatsOf(id: FlowId | string): readonly Flow[] {
    const key = typeof id === 'string' ? id : flowKey(id);
    return this.#program.seats.flatMap(({ index }) => this.#flows.get(`${key}/${index}`) ?? []);
  }

  /** Whether nothing of the flow is open here; then it is forgotten. */
  #over(key: string): boolean {
    const over = this.#seatsOf(key).length === 0;
    if (over) this.#told.delete(key);
    return over;
  }

  /** Forgets flows that are over, but for one that may just begin, and what is no longer so of the others. */
  #tidy(beginning?: string): void {
    this.#ends.load([]);
    for (const [key, by] of this.#told)
      if (key === beginning || !this.#over(key)) for (const at of by.values()) this.#ends.add(at, key);
  }

  save(): RemainingState {
    const told = Object.fromEntries([...this.#told].map(([key, by]) => [key, Object.fromEntries(by)]));
    return { told, ends: this.#ends.save() };
  }
}
