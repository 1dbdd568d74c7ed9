// The node: a state machine that runs one program on one peer.
//
// The law of use: give inputs to `handle`, then call `poll` until it says idle; call `poll` again at the time
// it names. Times never go back. It never throws on account of an input, takes no time or chance from
// elsewhere, and does nothing between calls.

import type { DataValue } from '../ir/data.ts';
import { stateMisfit } from './arguments.ts';
import { Collects } from './collects.ts';
import type { Code, ComponentDesk, DeskMaker } from './components/desk.ts';
import { NEVER } from './deadlines.ts';
import { Deliveries } from './deliveries.ts';
import { EarlyFrames } from './early-frames.ts';
import { EndedFlows } from './ended-flows.ts';
import { Engine } from './engine.ts';
import { Flow, type FlowHead, type FlowStart, seatKey, seatOf } from './flow.ts';
import { boundBy, type FlowId, flowKey } from './flow-id.ts';
import type { WaitingCall } from './following.ts';
import { HostWork } from './host-work.ts';
import { COMPONENT, isBootstrap, type Program, type SeatProgram } from './instruction.ts';
import type { DropReason, Input, Output, Values } from './io.ts';
import { type Held, isHeld, type Lease, Leases, type Slot } from './lease.ts';
import { defaultLimits, type Limits, type Usage } from './limits.ts';
import type { NetworkCounters, NetworkFactory } from './net/network.ts';
import { askedIn, Outbox } from './outbox.ts';
import type { EngineOutlet } from './outlet.ts';
import { fill, type Part, type Saved } from './saved.ts';
import { Starts } from './starts.ts';
import { Supplies } from './supplies.ts';
import type { Traces } from './trace.ts';
import { clip, type Value } from './value.ts';
import type { Waiting } from './waiting.ts';
import { Waits } from './waits.ts';
import { Courier, type PackedFrame } from './wire/courier.ts';
import { joinPieces, pieceBytes } from './wire/frame.ts';

export interface NodeOptions {
  readonly program: Program;
  /** This peer's id. */
  readonly peer: string;
  /** Higher than at any earlier start of this peer; from 1. */
  readonly incarnation: number;
  readonly limits?: Partial<Limits>;
  /** Without it, what a message brings goes with those that it causes. */
  readonly trace?: Traces | undefined;
  /** `adaptive()`: what a node does about links as they are. Without it frames leave once, and come as they come. */
  readonly network?: NetworkFactory | undefined;
  /** Those within the node (`nodeComponents`); the host answers for the others. */
  readonly components?: DeskMaker | undefined;
  /** It is to be restored on another host: keeps what work under way was given, so that it can be asked for again. */
  readonly durable?: boolean | undefined;
  /** What a node with the same program saved, to go on from there. */
  readonly saved?: SavedNode | undefined;
}

