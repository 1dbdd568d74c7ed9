// What the host does for the node: segments and components, until they answer or have taken too long.

import type { DataValue } from '../ir/data.ts';
import type { ComponentDesk } from './components/desk.ts';
import { NEVER } from './deadlines.ts';
import type { Engine } from './engine.ts';
import type { Flow } from './flow.ts';
import type { Call } from './instruction.ts';
import type { NotFinite, Output } from './io.ts';
import type { Held, Lease, Leases } from './lease.ts';
import type { Limits } from './limits.ts';
import { resultMisfit } from './manifest.ts';
import type { Outbox } from './outbox.ts';
import type { Work } from './outlet.ts';
import { sizeOf } from './packed.ts';
import { fill, type Saved } from './saved.ts';
import { traced } from './traced.ts';
import { dataProblem, failed, type MissingReason } from './value.ts';
import type { Waiting } from './waiting.ts';

export interface HostWorkAround {
  readonly peer: string;
  readonly limits: Limits;
  readonly leases: Leases;
  readonly outbox: Outbox;
  readonly engine: Engine;
  /** Those within the node; the host has the others. */
  readonly components: ComponentDesk | undefined;
  now(): number;
  /** No flow follows in a flow's session any more; gives how many had been going to. */
  endSession(flow: Flow): number;
}

/** What a host is asked for. */
function asked(
  { id, flow, call }: Work,
  inputs: readonly DataValue[],
  transfer: readonly ArrayBuffer[],
): Output {
  const common = { work: id, flow: flow.id, inputs, transfer };
  if (call.kind === 'segment') return { type: 'work', segment: call.segment, ...common };
  const { component, method, options, results } = call;
  return { type: 'call', component, method, options, results, ...common };
}

/** Aborted works that are remembered. */
const MAX_ABORTED = 1024;

/** The segment, or the component that is asked. */
const nameOf = (call: Call): string => (call.kind === 'segment' ? call.segment : call.component);

export class HostWork {
  readonly #around: HostWorkAround;
  /** When work under way counts as failed, in the order in which it began. */
  readonly #until = new Map<number, number>();
  /** The same of asks, where the author says how long they may take. */
  readonly #within = new Map<number, number>();
  /** What the host was told to leave, and may answer all the same. */
  readonly #aborted = new Set<number>();

  constructor(around: HostWorkAround) {
    this.#around = around;
  }

  abort({ id }: Work): void {
    this.#over(id);
    // A host that does leave it never answers.
    if (this.#aborted.size >= MAX_ABORTED) {
      this.#around.outbox.evict('aborted', MAX_ABORTED);
      this.#aborted.clear();
    }
    this.#aborted.add(id);
    this.#around.outbox.put({ type: 'abort', work: id });
  }

  /** How much is under way. */
  get size(): number {
    return this.#until.size + this.#within.size;
  }

