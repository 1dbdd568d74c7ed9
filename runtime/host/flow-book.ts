// Keeps the flows of a deployment whose every peer this host hears: who takes part, what came out, when it is over.

import type { DataValue } from '../../ir/data.ts';
import { beginsHere, type Entry } from '../../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import { CORE, DOMAIN } from '../../ir/names.ts';
import { EndedFlows } from '../ended-flows.ts';
import { type FlowId, flowKey, wholeOf } from '../flow-id.ts';
import type { Input, NodeEvent } from '../io.ts';
import { isSecret } from './entropy.ts';
import {
  type FlowAccount,
  type FlowRecord,
  type FlowResult,
  flowAt,
  type Member,
  openRecord,
  type Pause,
  type PeerValues,
  Roster,
  resultOf,
  type Session,
  seatAt,
  valuesFor,
} from './flow-result.ts';
import type { DataValues } from './hand-over.ts';
import { checkArguments } from './states.ts';

const NONE_LATE = { dropped: 0, kept: 0 };
/** Flows of a session that are remembered one by one, beyond those before which all are over. */
const MAX_REMEMBERED = 1024;

export interface InvokeOptions {
  /** Where the flow starts; by default at the first peer of the entry's class. */
  readonly peer?: string;
  /** By default `main`, or the only one that there is. */
  readonly entry?: string;
  /** The values' buffers are given away. */
  readonly owned?: boolean;
  /** How many flows the session may have, that is: `next` starts no more. */
  readonly flows?: number;
  /** Goes on with a session that was paused: as its next flow, with these arguments. */
  readonly from?: Pause;
  /** Told of each flow of the session when it is over. */
  readonly onFlow?: (result: FlowResult) => void;
}

/** A flow that is about to start: at which peers, of which each has its inputs. */
export interface Start {
  /** One; or all members of the class that enters it jointly. */
  readonly peers: readonly string[];
  readonly entry: string;
  /** To be given to the node, which says it again when the flow starts or is refused. */
  readonly request: number;
  readonly inputs: ReadonlyMap<string, Readonly<Record<string, DataValue>>>;
  readonly owned: boolean;
  readonly flows: number | undefined;
  readonly from: Pause | undefined;
  readonly result: Promise<FlowResult>;
}

/** The node's input that starts a flow. `values` are given away. */
export const invocation = (
  { entry, request, flows, from }: Pick<Start, 'entry' | 'request' | 'flows' | 'from'>,
  values: DataValues,
): Extract<Input, { type: 'invoke' }> => ({
  type: 'invoke',
  entry,
  values,
  request,
  owned: true,
  ...(flows !== undefined && { flows }),
  ...from,
});

/** Gives a peer the inputs that it asked for. */
export type Supply = (
  peer: string,
  flow: FlowId,
  values: Readonly<Record<string, DataValue>>,
  owned: boolean,
) => void;

const sessionOf = (
  given: Pick<Session, 'starters' | 'inputs' | 'owned' | 'ended' | 'onFlow' | 'resolve' | 'reject'>,
): Session => ({ ...given, pending: 1, late: NONE_LATE, last: undefined, pauses: [] });

type FlowEvent = Extract<NodeEvent, { readonly flow: FlowId }> | FlowAccount;
/** How much is kept of flows that are not known yet. */
const MAX_EARLY_FLOWS = 64;
const MAX_EARLY_EVENTS = 4096;

/** Flows that triggers start, before others follow them; infinite where there is no end of them. */
function triggeredAt(members: readonly Member[]): number {
  const joint = new Set<string>();
  let alone = 0;
  for (const { manifest } of members)
    for (const entry of manifest.entries.filter((one) => beginsHere(manifest, one))) {
      if (entry.trigger === 'interval' || entry.trigger === 'event') return Number.POSITIVE_INFINITY;
      if (entry.trigger !== 'after') continue;
      if (entry.joint === true) joint.add(entry.name);
      else alone++;
    }
  return joint.size + alone;
}

export class FlowBook {
  readonly #members: readonly Member[];
  readonly #roster: Roster;
  readonly #supply: Supply;
  readonly #records = new Map<string, FlowRecord>();
  /** By the first flow. */
  readonly #sessions = new Map<string, Session>();
  readonly #requests = new Map<number, Session>();
  /** What flows belong to that nobody called. */
  #uncalled: Session | undefined;
  /** What was told of flows that are not known yet. */
  readonly #early = new Map<string, (readonly [peer: string, event: FlowEvent])[]>();
  /** Who waits for enough flows. */
  readonly #serving = new Map<() => boolean, () => void>();
  #nextRequest = 1;

  constructor(members: readonly Member[], supply: Supply) {
    this.#members = members;
    this.#roster = new Roster(members);
    this.#supply = supply;
  }

