// The node: a state machine that runs one program on one peer.
//
// The law of use: give inputs to `handle`, then call `poll` until it says idle; call `poll` again at the time
// it names. Times never go back. It never throws on account of an input, takes no time or chance from
// elsewhere, and does nothing between calls.

import { type DataValue, isTensor } from '../ir/data.ts';
import type { Edge } from '../ir/deployment.ts';
import { argumentsFor } from './arguments.ts';
import { Collects } from './collects.ts';
import { EndedFlows } from './ended-flows.ts';
import { Engine } from './engine.ts';
import { Flow, type FlowHead, type FlowStart } from './flow.ts';
import { flowKey, type InitiatedFlowId } from './flow-id.ts';
import { bytesOf, copiesOf, Following, requestOf } from './following.ts';
import type { Program } from './instruction.ts';
import type { Input, NotFinite, Output, Values } from './io.ts';
import { type Held, isHeld, type Lease, Leases, type Slot } from './lease.ts';
import { defaultLimits, type Limits, type Usage } from './limits.ts';
import { describeData, fits, resultMisfit } from './manifest.ts';
import { Outbox } from './outbox.ts';
import type { Work } from './outlet.ts';
import { inOneBuffer, objectBytes, packed } from './packed.ts';
import { traced } from './traced.ts';
import { clip, dataProblem, isMissing, type Missing, type Value, valueProblem } from './value.ts';
import { Waits } from './waits.ts';
import { Courier, type Delivery } from './wire/courier.ts';
import { joinPieces, pieceBytes } from './wire/frame.ts';

export interface NodeOptions {
  readonly program: Program;
  /** This peer's id. */
  readonly peer: string;
  /** Higher than at any earlier start of this peer; from 1. */
  readonly incarnation: number;
  readonly limits?: Partial<Limits>;
}

/** Backends tell what failed in a few lines; some add all that they were given. */
const FAILURE_CHARACTERS = 2000;

const valueIn = (slot: Slot): Value => (isHeld(slot) ? slot.data : slot);

export class Node {
  readonly peer: string;
  readonly #program: Program;
  readonly #incarnation: number;
  readonly #limits: Limits;
  readonly #outbox: Outbox;
  readonly #leases: Leases;
  readonly #engine: Engine;
  readonly #courier: Courier;
  readonly #flows = new Map<string, Flow>();
  readonly #ended: EndedFlows;
  readonly #waits: Waits;
  /** When work under way counts as failed, in the order in which it began. */
  readonly #workUntil = new Map<number, number>();
  /** Frames to ourselves: another seat of this peer. */
  readonly #loopback: Uint8Array[] = [];
  readonly #following: Following;
  readonly #collects: Collects;
  /** Flows that began here and have not ended. */
  #ownFlows = 0;
  #now = 0;
  #nextFlow = 1;
  #shutdown = false;