  get underWay(): Waiting['works'] {
    return [...this.#until, ...this.#within].map(([id, untilNs]) => ({
      work: this.#around.engine.works.get(id)!,
      sinceNs: untilNs - this.#longest(id),
      untilNs,
    }));
  }

  /** When the next one will have taken too long. */
  get nextNs(): number {
    return this.#next?.[1] ?? NEVER;
  }

  advance(now: number): void {
    for (let one = this.#next; one !== undefined && one[1] <= now; one = this.#next)
      this.failed(one[0], 'timeout', `no answer within ${this.#longest(one[0]) / 1e9} s`);
  }

  start(work: Work, inputs: readonly DataValue[], transfer: readonly ArrayBuffer[]): void {
    const { id, call } = work;
    const withinNs = call.kind === 'call' ? call.withinNs : undefined;
    if (withinNs === undefined) this.#until.set(id, this.#around.now() + this.#around.limits.workNs);
    else this.#within.set(id, this.#around.now() + withinNs);
    const desk = this.#deskOf(work);
    if (desk !== undefined) desk.ask(work, inputs, transfer);
    else this.#around.outbox.put(asked(work, inputs, transfer));
  }

  /** Undefined: it is the host's. */
  #deskOf({ call }: Work): ComponentDesk | undefined {
    const { components } = this.#around;
    return call.kind === 'call' && components?.has(call.component) === true ? components : undefined;
  }

  /** What a new host has to be asked for: what is under way, but for what the old one was still to be asked for. */
  get askedOfHost(): readonly Output[] {
    return this.#withHost.flatMap((work) => (work.inputs === undefined ? [] : asked(work, work.inputs, [])));
  }

  get #withHost(): readonly Work[] {
    const waiting = new Set(this.#around.outbox.asked);
    const { all } = this.#around.engine.works;
    return [...all].filter((work) => this.#deskOf(work) === undefined && !waiting.has(work.id));
  }

  askAgain(): void {
    for (const work of this.#withHost)
      if (work.inputs !== undefined) this.#around.outbox.put(asked(work, work.inputs, []));
      else this.failed(work.id, 'failed', 'what it was given is with a host that is gone');
  }

  save() {
    return { until: this.#until, within: this.#within, aborted: [...this.#aborted] };
  }

  load({ until, within, aborted }: Saved<HostWork>): void {
    fill(this.#until, until);
    fill(this.#within, within);
    for (const work of aborted) this.#aborted.add(work);
  }

  get #next(): readonly [work: number, untilNs: number] | undefined {
    let [next] = this.#until;
    for (const one of this.#within) if (next === undefined || one[1] < next[1]) next = one;
    return next;
  }

  #longest(work: number): number {
    const call = this.#around.engine.works.get(work)?.call;
    return (call?.kind === 'call' ? call.withinNs : undefined) ?? this.#around.limits.workNs;
  }

  #over(work: number): void {
    this.#until.delete(work);
    this.#within.delete(work);
    this.#around.components?.forget(work);
  }

  done(work: number, outputs: readonly DataValue[]): void {
    if (this.#aborted.delete(work)) return;
    for (const [at, output] of outputs.entries()) {
      const problem = dataProblem(output, this.#around.limits);
      if (problem !== undefined)
        return this.failed(work, 'failed', `result ${at} of the backend: ${problem}`);
    }
    const bytes = outputs.reduce((sum, one) => sum + sizeOf(one), 0);
    const { completionBytes } = this.#around.limits;
    if (bytes > completionBytes)
      return this.failed(work, 'failed', `${bytes} bytes of results, where ${completionBytes} may be`);
    const under = this.#around.engine.works.get(work);
    const misfit = under?.call.kind === 'call' ? resultMisfit(under.call.results, outputs) : undefined;
    if (misfit !== undefined) return this.failed(work, 'failed', misfit);
    this.#over(work);
    const leases = new Map<ArrayBuffer, Lease>();
    const held = outputs.map((output) => this.#around.leases.own(output, true, leases) as Held);
    if (under === undefined) {
      for (const lease of leases.values()) this.#around.leases.discard(lease);
      return this.#late(work);
    }
    // As with frames: results may share a buffer, and the first of them may find no reader.
    for (const lease of leases.values()) lease.holders++;
    this.#around.engine.finish(work, held);
    for (const lease of leases.values()) this.#around.leases.dropLease(lease);
    this.#around.engine.settle(under.flow);
  }

  #late(work: number): void {
    this.#around.outbox.drop('late', this.#around.peer, `work ${work} is not under way`);
  }

  suspect(work: number, suspect: NotFinite): void {
    const under = this.#around.engine.works.get(work);
    if (under === undefined) return;
    this.#around.outbox.event({ kind: 'suspect', ...this.#traced(under, suspect) });
  }

  #traced({ flow, call }: Work, found: NotFinite) {
    return { flow: flow.id, peer: this.#around.peer, ...traced(flow.seat, call, found) };
  }

  /** Nothing of the flow is committed any more, and none follows. */
  diverge(work: number, notFinite: NotFinite, detail: string): void {
    const under = this.#around.engine.works.get(work);
    if (under === undefined) return;
    const { flow, call } = under;
    const found = this.#traced(under, notFinite);
    this.#around.outbox.event({ kind: 'not-finite', segment: nameOf(call), ...found });
    flow.followers -= this.#around.endSession(flow);
    if (flow.cancelled === undefined) this.#around.engine.cancel(flow, failed(this.#around.peer, detail));
  }

  failed(work: number, reason: MissingReason, message: string): void {
    if (this.#aborted.delete(work)) return;
    this.#over(work);
    const ended = this.#around.engine.fail(work, reason, message);
    if (ended === undefined) return this.#late(work);
    const { flow, call } = ended;
    if (reason === 'failed' || reason === 'timeout')
      this.#around.outbox.event({ kind: 'work-failed', flow: flow.id, segment: nameOf(call), message });
    this.#around.engine.settle(flow);
  }
}
