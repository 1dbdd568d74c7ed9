// Flows that are called, or are to follow others in their session, until they may begin; and what a session that its
// caller bounds would have gone on with.

import type { DataValue } from '../ir/data.ts';
import type { Flow, FlowStart } from './flow.ts';
import { type FlowId, flowKey } from './flow-id.ts';
import type { NodeEvent, Values } from './io.ts';
import { isHeld, type Leases, type Slot } from './lease.ts';
import { packed, sizeOf } from './packed.ts';
import type { Saved } from './saved.ts';
import { isMissing, type Value, type ValueLimits, valueProblem } from './value.ts';

/** A call that waits for its turn. */
export interface WaitingCall {
  readonly request: number | undefined;
  readonly values: Values;
  /** They are in memory that the node may keep. */
  readonly owned: boolean;
  readonly bytes: number;
}
type Waiting = Omit<FlowStart, 'id' | 'session'> & {
  /** Undefined: it will be its own. */
  readonly session: FlowId | undefined;
  readonly call?: WaitingCall;
  /** A trigger started it. */
  readonly triggered?: true;
};

/** A host may give anything; what is no value stays as it is, until a flow refuses it. */
const isData = (value: Value, limits: ValueLimits): value is DataValue =>
  valueProblem(value, limits) === undefined && !isMissing(value);

/** What values would take while they wait. */
export const bytesOf = (values: Values, limits: ValueLimits): number =>
  Object.values(values).reduce((sum, value) => sum + (isData(value, limits) ? sizeOf(value) : 0), 0);

export const copiesOf = (values: Values, limits: ValueLimits): Values =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, isData(value, limits) ? packed(value) : value]),
  );

export const requestOf = ({ request }: Pick<WaitingCall, 'request'>): { readonly request?: number } =>
  request === undefined ? {} : { request };

/** Sessions that are remembered as over. */
const MAX_OVER = 64;

export class Following {
  readonly #leases: Leases;
  /** Of the entry's arguments. */
  readonly #names: readonly string[];
  readonly #tell: (event: NodeEvent) => void;
  #waiting: Waiting[] = [];
  #closed = false;
  /** Sessions that a loss has ended. */
  #over: readonly string[] = [];

  constructor(leases: Leases, names: readonly string[], tell: (event: NodeEvent) => void) {
    this.#leases = leases;
    this.#names = names;
    this.#tell = tell;
  }

  /**
   * A flow that a flow starts, in its session or, undefined, in one of its own. Takes over the arguments. None follows if
   * the session has had as many as its caller wants.
   */
  add(flow: Flow, session: FlowId | undefined, given: readonly Slot[]): void {
    const opener = session === undefined ? flow.session : undefined;
    const [step, flows] = opener === undefined ? [flow.step + 1, flow.flows - 1] : [0, flow.flows];
    const over = this.#closed || this.#over.includes(flowKey(flow.session));
    if (!over && (opener !== undefined || flows > 0)) {
      flow.followers++;
      this.#waiting.push({ session, opener, step, flows, given });
      return;
    }
    if (!over) this.#pause(flow, step, given);
    this.#leases.dropAll(given);
  }

  #pause(flow: Flow, step: number, given: readonly Slot[]): void {
    const values: Record<string, Values[string]> = {};
    for (const [at, slot] of given.entries()) {
      if (isHeld(slot) && slot.lease !== undefined) slot.lease.shared = true;
      values[this.#names[at]!] = isHeld(slot) ? slot.data : slot;
    }
    this.#tell({ kind: 'session-paused', flow: flow.id, step, arguments: values });
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Of the inputs of calls. */
  get bytes(): number {
    return this.#waiting.reduce((sum, { call }) => sum + (call?.bytes ?? 0), 0);
  }

  /** A call; takes over the arguments. */
  call(start: Omit<Waiting, 'session' | 'call'>, call: WaitingCall): void {
    this.#waiting.push({ ...start, session: undefined, call });
  }

  /** A flow that no flow started. Takes over the arguments. */
  trigger(given: readonly (Slot | undefined)[]): void {
    if (this.#closed) this.#leases.dropAll(given);
    else this.#waiting.push({ session: undefined, step: 0, given, triggered: true });
  }

  /** How many of those that wait a trigger started. */
  get triggered(): number {
    return this.#waiting.filter((one) => one.triggered).length;
  }

  /** The one that has waited longest; undefined: none waits. */
  take(): Waiting | undefined {
    return this.#waiting.shift();
  }

  /** Whether any of a flow's session waits. */
  has({ session }: Flow): boolean {
    const key = flowKey(session);
    return this.#waiting.some((one) => one.session !== undefined && flowKey(one.session) === key);
  }

  /** No flow follows in a flow's session any more; gives how many had been going to. */
  end({ session }: Flow): number {
    const key = flowKey(session);
    // Flows of it that are open may yet end; older sessions have none.
    this.#over = [...this.#over.slice(-MAX_OVER), key];
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((one) => {
      const stays = one.session === undefined || flowKey(one.session) !== key;
      if (!stays) this.#leases.dropAll(one.given);
      return stays;
    });
    return before - this.#waiting.length;
  }

  save() {
    return { waiting: this.#waiting, closed: this.#closed, over: this.#over };
  }

  load({ waiting, closed, over }: Saved<Following>): void {
    this.#waiting = waiting;
    this.#closed = closed;
    this.#over = over;
  }

  /** Drops all, and takes no more. */
  close(): void {
    this.#closed = true;
    for (const { given, call } of this.#waiting) {
      this.#leases.dropAll(given);
      if (call !== undefined)
        this.#tell({ kind: 'flow-refused', ...requestOf(call), why: 'the node shuts down' });
    }
    this.#waiting = [];
  }
}