export type SavedNode = Saved<Node>;

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
  /** By seat. */
  readonly #ended: readonly EndedFlows[];
  readonly #waits: Waits;
  readonly #work: HostWork;
  readonly #components: ComponentDesk | undefined;
  /** Frames to ourselves: another seat of this peer. */
  readonly #loopback: Uint8Array[] = [];
  /** By entry. */
  readonly #starts: ReadonlyMap<string, Starts>;
  /** By seat. */
  readonly #collects: readonly Collects[];
  readonly #trace: Traces;
  readonly #early: EarlyFrames;
  readonly #deliveries: Deliveries;
  readonly #supplies: Supplies;
  #now = 0;
  #nextFlow = 1;
  #shutdown = false;

  constructor({ program, peer, incarnation, limits, saved, ...more }: NodeOptions) {
    const { trace, network, components, durable = false } = more;
    this.peer = peer;
    this.#program = program;
    this.#incarnation = incarnation;
    this.#limits = { ...defaultLimits, ...limits };
    this.#trace = trace ?? ((_, came) => came);
    this.#outbox = new Outbox(this.#limits.dropEvents);
    this.#ended = program.seats.map(
      () => new EndedFlows(this.#limits.endedFlows, (count) => this.#outbox.evict('gaps', count)),
    );
    this.#leases = new Leases((buffer) => this.#outbox.put({ type: 'release', buffer }));
    this.#starts = new Map([...program.entries].map(([name, seat]) => [name, this.#startsOf(seat)]));
    fill(this.#flows, saved?.flows ?? []);
    const own = { leases: this.#leases, flows: this.#flows, saved: saved?.outside[0] };
    const networking = network && { factory: network, ...own };
    const code: Code = (name, ...asked) =>
      this.#components?.code(name, ...asked) ?? `there is no ${name} here`;
    this.#courier = new Courier(program, peer, incarnation, this.#limits, this.#outbox, code, networking);
    const outlet: EngineOutlet = {
      start: (work, inputs, transfer) => this.#work.start(work, inputs, transfer),
      abort: (work) => this.#work.abort(work),
      ship: (flow, envelope, values, recipients) => this.#ship(flow, flow.seat, envelope, values, recipients),
      output: (flow, name, slot) => {
        this.#outbox.event({ kind: 'output', flow: flow.id, name, value: valueIn(slot) });
      },
      bound: (flow, index) => {
        this.#waits.bound(flow, index);
        this.#collects[flow.seat.index]!.begin(flow);
      },
      collected: (flow, index, result) => this.#collects[flow.seat.index]!.closed(flow, index, result),
      next: (flow, op, given) => this.#starts.get(op.entry)!.next(flow, op, given),
      ended: (flow) => this.#endFlow(flow),
      evicted: () => this.#outbox.evict('state'),
    };
    this.#engine = new Engine(peer, this.#leases, outlet, durable);
    this.#early = new EarlyFrames(this.#leases);
    this.#collects = program.seats.map(
      (seat) =>
        new Collects(seat, peer, {
          leases: this.#leases,
          limitBytes: this.#limits.bytes,
          outbox: this.#outbox,
          engine: this.#engine,
          open: () => [...this.#flows.values()].filter((flow) => flow.seat === seat),
          leave: (flow, from, edges) => this.#courier.cancel(flow, from, 'its collect has closed', edges),
        }),
    );
    this.#waits = new Waits(program, peer, this.#engine);
    const around = {
      peer,
      limits: this.#limits,
      outbox: this.#outbox,
      leases: this.#leases,
      engine: this.#engine,
      courier: this.#courier,
    };
    this.#supplies = new Supplies({ ...around, waits: this.#waits });
    this.#components = components?.({
      ...around,
      members: program.manifest.members,
      starts: this.#starts,
      work: () => this.#work,
      post: (frame) => this.#post(frame),
    });
    this.#deliveries = new Deliveries({
      ...around,
      program,
      early: this.#early,
      flows: this.#flows,
      ended: this.#ended,
      collects: this.#collects,
      components: () => this.#components,
      heard: (from) => this.#waits.found(from),
      inAllSeats: (id) => this.#inAllSeats(id),
      beginsAt: (seat) => this.#beginsAt(seat),
      isShutDown: () => this.#shutdown,
      open: (seat, head) => {
        const flow = this.#open(seat, head);
        this.#supplies.want(flow);
        return flow;
      },
      cancel: (flow, why) => this.#cancel(flow, why),
      ship: (head, seat, envelope, slots) => this.#ship(head, seat, envelope, slots),
    });
    this.#work = new HostWork({
      ...around,
      components: this.#components,
      now: () => this.#now,
      endSession: (flow) => [...this.#starts.values()].reduce((sum, starts) => sum + starts.end(flow), 0),
    });
    if (saved === undefined) return;
    [this.#now, this.#nextFlow, this.#shutdown] = saved.at;
    fill(this.#engine.variables.committed, saved.state);
    this.#leases.load(saved.leases);
    for (const [at, one] of this.#parts.entries()) one.load(saved.parts[at] as never);
    if (saved.outside[1] !== undefined) this.#components?.restore(saved.outside[1]);
  }

  get #parts(): readonly Part[] {
    const { gates, works } = this.#engine;
    const own = [this.#outbox, gates.claims, works, this.#courier, this.#waits, this.#work, this.#early];
    return [...own, ...this.#ended, ...this.#starts.values(), ...this.#collects];
  }

  /** All that it is, for {@link NodeOptions.saved}; between calls only. The objects are its own. */
  save() {
    return {
      at: [this.#now, this.#nextFlow, this.#shutdown] as const,
      flows: this.#flows,
      state: this.#engine.variables.committed,
      parts: this.#parts.map((one) => one.save()),
      outside: [this.#courier.network?.save(), this.#components?.save()] as const,
      // Those held: told by who reads it.
      leases: [] as Iterable<Lease>,
    };
  }

  /** What a new host has to be asked for again; of a durable node all that is under way. */
  get askedOfHost(): readonly Output[] {
    const { asked } = this.#outbox;
    const wanted = [...this.#flows.values()].flatMap((flow) => this.#supplies.wanted(flow));
    return [...this.#work.askedOfHost, ...wanted.filter((one) => !asked.includes(askedIn(one)!))];
  }

  /** On another host than before: work under way is asked for again, or fails where what it was given is gone. */
  moved(): void {
    this.#work.askAgain();
  }

  #startsOf(seat: SeatProgram): Starts {
    return new Starts(seat, {
      peer: this.peer,
      limits: this.#limits,
      leases: this.#leases,
      tell: (event) => this.#outbox.event(event),
      own: (value, owned) => this.#leases.own(value, owned),
      newId: () => this.#newId(),
      room: () => this.#limits.flows - this.#flows.size,
      begin: (at, start, call) => this.#begin(at, start, call),
      cancel: (flow, why) => this.#cancel(flow, why),
    });
  }

  /** What a snapshot has to be of, to be restored. */
  get identity(): Pick<NodeOptions, 'program' | 'peer' | 'incarnation'> {
    return { program: this.#program, peer: this.peer, incarnation: this.#incarnation };
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
      endedFlows: this.#ended.reduce((sum, one) => sum + one.size, 0),
      deadlines: this.#waits.size,
      work: this.#work.size,
    };
  }

  /** What was dropped so far, by reason: more than events tell of where there is much of it. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#outbox.dropped;
  }

  /** What its network did, if it has one. */
  get network(): NetworkCounters | undefined {
    return this.#courier.network?.counters;
  }

  /** Peers that have not acknowledged something of a flow that they were sent. */
  owed(flow: FlowId): readonly string[] {
    return this.#courier.network?.owed(flow) ?? [];
  }

  /** Committed values of state variables by key, those that have been assigned. To be read before the next input. */
  get state(): ReadonlyMap<string, DataValue> {
    return this.#engine.variables.values;
  }

  /** What its flows wait for; hosts have `waitsOf` to say it in words. To be read before the next input. */
  get waiting(): Waiting {
    return {
      flows: this.#flows.values(),
      uselessNs: (flow, wait) => this.#courier.network?.uselessNs(flow, wait) ?? NEVER,
      works: this.#work.underWay,
      claims: this.#engine.gates.claims.waiting(),
      turns: [...this.#starts.values()].flatMap((starts) => [...starts.turns]),
    };
  }

  handle(now: number, input: Input): void {
    this.#advance(now);
    switch (input.type) {
      case 'frame':
        this.#deliveries.frame(input);
        break;
      case 'invoke':
        this.#invoke(input);
        break;
      case 'supply':
        this.#supplies.supply(input.flow, this.#inAllSeats(input.flow), input.values, input.owned === true);
        break;
      case 'restore':
        this.#restore(input.state);
        break;
      case 'done':
        if (input.suspect !== undefined) this.#work.suspect(input.work, input.suspect);
        this.#work.done(input.work, input.outputs);
        break;
      case 'failed':
        if (input.notFinite !== undefined)
          this.#work.diverge(input.work, input.notFinite, clip(input.message));
        this.#work.failed(input.work, 'failed', clip(input.message, FAILURE_CHARACTERS));
        break;
      case 'cancel':
        for (const flow of this.#inAllSeats(input.flow))
          this.#cancel(flow, clip(input.why ?? 'cancelled here'));
        break;
      case 'begin':
        for (const starts of this.#starts.values()) starts.arm(this.#now);
        break;
      case 'lost':
        this.#waits.lose(input.peer, [...this.#flows.values()]);
        break;
      case 'found':
        this.#waits.found(input.peer);
        this.#courier.network?.found(input.peer);
        break;
      case 'policy':
        this.#courier.network?.policy(input);
        break;
      case 'shutdown':
        this.#shutdown = true;
        for (const starts of this.#starts.values()) starts.close();
        for (const flow of [...this.#flows.values()]) this.#cancel(flow, 'the node shuts down');
    }
    this.#loop();
  }

  poll(now: number): Output {
    this.#advance(now);
    // One at a time: a session that never ends does not keep its host from anything else.
    for (const starts of this.#starts.values()) if (this.#outbox.size === 0) starts.follow();
    this.#loop();
    const output = this.#outbox.take();
    if (output !== undefined) return output;
    const [network, components] = [this.#courier.network?.next, this.#components?.nextNs];
    let until = Math.min(this.#waits.next, this.#work.nextNs, network ?? NEVER, components ?? NEVER);
    for (const { dueNs } of this.#starts.values()) until = Math.min(until, dueNs);
    return { type: 'idle', until: until === NEVER ? undefined : until };
  }

  #advance(now: number): void {
    // A clock that is no number, or so large that a deadline is no later, would have deadlines due for ever.
    if (now > this.#now) this.#now = Math.min(now, Number.MAX_SAFE_INTEGER);
    const { network } = this.#courier;
    if (network !== undefined) this.#waits.change(network.advance(this.#now), this.#flows.values());
    this.#waits.advance(this.#now);
    this.#work.advance(this.#now);
    this.#components?.advance(this.#now);
    for (const starts of this.#starts.values()) starts.advance(this.#now);
    this.#loop();
  }

  #loop(): void {
    do {
      for (let bytes = this.#loopback.shift(); bytes !== undefined; bytes = this.#loopback.shift())
        this.#deliveries.frame({ from: this.peer, bytes, vouched: true, owned: true });
    } while (this.#components?.drain() === true || this.#loopback.length > 0);
  }

  // --- flows -----------------------------------------------------------------------------------------

  #invoke(input: Extract<Input, { type: 'invoke' }>): void {
    const { entry: name, request } = input;
    const refuse = (why: string): void =>
      this.#outbox.event({ kind: 'flow-refused', ...(request !== undefined && { request }), why });
    const entry = this.#program.manifest.entries.find((one) => one.name === name);
    if (entry === undefined) return refuse(`no entry ${name}`);
    const starts = this.#starts.get(name);
    if (starts === undefined) return refuse(`${name} starts at ${entry.class}`);
    if (this.#shutdown) return refuse('the node shuts down');
    starts.call(input);
  }

  #begin(seat: SeatProgram, start: FlowStart, call: Omit<WaitingCall, 'bytes'> | undefined): void {
    const flow = this.#open(seat, start, call?.request);
    this.#starts.get(seat.entry!)!.begun(flow);
    this.#supplies.give(flow, call?.values ?? {}, call?.owned ?? true);
    for (const { edge, from, slot } of flow.id.kind === 'joint' ? this.#early.take(flow.key) : []) {
      this.#deliveries.fill(flow, edge, from, slot);
      this.#leases.drop(slot);
    }
    this.#supplies.want(flow);
    this.#engine.settle(flow);
  }

  #newId(): FlowId {
    const [initiator, incarnation, counter] = [this.peer, this.#incarnation, this.#nextFlow++];
    return { kind: 'initiated', initiator, incarnation, counter };
  }

  #restore(state: Values): void {
    const bootstraps = this.#program.seats.filter(isBootstrap).length;
    const begun =
      this.#nextFlow > 1 + bootstraps || [...this.#flows.values()].some(({ seat }) => !isBootstrap(seat));
    for (const [key, value] of Object.entries(state)) {
      const [reason, what] = begun
        ? (['late', 'flows have begun'] as const)
        : (stateMisfit(this.#program.manifest, key, value, this.#limits) ?? []);
      if (reason !== undefined) this.#outbox.drop(reason, this.peer, `state ${key}: ${what}`);
      else this.#engine.restore(key, this.#leases.own(value, false) as Held);
    }
  }

  #open(seat: SeatProgram, start: FlowStart, request?: number): Flow {
    const { id, session, step, opener } = start;
    const trace = this.#trace({ id, session, step, seat: seat.name }, start.trace);
    const flow = new Flow({ ...start, trace }, this.#now, seat);
    this.#flows.set(flow.key, flow);
    this.#outbox.event({
      kind: 'flow-started',
      flow: id,
      ...(step > 0 && { session, step }),
      ...(opener !== undefined && { opener }),
      ...(request !== undefined && { request }),
      ...seatOf(flow),
    });
    this.#engine.begin(flow);
    this.#collects[seat.index]!.begin(flow);
    this.#waits.begin(flow);
    return flow;
  }

  /** A flow in each seat of this peer that it is open in. */
  #inAllSeats(id: FlowId): readonly Flow[] {
    return this.#program.seats.flatMap((seat) => this.#flows.get(seatKey(id, seat)) ?? []);
  }

  #endFlow(flow: Flow): void {
    const { id, seat, causes, ops, cameOut, followers } = flow;
    this.#flows.delete(flow.key);
    this.#ended[seat.index]!.add(id);
    this.#waits.tidy(this.#flows.size);
    const starts = this.#startsHere(flow);
    starts?.over(flow);
    if (starts?.has(flow) === false) this.#endSession(flow);
    const status = causes.length === 0 ? 'complete' : cameOut ? 'partial' : 'failed';
    this.#outbox.event({
      kind: 'flow-ended',
      flow: id,
      status,
      causes,
      ops,
      ...(followers !== 0 && { followers }),
      ...seatOf(flow),
    });
    const why = causes[0]?.missing;
    if (why !== undefined)
      for (const key of flow.holds ?? [])
        if (key.startsWith(COMPONENT))
          this.#outbox.event({
            kind: 'component-failed',
            component: key.slice(COMPONENT.length),
            message: clip(`its bootstrap ${seat.entry} has failed: ${why.detail ?? why.reason}`),
          });
  }

  /** The entry that a flow began with, in the seat where it did. */
  #startsHere({ id, seat }: Flow): Starts | undefined {
    if (id.kind === 'initiated' && id.initiator !== this.peer) return undefined;
    const starts = this.#starts.get(seat.entry ?? '');
    return starts?.seat === seat ? starts : undefined;
  }

  /** A flow that began here has ended, and none of its session waits. */
  #endSession(ended: Flow): void {
    this.#collects[ended.seat.index]!.end(ended);
    if (ended.seat.scopes.size === 0) return;
    const session = flowKey(ended.session);
    for (const flow of this.#flows.values()) if (flowKey(flow.session) === session) return;
    this.#engine.variables.endSession(ended.session);
  }

  #cancel(flow: Flow, why: string): void {
    if (flow.cancelled !== undefined || flow.ended) return;
    const starts = this.#startsHere(flow);
    starts?.over(flow);
    if (starts !== undefined && flow.id.kind === 'initiated')
      for (const peer of flow.told) this.#courier.cancel(flow, peer, why);
    const { session, step } = flow;
    const bound = { id: boundBy(flow.id, this.peer), session, step };
    for (const peer of flow.bade) this.#courier.cancel(bound, peer, why);
    for (const own of this.#inAllSeats(bound.id)) this.#cancel(own, why);
    this.#engine.cancel(flow, { reason: 'cancelled', peer: this.peer, detail: why });
    this.#engine.settle(flow);
  }

  #beginsAt(seat: SeatProgram): boolean {
    return this.#starts.get(seat.entry ?? '')?.seat === seat;
  }

  #ship(
    head: FlowHead,
    seat: SeatProgram,
    envelope: number,
    slots: readonly Slot[],
    recipients: readonly (Slot | undefined)[] = [],
  ): void {
    const [values, members] = [slots.map(valueIn), recipients.map((slot) => slot && valueIn(slot))];
    const group = seat.envelopes[envelope]!;
    let told: Set<string> | undefined;
    if (head instanceof Flow)
      told = group.shift > 0 ? head.bade : this.#startsHere(head) === undefined ? undefined : head.told;
    for (const frame of this.#courier.pack(head, group, values, members, told))
      this.#post(frame, { flow: head.id, envelope: group.number });
  }

  #post(
    { to, pieces }: PackedFrame,
    account?: Pick<Extract<Output, { type: 'send' }>, 'flow' | 'envelope'>,
  ): void {
    if (to !== this.peer) return this.#outbox.put({ type: 'send', to, pieces, ...account });
    // To another seat of this peer: through the same frames, so that results do not depend on placement.
    const bytes = new Uint8Array(pieceBytes(pieces));
    joinPieces(pieces, bytes);
    this.#loopback.push(bytes);
  }
}