  /** Throws DiagnosticError BB701 for an unknown peer or entry, BB702 for inputs that are not there or do not fit, BB780 for such arguments. */
  open(given: PeerValues, options: InvokeOptions): Start {
    const [starters, { name: entry, ...declared }] = this.#starters(options.entry, options.peer);
    checkArguments({ name: entry, ...declared }, options.from?.arguments ?? {});
    const inputs = new Map(this.#members.map((member) => [member.id, valuesFor(member, given, entry)]));
    // Flows that follow need them again.
    const owned = options.owned === true && !this.#goesOn(starters[0]!);
    const request = this.#nextRequest++;
    const result = new Promise<FlowResult>((resolve, reject) => {
      const onFlow = options.onFlow ?? (() => {});
      const ended = new EndedFlows(MAX_REMEMBERED, () => {});
      const session = sessionOf({ starters, inputs, owned, ended, onFlow, resolve, reject });
      this.#requests.set(request, session);
    });
    return {
      peers: starters,
      entry,
      request,
      inputs,
      owned,
      flows: options.flows,
      from: options.from,
      result,
    };
  }

  /**
   * From now on flows that nobody here calls are told of too: those that triggers start, and what follows them. Throws
   * DiagnosticError BB702 for values that do not fit.
   */
  watch(given: PeerValues, onFlow: (result: FlowResult) => void): void {
    const inputs = new Map(this.#members.map((member) => [member.id, valuesFor(member, given, undefined)]));
    const ended = new EndedFlows(MAX_REMEMBERED, () => {});
    const resolve = (): void => {
      for (const served of this.#serving.values()) served();
    };
    const session = sessionOf({
      ...{ starters: [], inputs, owned: false, ended, onFlow, resolve },
      reject: () => {},
    });
    session.pending = triggeredAt(this.#members);
    this.#uncalled = session;
  }

  /** Resolves when it is enough, which is asked after each flow that is over, or no trigger will start another. */
  async until(enough: () => boolean): Promise<void> {
    if (enough() || (this.#uncalled?.pending ?? 1) <= 0) return;
    await new Promise<void>((resolve) => this.#serving.set(enough, resolve));
    this.#serving.delete(enough);
  }

  #goesOn(starter: string): boolean {
    const { ops } = this.#members.find(({ id }) => id === starter)!.manifest;
    return `${DOMAIN.core}::${CORE.next}` in ops;
  }

  /** The flow's record; undefined: it is over, or not of this book. */
  recordOf(flow: FlowId): FlowRecord | undefined {
    return this.#records.get(flowKey(wholeOf(flow)));
  }

  /** Takes in what a peer tells; gives the flow's record if it ended there. */
  note(peer: string, event: NodeEvent | FlowAccount): FlowRecord | undefined {
    if (event.kind === 'flow-refused') {
      this.#take(event.request)?.reject(new DiagnosticError(diagnostic('BB704', { why: event.why })));
      return undefined;
    }
    if (!('flow' in event) || ('bootstrap' in event && event.bootstrap)) return undefined;
    if (event.kind === 'flow-started') this.#begin(event);
    if (event.kind === 'late-answer') this.#noteLate(event);
    const record = this.recordOf(event.flow);
    if (record === undefined) {
      this.#keep(peer, event);
      return undefined;
    }
    let ended: FlowRecord | undefined;
    for (const [other, before] of this.#early.get(record.flow) ?? [])
      ended = this.#noteIn(record, other, before) ?? ended;
    this.#early.delete(record.flow);
    return this.#noteIn(record, peer, event) ?? ended;
  }

  /** Where peers tell each by itself, others may be heard before the one that says what a flow belongs to. */
  #keep(peer: string, event: FlowEvent): void {
    const key = flowKey(wholeOf(event.flow));
    const kept = this.#early.get(key) ?? [];
    kept.push([peer, event]);
    this.#early.set(key, kept);
    // Of flows that are over nothing comes of it.
    const [oldest] = this.#early.keys();
    if (this.#early.size > MAX_EARLY_FLOWS || kept.length > MAX_EARLY_EVENTS) this.#early.delete(oldest!);
  }

  #noteIn(record: FlowRecord, peer: string, event: FlowEvent): FlowRecord | undefined {
    if (event.kind === 'flow-started') {
      record.open.add(flowAt(peer, event));
      record.seats.add(seatAt(peer, event));
    }
    if (event.kind === 'flow-account') {
      record.stats(peer).computeMs += event.computeMs;
      record.messages.push(...event.messages);
    }
    // Only what is held can be an argument of a flow to come.
    if (event.kind === 'session-paused')
      record.session.pauses.push({ step: event.step, arguments: event.arguments as Pause['arguments'] });
    if (event.kind === 'not-finite') record.notFinite ??= event;
    if (event.kind === 'suspect') record.suspects.push(event);
    if (event.kind === 'quorum-missed') record.quorums.push(event);
    if (event.kind === 'output') record.addOutput(peer, event.name, event.value, event.flow.under);
    if (event.kind === 'input-wanted' && !event.inputs.every(isSecret))
      this.#supply(peer, event.flow, record.session.inputs.get(peer) ?? {}, record.session.owned);
    if (event.kind !== 'flow-ended') return undefined;
    // It may have been lost meanwhile.
    if (!record.open.delete(flowAt(peer, event))) return undefined;
    // What members go on with jointly is one flow.
    const following = event.followers ?? 0;
    record.session.pending += event.flow.kind === 'initiated' || !record.followed ? following : 0;
    if (following > 0) record.followed = true;
    record.stats(peer).ops += event.ops;
    record.addEnd(peer, event.status, event.causes);
    return record;
  }

  /** The flow is over: its result is what is known now. */
  close(record: FlowRecord): void {
    if (!this.#records.delete(record.flow)) return;
    const { session } = record;
    session.ended.add(record.id);
    const result = resultOf(record, this.#roster);
    session.late = NONE_LATE;
    if (session.last === undefined || session.last.step < result.step) session.last = result;
    session.onFlow(result);
    for (const [enough, resolve] of this.#serving) if (enough()) resolve();
    this.#endOne(session);
  }

  /** The flow that it was for may be over. */
  #noteLate({ session: first, kept }: Extract<NodeEvent, { kind: 'late-answer' }>): void {
    const session = this.#sessions.get(flowKey(first));
    if (session === undefined) return;
    const { late } = session;
    session.late = kept ? { ...late, kept: late.kept + 1 } : { ...late, dropped: late.dropped + 1 };
  }

  #endOne(session: Session): void {
    if (--session.pending <= 0) this.#settle(session);
  }

  #settle(session: Session): void {
    for (const [key, one] of this.#sessions) if (one === session) this.#sessions.delete(key);
    const { pauses } = session;
    if (session.last === undefined)
      return session.reject(
        new DiagnosticError(diagnostic('BB704', { why: `${session.starters.join(', ')} is lost` })),
      );
    session.resolve(pauses.length === 0 ? session.last : { ...session.last, pauses });
  }

  /** Flows that have started and are not over. */
  get running(): readonly FlowRecord[] {
    return [...this.#records.values()];
  }

  /** A peer's node is gone with all that it had open; gives the flows that this may have ended. */
  lose(peer: string): readonly FlowRecord[] {
    this.refuse(peer, `${peer} is lost`);
    const left = this.running.filter(({ open }) => {
      const seats = [...open].filter((one) => one.startsWith(`${peer}\n`));
      for (const seat of seats) open.delete(seat);
      return seats.length > 0;
    });
    for (const record of left)
      record.addEnd(peer, 'failed', [{ value: '', missing: { reason: 'lost', peer } }]);
    // What its flows would have started will never begin.
    for (const session of new Set(this.#sessions.values()))
      if (session.starters.includes(peer)) {
        const running = this.running.filter((record) => record.session === session).length;
        session.pending = running;
        if (running === 0) this.#settle(session);
      }
    return left;
  }

  /** Gives up what has not started at a peer. */
  refuse(peer: string, why: string): void {
    for (const [request, session] of this.#requests)
      if (session.starters.includes(peer)) this.note(peer, { kind: 'flow-refused', request, why });
  }

  #begin({
    flow: part,
    request,
    opener,
    session: first,
    step = 0,
  }: Extract<NodeEvent, { kind: 'flow-started' }>): void {
    const flow = wholeOf(part);
    const key = flowKey(flow);
    // A session that goes on where it was paused is another one, whose first flow has its place in the old one.
    const called = this.#take(request) ?? this.#sessions.get(flowKey(opener ?? first ?? flow));
    const session = called ?? this.#uncalled;
    // Of a flow that follows, any peer may be the first to tell.
    if (session === undefined || this.#records.has(key) || session.ended.has(flow)) return;
    if (called !== undefined && (request !== undefined || opener !== undefined))
      this.#sessions.set(key, session);
    this.#records.set(key, openRecord(flow, step, session));
  }

  #take(request: number | undefined): Session | undefined {
    if (request === undefined) return undefined;
    const session = this.#requests.get(request);
    this.#requests.delete(request);
    return session;
  }

  /** The peers where flows of an entry start, and the entry. */
  #starters(wanted: string | undefined, peer: string | undefined): readonly [string[], Entry] {
    const all = this.#members.flatMap(({ id, manifest }) =>
      manifest.entries.flatMap((one) => (beginsHere(manifest, one) ? [{ name: one.name, id, one }] : [])),
    );
    const known = [
      ...new Set(
        this.#members.flatMap(({ manifest }) =>
          manifest.entries.flatMap(({ name, trigger }) => (trigger === 'begin' ? [] : [name])),
        ),
      ),
    ];
    const entry = wanted ?? (known.length === 1 ? known[0]! : 'main');
    const found = all.filter(({ name, id }) => name === entry && (peer === undefined || id === peer));
    const first = found[0]?.one;
    if (first !== undefined)
      return [found.slice(0, first.joint === true ? found.length : 1).map(({ id }) => id), first];
    const what = peer === undefined ? entry : `${entry} at ${peer}`;
    throw new DiagnosticError(
      diagnostic('BB701', {
        entry: what,
        known: [...new Set(all.map(({ name, id }) => `${name} at ${id}`))],
      }),
    );
  }
}
