// How the flows of an entry begin here: called, started by a trigger, or following others of their session; as many at
// once as the entry admits.

import { argumentsFor } from './arguments.ts';
import { NEVER } from './deadlines.ts';
import type { Flow, FlowStart } from './flow.ts';
import type { FlowId } from './flow-id.ts';
import { bytesOf, copiesOf, Following, requestOf, type WaitingCall } from './following.ts';
import type { Next, SeatProgram } from './instruction.ts';
import type { Input, NodeEvent, Values } from './io.ts';
import type { Leases, Slot } from './lease.ts';
import type { Limits } from './limits.ts';
import type { Saved } from './saved.ts';
import type { Value } from './value.ts';
import type { Waiting } from './waiting.ts';

type Invoke = Extract<Input, { type: 'invoke' }>;

/** What an entry needs of its node. */
export interface StartsAround {
  readonly peer: string;
  readonly limits: Limits;
  readonly leases: Leases;
  tell(event: NodeEvent): void;
  own(value: Value, owned: boolean): Slot;
  /** The name of a new flow that this member starts. */
  newId(): FlowId;
  /** How many more flows the node may have open. */
  room(): number;
  begin(seat: SeatProgram, start: FlowStart, call: Omit<WaitingCall, 'bytes'> | undefined): void;
  cancel(flow: Flow, why: string): void;
}

export class Starts {
  readonly seat: SeatProgram;
  readonly #around: StartsAround;
  readonly #following: Following;
  /** Flows that began here and have not ended, nor been cancelled; oldest first. */
  readonly #open = new Set<Flow>();
  /** The last joint flow of it that this member has entered. */
  #entered = 0;
  /** When its trigger is due; undefined: it has none, or is not armed. Infinite: it has fired for good. */
  #dueNs: number | undefined;

  constructor(seat: SeatProgram, around: StartsAround) {
    this.seat = seat;
    this.#around = around;
    this.#following = new Following(around.leases, seat.invoke?.arguments ?? [], around.tell);
  }

  #newId(): FlowId {
    const { joint, class: name } = this.seat.startedBy;
    return joint ? { kind: 'joint', class: name, view: 0, n: ++this.#entered } : this.#around.newId();
  }

