// How the waits of a flow get what they wait for: values of peers, in time or not, from whoever is bound to give them.

import { Gathering } from './collect.ts';
import type { Answers, Early, Flow } from './flow.ts';
import { type Collect, NO_SLOT, type Recv } from './instruction.ts';
import type { LateAnswer } from './late.ts';
import { isHeld, type Leases, type Slot } from './lease.ts';
import type { EngineOutlet } from './outlet.ts';
import { peersIn } from './peer-set.ts';
import { failed, type Missing } from './value.ts';

/** What a wait does to its flow. */
export interface ArrivalsAround {
  readonly outlet: Pick<EngineOutlet, 'bound' | 'collected'>;
  set(flow: Flow, slot: number, value: Slot): void;
  /** A reader of the slot needs it no more. */
  used(flow: Flow, slot: number): void;
  complete(flow: Flow, index: number): void;
  /** Something has changed that a call which folds answers may wait for. */
  fold(flow: Flow, index: number | undefined): void;
  blame(flow: Flow, index: number, missing: Missing): void;
}

const fromOf = (one: Recv | Collect) => (one.kind === 'recv' ? one.edge : one.edges[0]!).from;

export class Arrivals {
  readonly #peer: string;
  readonly #leases: Leases;
  readonly #around: ArrivalsAround;
  readonly gathering: Gathering;

  constructor(peer: string, leases: Leases, around: ArrivalsAround) {
    this.#peer = peer;
    this.#leases = leases;
    this.#around = around;
    this.gathering = new Gathering(leases);
  }

  /**
   * What a peer gives a wait: of a Recv its value, of a Collect a field of its answer. False if that is there already, or
   * the wait is over, or is for others.
   */
  arrive(flow: Flow, index: number, field: number, from: string, value: Slot): boolean {
    if (flow.fired[index] === 1) return false;
    const one = flow.seat.instructions[index] as Recv | Collect;
    const sources = flow.sourcesOf(index, one);
    if (sources === undefined) return this.#early(flow, index, { from, field, slot: value });
    const isStatic = one.kind === 'collect' && one.inputs.length === 0;
    const member = isStatic ? flow.seat.members.position(fromOf(one).class, from) : sources.indexOf(from);
    if (member < 0) return false;
    return one.kind === 'recv'
      ? this.receive(flow, index, value)
      : this.answer(flow, index, field, member, value);
  }

  /** Keeps what came before the set that says who may send it: once from each peer. */
  #early(flow: Flow, index: number, early: Early): boolean {
    const kept = flow.early.get(index) ?? new Map<string, Early>();
    const key = `${early.field} ${early.from}`;
    if (kept.has(key)) return false;
    this.#leases.hold(early.slot);
    flow.early.set(index, kept.set(key, early));
    return true;
  }

  /** The set is known that a wait is for. */
  bind(flow: Flow, index: number): void {
    const one = flow.seat.instructions[index] as Recv | Collect;
    const [slot] = one.inputs;
    const set = flow.cancelled ?? flow.values[slot!]!;
    this.#around.used(flow, slot!);
    const members = isHeld(set) ? peersIn(set.data, flow.seat.members, fromOf(one).class) : [];
    flow.bound.set(index, one.kind === 'recv' ? members.slice(0, 1) : members);
    const missing = isHeld(set) ? failed(this.#peer, 'a set of peers without a member') : set;
    if (one.kind === 'recv' && members.length === 0) this.receive(flow, index, missing);
    else if (!isHeld(set)) this.close(flow, index, () => missing, missing);
    else if (one.kind === 'collect')
      this.#closeIfFull(flow, index, this.gathering.answersOf(flow, index, one), one);
    this.#dropEarly(flow, index, (early) => this.arrive(flow, index, early.field, early.from, early.slot));
    this.#around.outlet.bound(flow, index);
  }

  #dropEarly(flow: Flow, index: number, use: (early: Early) => void): void {
    const waiting = flow.early.get(index);
    flow.early.delete(index);
    for (const early of waiting?.values() ?? []) {
      use(early);
      this.#leases.drop(early.slot);
    }
  }

  /** Gives a Recv its value; false if it has one. */
  receive(flow: Flow, index: number, value: Slot): boolean {
    if (flow.fired[index] === 1) return false;
    flow.fired[index] = 1;
    this.#unbind(flow, index);
    if (!isHeld(value)) this.#around.blame(flow, index, value);
    this.#around.set(flow, flow.seat.instructions[index]!.outputs[0] ?? NO_SLOT, value);
    this.#around.complete(flow, index);
    return true;
  }

  /** A wait that is over needs no set any more. */
  #unbind(flow: Flow, index: number): void {
    const one = flow.seat.instructions[index]!;
    if (one.inputs.length === 0 || flow.bound.has(index)) return;
    flow.bound.set(index, []);
    this.#dropEarly(flow, index, () => {});
    this.#around.used(flow, one.inputs[0]!);
  }

  /** One field of one member's answer; false if it is there or the collect has closed. */
  answer(flow: Flow, index: number, field: number, member: number, value: Slot): boolean {
    if (flow.fired[index] === 1) return false;
    const one = flow.seat.instructions[index] as Collect;
    const answers = this.gathering.answersOf(flow, index, one);
    if (!this.gathering.add(answers, field, member, value)) return false;
    this.#closeIfFull(flow, index, answers, one);
    this.#around.fold(flow, one.fold);
    return true;
  }

  /** An answer to an earlier flow of the session joins a collect that is open, and whose set is known. */
  join(flow: Flow, index: number, late: LateAnswer): void {
    const one = flow.seat.instructions[index] as Collect;
    const answers = this.gathering.answersOf(flow, index, one);
    this.gathering.join(answers, late);
    this.#closeIfFull(flow, index, answers, one);
  }

  #closeIfFull(flow: Flow, index: number, answers: Answers, one: Collect): void {
    if (this.gathering.isFull(answers, one))
      this.close(flow, index, (peer) => ({ reason: 'cancelled', peer }));
  }

  /** Closes a collect with the answers it has; `absent` says why another is not there, `instead` why there is no result. */
  close(flow: Flow, index: number, absent: (peer: string) => Missing, instead?: Missing): void {
    const one = flow.seat.instructions[index] as Collect;
    flow.fired[index] = 1;
    const unknown = flow.sourcesOf(index, one) === undefined ? absent(this.#peer) : undefined;
    this.#unbind(flow, index);
    const answers = this.gathering.answersOf(flow, index, one);
    const result = this.gathering.close(answers, one, this.#peer, absent);
    if (one.fold === undefined) flow.answers.delete(index);
    const missing = instead ?? unknown;
    // Enough answers are a success, whoever is missing.
    const causes = missing === undefined ? result.causes : [missing];
    if (missing !== undefined || !isHeld(result.values[0]!))
      for (const cause of causes) this.#around.blame(flow, index, cause);
    if (missing === undefined) this.#around.outlet.collected(flow, index, result);
    result.values.forEach((value, at) => {
      // What is made and not wanted is let go of.
      if (missing !== undefined) this.#around.set(flow, NO_SLOT, value);
      this.#around.set(flow, one.outputs[at] ?? NO_SLOT, missing ?? value);
    });
    this.#around.complete(flow, index);
    this.#around.fold(flow, one.fold);
  }
}
