// Answers that come after their collect has closed. They are dropped unread, or join the collect of the session's next
// flow, as the author declared; either way each is told, once.

import type { Absent } from './collect.ts';
import type { Flow, FlowHead } from './flow.ts';
import { type FlowId, flowKey, underOf } from './flow-id.ts';
import type { Collect, SeatProgram } from './instruction.ts';
import { isHeld, type Leases, type Slot } from './lease.ts';
import type { Outbox } from './outbox.ts';
import { fill, type Saved } from './saved.ts';

/** Answers that are still known as awaited after their collect has closed; and those kept for a flow to come. */
const MAX_AWAITED = 4096;
const MAX_KEPT = 4096;

/** Stands for what has come and is not held, since it will be dropped with the rest. */
const DROPPED: Slot = { reason: 'timeout', peer: '' };

/** A member's answer to an earlier flow of the session. */
export interface LateAnswer {
  readonly from: string;
  /** Steps between the flow that it was for and the one that it joins. */
  readonly age: number;
  /** Held. */
  readonly fields: readonly Slot[];
}

/** What has come of an answer that was not there in time. */
interface Part {
  readonly fields: (Slot | undefined)[];
  left: number;
}

interface Closed {
  readonly session: string;
  readonly under: string;
  readonly step: number;
  /** By peer id; undefined: nothing yet. */
  readonly awaited: Map<string, Part | undefined>;
  /** Its session is: no flow follows that an answer could join. */
  over: boolean;
}

interface Kept extends Omit<LateAnswer, 'age'> {
  readonly session: string;
  readonly under: string;
  readonly step: number;
  readonly index: number;
}

/** Who bound the place: a session has one collect there for each. */
const underText = (id: FlowId): string => underOf(id).join(' ');

export class LateAnswers {
  readonly #seat: SeatProgram;
  readonly #leases: Leases;
  /** Oldest first. */
  readonly #closed = new Map<string, Closed>();
  #awaited = 0;
  #kept: Kept[] = [];

  readonly #outbox: Pick<Outbox, 'evict'>;

  constructor(seat: SeatProgram, leases: Leases, outbox: Pick<Outbox, 'evict'>) {
    this.#seat = seat;
    this.#leases = leases;
    this.#outbox = outbox;
  }

  /** Remembers whose answers a collect has closed without. */
  closed({ id, session, step, cancelled }: Flow, index: number, absent: readonly Absent[]): void {
    if (cancelled !== undefined) for (const { fields } of absent) this.#leases.dropAll(fields);
    if (cancelled !== undefined || absent.length === 0) return;
    const awaited = new Map(absent.map(({ from, fields }) => [from, this.#partOf(index, fields)]));
    const of = { session: flowKey(session), under: underText(id), step };
    this.#closed.set(`${flowKey(id)}\n${index}`, { ...of, awaited, over: false });
    this.#awaited += absent.length;
    for (const [key, one] of this.#closed) {
      if (this.#awaited <= MAX_AWAITED || this.#closed.size === 1) break;
      this.#closed.delete(key);
      this.#awaited -= one.awaited.size;
      this.#outbox.evict('late', one.awaited.size);
      for (const part of one.awaited.values()) this.#leases.dropAll(part?.fields);
    }
  }

  #partOf(index: number, fields: readonly (Slot | undefined)[]): Part | undefined {
    if (fields.every((slot) => slot === undefined)) return undefined;
    const left = fields.filter((slot) => slot === undefined).length;
    if (this.#collect(index).keepsLate) return { fields: [...fields], left };
    this.#leases.dropAll(fields);
    return { fields: fields.map((slot) => slot && DROPPED), left };
  }

  #collect(index: number): Collect {
    return this.#seat.instructions[index] as Collect;
  }

  /** One field of an answer to a collect that has closed: none that is awaited, a part of one, or the last part of one. */
  take(
    id: FlowId,
    index: number,
    field: number,
    from: string,
    value: Slot,
  ): 'none' | 'part' | { readonly kept: boolean } {
    const key = `${flowKey(id)}\n${index}`;
    const closed = this.#closed.get(key);
    if (closed?.awaited.has(from) !== true) return 'none';
    const { edges, keepsLate } = this.#collect(index);
    const part = closed.awaited.get(from) ?? { fields: edges.map(() => undefined), left: edges.length };
    if (part.fields[field] !== undefined) return 'none';
    part.fields[field] = keepsLate ? value : DROPPED;
    if (keepsLate) this.#leases.hold(value);
    closed.awaited.set(from, part);
    if (isHeld(value) && --part.left > 0) return 'part';
    closed.awaited.delete(from);
    this.#awaited--;
    if (closed.awaited.size === 0) this.#closed.delete(key);
    // An answer that is missing is no late one.
    const whole = part.left === 0;
    const kept = whole && keepsLate && !closed.over;
    if (kept) this.#keep(closed, index, from, part.fields as Slot[]);
    else this.#leases.dropAll(part.fields);
    return whole ? { kept } : 'part';
  }

  #keep({ session, under, step }: Closed, index: number, from: string, fields: readonly Slot[]): void {
    this.#kept.push({ session, under, step, index, from, fields });
    if (this.#kept.length <= MAX_KEPT) return;
    this.#leases.dropAll(this.#kept.shift()!.fields);
    this.#outbox.evict('kept');
  }

  /** What joins the collect of a flow; its slots stay held, for the caller. */
  joining({ id, session, step }: FlowHead, index: number): readonly LateAnswer[] {
    if (this.#kept.length === 0) return [];
    const [key, under] = [flowKey(session), underText(id)];
    const joins = (one: Kept): boolean =>
      one.session === key && one.under === under && one.index === index && one.step < step;
    const mine = this.#kept.filter(joins);
    this.#kept = this.#kept.filter((one) => !joins(one));
    return mine.map(({ from, fields, step: before }) => ({ from, fields, age: step - before }));
  }

  /** The session is over: nothing of it will join anything any more. */
  end(key: string): void {
    for (const one of this.#closed.values()) if (one.session === key) one.over = true;
    for (const one of this.#kept) if (one.session === key) this.#leases.dropAll(one.fields);
    this.#kept = this.#kept.filter((one) => one.session !== key);
  }

  save() {
    return { closed: this.#closed, awaited: this.#awaited, kept: this.#kept };
  }

  load({ closed, awaited, kept }: Saved<LateAnswers>): void {
    fill(this.#closed, closed);
    this.#awaited = awaited;
    this.#kept = kept;
  }
}