  get #limit(): number {
    return this.seat.invoke?.limit ?? NEVER;
  }

  get #mayBegin(): boolean {
    return this.#following.size === 0 && this.#open.size < this.#limit;
  }

  call(input: Invoke): void {
    const { request, step = 0, flows, values, owned = false } = input;
    const { limits } = this.#around;
    if (this.#around.room() <= 0) return this.#refuse(request, `${limits.flows} flows are open`);
    const bytes = bytesOf(values, limits) + bytesOf(input.arguments ?? {}, limits);
    if (bytes > limits.invokeBytes) return this.#refuse(request, `a call with ${bytes} bytes`);
    if (!this.#admits(request, bytes)) return;
    if (this.#mayBegin) {
      const given = this.#argumentsOf(input.arguments ?? {});
      const id = this.#newId();
      const call = { request, values, owned };
      return this.#around.begin(this.seat, { id, session: id, step, flows, given }, call);
    }
    const call = { request, values: owned ? values : copiesOf(values, limits), owned: true, bytes };
    this.#following.call({ step, flows, given: this.#argumentsOf(input.arguments ?? {}) }, call);
  }

  /** Whether there is room for one flow more, and what the entry's policy does about it. False: it is refused. */
  #admits(request: number | undefined, bytes: number): boolean {
    const { policy } = this.seat.invoke ?? {};
    const { leases, limits } = this.#around;
    const { size } = this.#following;
    const held = leases.bytes + this.#following.bytes;
    const open = this.#mayBegin ? 0 : this.#open.size;
    const why =
      size >= limits.flows
        ? `${size} flows wait`
        : held + bytes > limits.bytes
          ? `${held} bytes are held`
          : open > 0 && policy === 'refuse' && `${open} flows of ${this.seat.entry} are open`;
    if (why) this.#refuse(request, why);
    else if (open > 0 && policy === 'replace')
      for (const oldest of [...this.#open].slice(0, open - this.#limit + 1))
        this.#around.cancel(oldest, `another flow of ${this.seat.entry} takes its place`);
    return !why;
  }

  #refuse(request: number | undefined, why: string): void {
    this.#around.tell({ kind: 'flow-refused', ...requestOf({ request }), why });
  }

  /** Copies of what a caller gives, in the entry's order; held. */
  #argumentsOf(values: Values): readonly (Slot | undefined)[] {
    const { peer, limits, leases } = this.#around;
    const own = (value: Value): Slot => this.#around.own(value, false);
    const given = argumentsFor(this.seat, values, { peer, limits, own });
    leases.holdAll(given);
    return given;
  }

  /** A flow starts another: the next of its session, or the first of a new one; it waits, whatever the policy. Takes over the arguments. */
  next(flow: Flow, { kind }: Next, given: readonly Slot[]): void {
    const { size } = this.#following;
    if (size < this.#around.limits.flows)
      return this.#following.add(flow, kind === 'next' ? flow.session : undefined, given);
    this.#refuse(undefined, `${size} flows wait`);
    this.#around.leases.dropAll(given);
  }

  /** Begins the flow that has waited longest, if it may be open beside the others. */
  follow(): void {
    if (this.#open.size >= this.#limit || this.#around.room() <= 0) return;
    const next = this.#following.take();
    if (next === undefined) return;
    const { call, ...start } = next;
    const id = this.#newId();
    this.#around.begin(this.seat, { ...start, id, session: start.session ?? id }, call);
  }

  begun(flow: Flow): void {
    this.#open.add(flow);
  }

  /** It has ended, or is cancelled. */
  over(flow: Flow): void {
    this.#open.delete(flow);
  }

  /** Flows that have yet to begin. */
  get turns(): Waiting['turns'] {
    const [behind] = this.#open;
    const count = this.#following.size;
    return count === 0 ? [] : [{ entry: this.seat.entry ?? '', count, behind }];
  }

  /** Whether any of a flow's session waits. */
  has(flow: Flow): boolean {
    return this.#following.has(flow);
  }

  /** No flow follows in a flow's session any more; gives how many had been going to. */
  end(flow: Flow): number {
    return this.#following.end(flow);
  }

  close(): void {
    this.#dueNs = NEVER;
    this.#following.close();
  }

  save() {
    const following = this.#following.save();
    return { following, open: [...this.#open], dueNs: this.#dueNs, entered: this.#entered };
  }

  load({ following, open, dueNs, entered }: Saved<Starts>): void {
    this.#following.load(following);
    for (const flow of open) this.#open.add(flow);
    this.#dueNs = dueNs;
    this.#entered = entered;
  }

  // --- triggers --------------------------------------------------------------------------------------

  /** When the trigger is due. */
  get dueNs(): number {
    return this.#dueNs ?? NEVER;
  }

  /** Its trigger counts from now on, unless it does already. */
  arm(now: number): void {
    const trigger = this.seat.invoke?.trigger;
    if (trigger !== undefined && 'periodNs' in trigger) this.#dueNs ??= now + trigger.periodNs;
  }

  /** Starts a flow if the trigger's time has come. Ticks that were missed are one. */
  advance(now: number): void {
    const trigger = this.seat.invoke?.trigger;
    // Before anything else, so that it is the first to claim.
    if (trigger?.kind === 'begin' && this.#dueNs === undefined) {
      const id = this.#newId();
      this.#dueNs = NEVER;
      return this.#around.begin(this.seat, { id, session: id, step: 0 }, undefined);
    }
    if (this.#dueNs === undefined || this.#dueNs > now || trigger === undefined || !('periodNs' in trigger))
      return;
    const { periodNs } = trigger;
    const missed = Math.floor((now - this.#dueNs) / periodNs);
    this.#dueNs = trigger.kind === 'after' ? NEVER : this.#dueNs + (missed + 1) * periodNs;
    this.#trigger({});
  }

  /** Starts a flow if this event of a component is what triggers it; its values are the entry's arguments. */
  raise(component: string, event: string, values: Values): void {
    const trigger = this.seat.invoke?.trigger;
    if (trigger?.kind === 'event' && trigger.component === component && trigger.event === event)
      this.#trigger(values);
  }

  #trigger(values: Values): void {
    // One tick that waits stands for those that come meanwhile; events say something each.
    if (this.seat.invoke?.trigger?.kind !== 'event' && this.#following.triggered > 0) return;
    if (this.#admits(undefined, bytesOf(values, this.#around.limits)))
      this.#following.trigger(this.#argumentsOf(values));
  }
}