  constructor({ program, peer, incarnation, limits }: NodeOptions) {
    this.peer = peer;
    this.#program = program;
    this.#incarnation = incarnation;
    this.#limits = { ...defaultLimits, ...limits };
    this.#outbox = new Outbox(this.#limits.dropEvents);
    this.#ended = new EndedFlows(this.#limits.endedFlows);
    this.#leases = new Leases((buffer) => this.#outbox.put({ type: 'release', buffer }));
    this.#following = new Following(this.#leases, program.invoke?.arguments ?? [], (event) =>
      this.#outbox.event(event),
    );
    this.#courier = new Courier(program, peer, incarnation, this.#limits, this.#outbox);
    this.#engine = new Engine(program, peer, this.#leases, {
      start: (work, inputs, transfer) => this.#start(work, inputs, transfer),
      ship: (flow, envelope, values, recipients) => this.#ship(flow, envelope, values, recipients),
      output: (flow, name, slot) => {
        this.#outbox.event({ kind: 'output', flow: flow.id, name, value: valueIn(slot) });
      },
      collected: (flow, index, result) => this.#collects.closed(flow, index, result),
      next: (flow, given) => this.#following.add(flow, given),
      ended: (flow) => this.#endFlow(flow),
    });
    this.#collects = new Collects(program, peer, {
      leases: this.#leases,
      limitBytes: this.#limits.bytes,
      outbox: this.#outbox,
      engine: this.#engine,
      open: () => this.#flows.values(),
    });
    this.#waits = new Waits(program, peer, this.#engine, this.#courier);
  }

  /** Flows that have not ended. */
  get openFlows(): number {
    return this.#flows.size;
  }

  /** What the node holds, to be compared with its {@link Limits}. */
  get usage(): Usage {
    return {
      flows: this.#flows.size,
      bytes: this.#leases.bytes,
      outputs: this.#outbox.size,
      endedFlows: this.#ended.size,
      deadlines: this.#waits.size,
      work: this.#workUntil.size,
    };
  }

  /** Committed values of state variables by key, those that have been assigned. To be read before the next input. */
  get state(): ReadonlyMap<string, DataValue> {
    return this.#engine.state;
  }

  handle(now: number, input: Input): void {
    this.#advance(now);
    switch (input.type) {
      case 'frame':
        this.#frame(input.from, input.bytes, input.owned === true);
        break;
      case 'invoke':
        this.#invoke(input);
        break;
      case 'supply':
        this.#supply(input.flow, input.values, input.owned === true);
        break;
      case 'restore':
        this.#restore(input.state);
        break;
      case 'done':
        if (input.suspect !== undefined) this.#suspect(input.work, input.suspect);
        this.#done(input.work, input.outputs);
        break;
      case 'failed':
        if (input.notFinite !== undefined) this.#diverge(input.work, input.notFinite, clip(input.message));
        this.#failed(input.work, 'failed', clip(input.message, FAILURE_CHARACTERS));
        break;
      case 'cancel':
        this.#cancel(input.flow, clip(input.why ?? 'cancelled here'));
        break;
      case 'lost':
        this.#waits.lose(input.peer, [...this.#flows.values()]);
        break;
      case 'found':
        this.#waits.found(input.peer);
        break;
      case 'shutdown':
        this.#shutdown = true;
        this.#following.close();
        for (const flow of [...this.#flows.values()]) this.#cancel(flow.id, 'the node shuts down');
    }
    this.#loop();
  }

  poll(now: number): Output {
    this.#advance(now);
    // One at a time: a session that never ends does not keep its host from anything else.
    if (this.#outbox.size === 0) this.#startFollowing();
    const output = this.#outbox.take();
    if (output !== undefined) return output;
    const [flows, work] = [this.#waits.next, this.#nextWorkEnd()?.until];
    return {
      type: 'idle',
      until: flows === undefined || work === undefined ? (flows ?? work) : Math.min(flows, work),
    };
  }

  #advance(now: number): void {
    // A clock that is no number, or so large that a deadline is no later, would have deadlines due for ever.
    if (now > this.#now) this.#now = Math.min(now, Number.MAX_SAFE_INTEGER);
    this.#waits.advance(this.#now);
    for (
      let one = this.#nextWorkEnd();
      one !== undefined && one.until <= this.#now;
      one = this.#nextWorkEnd()
    )
      this.#failed(one.work, 'timeout', `the backend took more than ${this.#limits.workNs / 1e9} s`);
    this.#loop();
  }

  #loop(): void {
    for (let bytes = this.#loopback.shift(); bytes !== undefined; bytes = this.#loopback.shift())
      this.#frame(this.peer, bytes, true);
  }

  // --- flows -----------------------------------------------------------------------------------------

  #invoke(input: Extract<Input, { type: 'invoke' }>): void {
    const request = input.request === undefined ? {} : { request: input.request };
    const entry = this.#program.manifest.entries.find((one) => one.name === input.entry);
    const refuse = (why: string): void => this.#outbox.event({ kind: 'flow-refused', ...request, why });
    if (entry === undefined) return refuse(`no entry ${input.entry}`);
    if (entry.class !== this.#program.manifest.class)
      return refuse(`${input.entry} starts at ${entry.class}`);
    if (this.#shutdown) return refuse('the node shuts down');
    if (this.#flows.size >= this.#limits.flows) return refuse(`${this.#flows.size} flows are open`);
    const { step = 0, flows } = input;
    const mayBegin = this.#following.size === 0 && this.#ownFlows < this.#limit;
    if (!mayBegin && this.#following.size >= this.#limits.flows)
      return refuse(`${this.#following.size} flows wait`);
    if (!mayBegin) {
      const bytes = bytesOf(input.values, this.#limits);
      if (this.#following.bytes + bytes > this.#limits.bytes) return refuse(`${bytes} bytes would wait`);
      const values = input.owned === true ? input.values : copiesOf(input.values, this.#limits);
      const given = this.#argumentsOf(input.arguments ?? {});
      return this.#following.call({ step, flows, given }, { request: input.request, values, bytes });
    }
    const [id, given] = [this.#newId(), this.#argumentsOf(input.arguments ?? {})];
    this.#begin({ id, session: id, step, flows, given }, input.values, input.owned === true, request);
  }

  #begin(
    start: FlowStart,
    values: Values,
    owned: boolean,
    request: { readonly request?: number } = {},
  ): void {
    const flow = this.#open(start, request);
    this.#give(flow, values, owned);
    this.#want(flow);
    this.#engine.settle(flow);
  }

  /** How many flows that began here may be open at once. */
  get #limit(): number {
    return this.#program.invoke?.limit ?? Number.POSITIVE_INFINITY;
  }

  #newId(): InitiatedFlowId {
    const [initiator, incarnation, counter] = [this.peer, this.#incarnation, this.#nextFlow++];
    return { kind: 'initiated', initiator, incarnation, counter };
  }

  /** Copies of what a caller gives an entry, in its order; held. */
  #argumentsOf(values: Values): readonly (Slot | undefined)[] {
    const own = (value: Value): Slot => this.#own(value, false);
    const given = argumentsFor(this.#program, values, { peer: this.peer, limits: this.#limits, own });
    for (const slot of given) if (slot !== undefined) this.#leases.hold(slot);
    return given;
  }

  #restore(state: Values): void {
    for (const [key, value] of Object.entries(state)) {
      const variable = this.#program.manifest.state.find((one) => one.key === key);
      const what = `state ${key}`;
      if (this.#nextFlow > 1 || this.#flows.size > 0) this.#outbox.drop('late', this.peer, what);
      else if (isMissing(value) || valueProblem(value, this.#limits) !== undefined)
        this.#outbox.drop('malformed', this.peer, what);
      else if (variable === undefined || !fits(variable, value))
        this.#outbox.drop('type', this.peer, `${what}: ${describeData(value)} does not fit`);
      else this.#engine.restore(key, this.#own(value, false) as Held);
    }
  }

  /** Begins the flow that has waited longest, if it may be open beside the others. */
  #startFollowing(): void {
    if (this.#ownFlows >= this.#limit || this.#flows.size >= this.#limits.flows) return;
    const next = this.#following.take();
    if (next === undefined) return;
    const { call, ...start } = next;
    const id = this.#newId();
    this.#begin(
      { ...start, id, session: start.session ?? id },
      call?.values ?? {},
      true,
      call && requestOf(call),
    );
  }

  #open(start: FlowStart, request: { readonly request?: number } = {}): Flow {
    const { id, session, step } = start;
    const flow = new Flow(start, flowKey(id), this.#now, this.#program);
    this.#flows.set(flow.key, flow);
    if (id.initiator === this.peer) this.#ownFlows++;
    const follows = step === 0 ? {} : { session, step };
    this.#outbox.event({ kind: 'flow-started', flow: id, ...follows, ...request });
    this.#engine.begin(flow);
    this.#collects.begin(flow);
    this.#waits.begin(flow);
    return flow;
  }

  #want(flow: Flow): void {
    const inputs = this.#program.inputs.filter((_, index) => flow.supplied[index] === 0);
    if (inputs.length === 0) return;
    this.#outbox.event({ kind: 'input-wanted', flow: flow.id, inputs: inputs.map(({ port }) => port) });
  }

  #supply(id: InitiatedFlowId, values: Values, owned: boolean): void {
    const flow = this.#flows.get(flowKey(id));
    if (flow === undefined) return this.#outbox.drop('late', this.peer, `inputs of flow ${flowKey(id)}`);
    this.#give(flow, values, owned);
    this.#engine.settle(flow);
  }

  #give(flow: Flow, values: Values, owned: boolean): void {
    for (const [index, { port }] of this.#program.inputs.entries()) {
      const value = Object.hasOwn(values, port.name) ? values[port.name] : undefined;
      if (value !== undefined) this.#giveOne(flow, index, value, owned);
    }
  }

  #giveOne(flow: Flow, index: number, value: Value, owned: boolean): void {
    const { port } = this.#program.inputs[index]!;
    // A second value is not taken, and its memory not held.
    if (flow.supplied[index] === 1)
      return this.#outbox.drop('duplicate', this.peer, `input ${port.name} has its value`);
    const deny = (reason: 'malformed' | 'type', what: string): void => {
      const detail = `input ${port.name}: ${what}`;
      this.#outbox.drop(reason, this.peer, detail);
      this.#waits.deny(flow, index, { reason: 'failed', peer: this.peer, detail });
    };
    const problem = valueProblem(value, this.#limits);
    if (problem !== undefined) return deny('malformed', problem);
    if (!isMissing(value) && !fits(port, value)) return deny('type', `${describeData(value)} does not fit`);
    this.#engine.supply(flow, index, this.#own(value, owned));
  }

  /** A value from the host in memory of ours. */
  #own(value: Value, owned: boolean): Slot {
    if (isMissing(value)) return value;
    const data = owned && inOneBuffer(value) !== undefined ? value : packed(value);
    const buffer = inOneBuffer(data);
    return { data, lease: buffer && this.#lease(buffer, data) };
  }

  #lease(buffer: ArrayBuffer, ...values: readonly DataValue[]): Lease {
    const lease = this.#leases.take(buffer);
    for (const value of values) this.#leases.charge(lease, objectBytes(value));
    return lease;
  }

  #endFlow(flow: Flow): void {
    this.#flows.delete(flow.key);
    this.#ended.add(flow.id);
    this.#waits.tidy(this.#flows.size);
    const { id, causes, ops, cameOut, followers } = flow;
    if (id.initiator === this.peer) this.#ownFlows--;
    if (id.initiator === this.peer && !this.#following.has(flow)) this.#collects.end(flow);
    const status = causes.length === 0 ? 'complete' : cameOut ? 'partial' : 'failed';
    this.#outbox.event({
      kind: 'flow-ended',
      flow: id,
      status,
      causes,
      ops,
      ...(followers !== 0 && { followers }),
    });
  }

  #cancel(id: InitiatedFlowId, why: string): void {
    const flow = this.#flows.get(flowKey(id));
    if (flow === undefined || flow.cancelled !== undefined) return;
    this.#engine.cancel(flow, { reason: 'cancelled', peer: this.peer, detail: why });
    this.#engine.settle(flow);
  }

  // --- frames ----------------------------------------------------------------------------------------

  #frame(from: string, bytes: Uint8Array, owned: boolean): void {
    this.#waits.found(from);
    if (bytes.length > this.#limits.frameBytes)
      return this.#outbox.drop('limit', from, `a frame of ${bytes.length} bytes`);
    const mine = owned && bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
    const lease = this.#leases.take(mine.buffer as ArrayBuffer);
    // Held meanwhile: a value that nobody reads must not free the frame of those that come after it.
    lease.holders++;
    const delivery = this.#courier.open(from, mine);
    const flow = delivery && this.#deliver(from, delivery, lease);
    this.#leases.dropLease(lease);
    if (flow === undefined) return;
    this.#engine.settle(flow);
    if (delivery?.cancel !== undefined && from === flow.id.initiator) this.#cancel(flow.id, delivery.cancel);
  }

  /** Gives a frame's values to its flow, and gives that, to be settled; undefined if it goes nowhere. */
  #deliver(from: string, { flow: head, values }: Delivery, lease: Lease): Flow | undefined {
    const { id } = head;
    const key = flowKey(id);
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      // Nobody else can open a flow of ours.
      if (id.initiator === this.peer || this.#ended.has(id)) {
        const awaited = values.filter(({ edge, value }) =>
          this.#collects.late(head, edge, from, this.#slotIn(value, lease)),
        );
        if (awaited.length < values.length || values.length === 0)
          this.#outbox.drop('late', from, `flow ${key} has ended here`);
        return undefined;
      }
      const why = this.#shutdown
        ? 'the node shuts down'
        : this.#flows.size >= this.#limits.flows
          ? `${this.#flows.size} flows are open`
          : this.#leases.bytes > this.#limits.bytes
            ? `${this.#leases.bytes} bytes are held`
            : undefined;
      if (why !== undefined) {
        this.#refuse(from, head, why);
        return undefined;
      }
      flow = this.#open(head);
      this.#want(flow);
    }
    for (const { value } of values) if (!isMissing(value)) this.#leases.charge(lease, objectBytes(value));
    for (const { edge, value } of values) {
      // Over the budget only news that cost no memory still gets in.
      const full = !isMissing(value) && this.#leases.bytes > this.#limits.bytes;
      const fill: Value = full ? { reason: 'refused', peer: this.peer, edge: edge.id } : value;
      if (full) this.#outbox.drop('limit', from, `${this.#leases.bytes} bytes are held`, edge.id);
      const slot = this.#slotIn(fill, lease);
      if (!this.#fill(flow, edge, from, slot) && !this.#collects.late(head, edge, from, slot))
        this.#outbox.drop('duplicate', from, `edge ${edge.id} of flow ${key} has its value`, edge.id);
    }
    return flow;
  }

  #fill(flow: Flow, edge: Edge, from: string, slot: Slot): boolean {
    const index = this.#program.receivers.get(edge.id)!;
    const one = this.#program.instructions[index]!;
    if (one.kind !== 'collect') return this.#engine.receive(flow, index, slot);
    return this.#engine.answer(flow, index, one.edges.indexOf(edge), one.members.indexOf(from), slot);
  }

  #slotIn(value: Value, lease: Lease): Slot {
    if (isMissing(value)) return value;
    return { data: value, lease: isTensor(value) && value.bytes.buffer !== lease.buffer ? undefined : lease };
  }

  /** Takes no part in a flow, and says so to everyone who would wait for it here. */
  #refuse(from: string, head: FlowHead, why: string): void {
    this.#ended.add(head.id);
    this.#outbox.drop('limit', from, `flow ${flowKey(head.id)} is refused: ${why}`);
    const missing: Missing = { reason: 'refused', peer: this.peer, detail: why };
    this.#program.envelopes.forEach(({ sends }, envelope) => {
      this.#ship(
        head,
        envelope,
        sends.map(() => missing),
      );
    });
  }

  #ship(
    head: FlowHead,
    envelope: number,
    slots: readonly Slot[],
    recipients: readonly (Slot | undefined)[] = [],
  ): void {
    const [values, members] = [slots.map(valueIn), recipients.map((slot) => slot && valueIn(slot))];
    const { number } = this.#program.envelopes[envelope]!;
    for (const { to, pieces } of this.#courier.pack(head, envelope, values, members)) {
      if (to !== this.peer) {
        this.#outbox.put({ type: 'send', to, pieces, flow: head.id, envelope: number });
        continue;
      }
      // To another seat of this peer: through the same frames, so that results do not depend on placement.
      const bytes = new Uint8Array(pieceBytes(pieces));
      joinPieces(pieces, bytes);
      this.#loopback.push(bytes);
    }
  }

  // --- work ------------------------------------------------------------------------------------------

  #start(work: Work, inputs: readonly DataValue[], transfer: readonly ArrayBuffer[]): void {
    const { id, flow, call } = work;
    this.#workUntil.set(id, this.#now + this.#limits.workNs);
    const common = { work: id, flow: flow.id, inputs, transfer };
    if (call.kind === 'segment') return this.#outbox.put({ type: 'work', segment: call.segment, ...common });
    const { component, method, options, results } = call;
    this.#outbox.put({ type: 'call', component, method, options, results, ...common });
  }

  #nextWorkEnd(): { readonly work: number; readonly until: number } | undefined {
    for (const [work, until] of this.#workUntil) return { work, until };
    return undefined;
  }

  #done(work: number, outputs: readonly DataValue[]): void {
    for (const [at, output] of outputs.entries()) {
      const problem = dataProblem(output, this.#limits);
      if (problem !== undefined)
        return this.#failed(work, 'failed', `result ${at} of the backend: ${problem}`);
    }
    const under = this.#engine.workOf(work);
    const misfit = under?.call.kind === 'call' ? resultMisfit(under.call.results, outputs) : undefined;
    if (misfit !== undefined) return this.#failed(work, 'failed', misfit);
    this.#workUntil.delete(work);
    const leases = new Map<ArrayBufferLike, Lease>();
    const held = outputs.map((output): Held => {
      const data = inOneBuffer(output) === undefined ? packed(output) : output;
      const buffer = inOneBuffer(data);
      if (buffer === undefined) return { data, lease: undefined };
      const lease = leases.get(buffer) ?? this.#leases.take(buffer);
      this.#leases.charge(lease, objectBytes(data));
      leases.set(buffer, lease);
      return { data, lease };
    });
    if (under === undefined) {
      for (const lease of leases.values()) this.#leases.discard(lease);
      return this.#outbox.drop('late', this.peer, `work ${work} is not under way`);
    }
    // As with frames: results may share a buffer, and the first of them may find no reader.
    for (const lease of leases.values()) lease.holders++;
    this.#engine.finish(work, held);
    for (const lease of leases.values()) this.#leases.dropLease(lease);
    this.#engine.settle(under.flow);
  }

  #suspect(work: number, suspect: NotFinite): void {
    const under = this.#engine.workOf(work);
    if (under === undefined) return;
    const found = traced(this.#program, under.call, suspect);
    this.#outbox.event({ kind: 'suspect', flow: under.flow.id, peer: this.peer, ...found });
  }

  /** Nothing of the flow is committed any more, and none follows. */
  #diverge(work: number, notFinite: NotFinite, detail: string): void {
    const under = this.#engine.workOf(work);
    if (under === undefined) return;
    const { flow } = under;
    const segment = under.call.kind === 'segment' ? under.call.segment : '';
    const found = traced(this.#program, under.call, notFinite);
    this.#outbox.event({ kind: 'not-finite', flow: flow.id, peer: this.peer, segment, ...found });
    flow.followers -= this.#following.end(flow);
    if (flow.cancelled === undefined)
      this.#engine.cancel(flow, { reason: 'failed', peer: this.peer, detail });
  }

  #failed(work: number, reason: 'failed' | 'timeout', message: string): void {
    this.#workUntil.delete(work);
    const ended = this.#engine.fail(work, reason, message);
    if (ended === undefined) return this.#outbox.drop('late', this.peer, `work ${work} is not under way`);
    const { flow, call } = ended;
    const segment = call.kind === 'segment' ? call.segment : call.component;
    this.#outbox.event({ kind: 'work-failed', flow: flow.id, segment, message });
    this.#engine.settle(flow);
  }
}
