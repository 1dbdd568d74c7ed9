// How many bytes a node holds at once in one flow, at most: a bound over every order in which frames can come and work can
// end, since a program says what waits for what and no more.
//
// Each buffer is known by what it comes of and by what must all have happened before it is let go of. Whenever something
// happens, those count that may be there then: not born after it for sure, and not dead before it for sure. The largest
// sum over all that happens is what is held at most, since what is held together is there when the last of it is born.

import {
  attributeString,
  byteLengthOfType,
  CORE,
  codedBytes,
  DOMAIN,
  type Edge,
  findAttribute,
  headerBytesOf,
  type Members,
  type Op,
  type OpId,
  RAW,
  typeOfPort,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import type { Deployment, Program } from '../pass.ts';
import {
  claims,
  edgeSent,
  edgesTaken,
  fragmentOf,
  type Happening,
  type Happenings,
  has,
  type Order,
  takesAll,
  writes,
} from './order.ts';
import { peakOf } from './schedule.ts';
import { rowsOf, type Sizes } from './sizes.ts';

/** Memory that is taken and let go of as one. */
interface Holding {
  readonly bytes: number;
  /** It is there from the last of these on. */
  readonly from: ReadonlySet<Happening>;
  /** It is needed until all of these have happened. */
  readonly until: Set<Happening>;
  /** It is there while these happen, too. */
  readonly during: Set<Happening>;
  /** It is not needed after any of these, either. */
  readonly unless: readonly Happening[];
}

/** What never happens in a flow: its end. */
const END: Happening = -1;
/** How a sender lays out what it keeps. */
const ALIGNMENT = 64;

/** Hosts copy what comes into buffers of few sizes, which waste at most a third; small frames into their own. */
const inBuffer = (bytes: number): number =>
  bytes <= 3072 ? bytes : Math.max(4096, Math.ceil((bytes * 4) / 3));

export interface Around extends Pick<Deployment, 'edges' | 'entries'> {
  readonly order: Order;
  readonly sizes: Sizes;
  readonly members: Members;
}

/** Bytes at most, or why nobody can say; of all that belongs to one entry, where there are several. */
export const heldAtOnce = (program: Program, entry: string | undefined, around: Around): number | string =>
  new Holdings(program, entry, around).most();

class Holdings {
  readonly #program: Program;
  readonly #around: Around;
  readonly #ops: readonly Op[];
  readonly #all: Holding[] = [];
  /** By value: what holds it. Several where one of them is chosen when it runs. */
  readonly #of = new Map<ValueId, readonly Holding[]>();
  /** By op: when it has fired, for sure. */
  readonly #fired = new Map<OpId, ReadonlySet<Happening>>();
  /** Fragments that touch states or components: their ops wait for others of their kind. */
  readonly #claiming = new Set<number | undefined>();
  /** By a Collect whose answers are folded as they come, and never stacked: the call that folds them. */
  readonly #folds = new Map<OpId, Op>();
  /** Keys of states, by flows of any entry. */
  readonly #assigned: ReadonlySet<string | undefined>;
  /** By edge: the frames that it comes in. */
  readonly #frames = new Map<number, Holding>();
  /** By envelope: what leaves in it. */
  readonly #sends = new Map<number, Op[]>();
  /** What is taken of edges from others, by their class. */
  readonly #taken = new Map<
    string,
    { readonly op: Op; readonly frame: Happening; readonly takesAll: boolean }[]
  >();
  #open: string | undefined;

  constructor(program: Program, entry: string | undefined, around: Around) {
    this.#program = program;
    this.#around = around;
    const { model, seats, seatOf } = program;
    const mine = new Set(seats?.filter((seat) => seat.entry === entry).map(({ name }) => name));
    this.#ops = [...model.opsOf()].filter((op) => entry === undefined || mine.has(seatOf?.[op.id] ?? ''));
    const assigns = [...model.opsOf()].filter((op) => isState(op, CORE.stateAssign));
    this.#assigned = new Set(assigns.map((op) => attributeString(op, 'key')));
    for (const op of this.#ops) if (claims(op)) this.#claiming.add(fragmentOf(program, op));
    for (const op of this.#ops)
      for (const id of isFold(op) ? op.inputs : []) {
        const { def } = model.value(id);
        const maker = def.kind === 'op' ? model.op(def.op) : undefined;
        if (maker?.domain === DOMAIN.wire && maker.type === WIRE.collect) this.#folds.set(maker.id, op);
      }
    for (const op of this.#ops) this.#noteCrossing(op);
    this.#takeInputs();
    this.#takeFrames(
      around.entries.some(
        (one) => one.joint && one.class === program.class && (entry === undefined || one.name === entry),
      ),
    );
    for (const op of this.#ops) this.#take(op);
    for (const op of this.#ops) this.#use(op);
    this.#keepSent();
  }

  most(): number | string {
    if (this.#open !== undefined) return this.#open;
    const { order } = this.#around;
    const held = this.#all.filter(({ bytes }) => bytes > 0);
    if (!order.isKnown) return held.reduce((sum, { bytes }) => sum + bytes, 0);
    const moments = new Set(this.#all.flatMap(({ from, until }) => [...from, ...until]));
    moments.delete(END);
    const sums = new Float64Array(moments.size);
    for (const one of held) {
      const there = this.#mayBeThere(one);
      let at = 0;
      for (const moment of moments) {
        if (has(there, moment)) sums[at]! += one.bytes;
        at++;
      }
    }
    return sums.reduce((most, sum) => Math.max(most, sum), 0);
  }

  /** During what it may be there. */
  #mayBeThere({ from, until, during, unless }: Holding): Happenings {
    const { order } = this.#around;
    // What ends with its beginning is over when anything else happens.
    const over = order.afterAll([...until].filter((one) => !from.has(one)));
    const [early, late] = [order.beforeAny(from), order.afterAny(unless)];
    const there = order.of([...from, ...during]);
    for (let word = 0; word < there.length; word++)
      there[word]! |= ~(early[word]! | late[word]! | over[word]!);
    return there;
  }

  #known(bytes: number | string): number {
    if (typeof bytes === 'number') return bytes;
    this.#open ??= bytes;
    return 0;
  }

  #bytesOf(id: ValueId): number {
    return id === 0 ? 0 : this.#known(this.#around.sizes.bytesOf(this.#program.model.value(id)));
  }

  #hold(
    bytes: number,
    from: Iterable<Happening>,
    until: Iterable<Happening> = [],
    unless: readonly Happening[] = [],
  ): Holding {
    const holding = {
      bytes,
      from: new Set(from),
      until: new Set(until),
      during: new Set<Happening>(),
      unless,
    };
    this.#all.push(holding);
    return holding;
  }

  #takeInputs(): void {
    const { model } = this.#program;
    const read = new Set(this.#ops.flatMap(({ inputs }) => inputs));
    for (const id of model.mainGraph.inputs)
      if (model.value(id).weight === undefined && read.has(id))
        this.#of.set(id, [this.#hold(this.#bytesOf(id), [this.#around.order.input(this.#program, id)])]);
  }

  // --- what comes ------------------------------------------------------------------------------------

  /** A frame is held as long as anything in it. What a codec makes of it is let go of with it. */
  #takeFrames(joint: boolean): void {
    const { edges, order, members } = this.#around;
    const envelopes = new Map<number, { edges: Edge[]; frames: number }>();
    for (const op of this.#ops) {
      const taken = edgesTaken(op);
      for (const id of taken) {
        const edge = edges[id]!;
        const all = members[edge.from.class]?.length ?? 0;
        // Of several fields one may come without the others.
        const frames = op.type === WIRE.recv ? 1 : taken.length > 1 ? all : rowsOf(op, all);
        const envelope = envelopes.get(edge.envelope) ?? { edges: [], frames };
        envelope.edges.push(edge);
        envelope.frames = Math.max(envelope.frames, frames);
        envelopes.set(edge.envelope, envelope);
      }
    }
    let largest = 0;
    for (const { edges: together, frames } of envelopes.values()) {
      const bytes = this.#frameBytes(together);
      largest = Math.max(largest, bytes);
      const frame = order.frame(this.#program, together[0]!);
      const holding = this.#hold(bytes * frames, [frame]);
      for (const edge of together) this.#frames.set(edge.id, holding);
      // Who is ahead of this member sends for a flow that it has not entered.
      if (joint) this.#hold(bytes * frames, [frame], [END]);
    }
    // One that comes twice, or too late, is there while it is looked at.
    if (largest > 0) this.#hold(largest, [], [END]);
  }

  #frameBytes(edges: readonly Edge[]): number {
    const shaped = edges.map((edge) => ({ ...edge, shape: this.#shapeOf(edge) }));
    const peerBytes = Math.max(
      ...Object.values(this.#around.members)
        .flat()
        .map((id) => new TextEncoder().encode(id).length),
    );
    const header = headerBytesOf(shaped, peerBytes);
    if (header === null) this.#open ??= `what comes over edge ${edges[0]!.id} may have any number of parts`;
    const coded = edges.reduce((sum, edge) => sum + this.#payloadBytes(edge), 0);
    const decoded = edges.reduce((sum, edge) => sum + (edge.codec === RAW ? 0 : this.#valueBytes(edge)), 0);
    return inBuffer((header ?? 0) + coded) + decoded;
  }

  /** Of one value on an edge, at most: of a scatter a row. */
  #shapeOf({ value, shape, ...edge }: Edge): Edge['shape'] {
    if (shape === null || shape.every((dim) => typeof dim === 'number')) return shape;
    const known = this.#around.sizes.shapeOf({ name: value, type: typeOfPort({ ...edge, shape }) });
    if (known === undefined || known.length < shape.length) return shape;
    return known.slice(known.length - shape.length);
  }

  #valueBytes(edge: Edge): number {
    if (edge.kind === 'trigger') return 0;
    const type = typeOfPort({ ...edge, shape: this.#shapeOf(edge) });
    return byteLengthOfType(type) ?? this.#known(this.#around.sizes.bytesOf({ name: edge.value, type }));
  }

  #payloadBytes(edge: Edge): number {
    if (edge.codec === RAW || edge.kind === 'trigger') return this.#valueBytes(edge);
    const bytes = codedBytes(edge.codec, this.#shapeOf(edge) ?? [null]);
    return this.#known(
      typeof bytes === 'number' ? bytes : `the codec ${edge.codec} does not say how many bytes it makes`,
    );
  }

  // --- what is made ----------------------------------------------------------------------------------

  /** When an op has fired: work when it is done, what the node does itself as soon as it can. */
  #firedBy(op: Op): ReadonlySet<Happening> {
    const known = this.#fired.get(op.id);
    if (known !== undefined) return known;
    const { order, edges } = this.#around;
    const when = new Set<Happening>();
    const claiming = this.#claiming.has(fragmentOf(this.#program, op));
    const isSend = edgeSent(op) !== undefined;
    if (
      !isSend &&
      (claiming || op.type === WIRE.collect || (op.domain !== DOMAIN.core && op.domain !== DOMAIN.wire))
    )
      when.add(order.op(this.#program, op.id));
    else {
      for (const id of edgesTaken(op)) when.add(order.frame(this.#program, edges[id]!));
      for (const id of op.inputs) for (const one of this.#shown(id, op)) when.add(one);
    }
    this.#fired.set(op.id, when);
    return when;
  }

  /** When a value is there for an op, or for the application. */
  #shown(id: ValueId, reader: Op | undefined): ReadonlySet<Happening> {
    const { model } = this.#program;
    if (id === 0) return new Set();
    const { def, weight } = model.value(id);
    if (def.kind === 'input' && weight === undefined)
      return new Set([this.#around.order.input(this.#program, id)]);
    if (def.kind !== 'op') return new Set();
    const maker = model.op(def.op);
    const isInside =
      reader !== undefined && fragmentOf(this.#program, maker) === fragmentOf(this.#program, reader);
    const commit = isInside ? [] : this.#around.order.commit(this.#program, maker);
    return new Set([...this.#firedBy(maker), ...commit]);
  }

  #take(op: Op): void {
    const { order } = this.#around;
    if (op.type === WIRE.recv && op.domain === DOMAIN.wire) {
      const [id] = edgesTaken(op);
      const frame = this.#frames.get(id!)!;
      this.#of.set(op.outputs[0]!, [frame]);
      for (const one of this.#firedBy(op)) frame.until.add(one);
      return;
    }
    const mine = [order.op(this.#program, op.id)];
    if (op.type === WIRE.collect && op.domain === DOMAIN.wire) {
      const fold = this.#folds.get(op.id);
      for (const id of edgesTaken(op)) {
        this.#frames.get(id)!.until.add(mine[0]!);
        if (fold !== undefined) this.#frames.get(id)!.until.add(order.op(this.#program, fold.id));
      }
      if (attributeString(op, 'late') === 'next')
        this.#open ??= `${op.name || op.type} keeps late answers for flows to come, as many as there are`;
    }
    if (op.domain === DOMAIN.core && (op.type === CORE.when || op.type === CORE.orElse)) {
      const passed = op.inputs
        .slice(0, op.type === CORE.when ? 1 : 2)
        .flatMap((id) => this.#of.get(id) ?? []);
      this.#of.set(op.outputs[0]!, passed);
      return;
    }
    if (op.domain === DOMAIN.segment) this.#takeWork(op, mine[0]!);
    const from = this.#firedBy(op);
    for (const id of op.outputs) {
      if (id === 0) continue;
      // What is read of a state that nobody assigns is what is committed.
      const isCommitted = isState(op, CORE.stateRead) && !this.#assigned.has(attributeString(op, 'key'));
      const isFolded = this.#folds.has(op.id) && op.outputs.indexOf(id) < edgesTaken(op).length;
      const bytes = isCommitted || isFolded ? 0 : this.#resultBytes(op, id);
      this.#of.set(id, [this.#hold(bytes, from.size === 0 ? mine : from)]);
    }
  }

  /** What a backend has besides while it computes; of a fold also what came of the answers so far, and of one more. */
  #takeWork(op: Op, done: Happening): void {
    const { model } = this.#program;
    const { edges, order } = this.#around;
    const { graph } = model.functionOf(op)!;
    const { inputs, outputs } = model.graph(graph);
    const sizeOf = (_: unknown, id: ValueId): number | string => this.#around.sizes.bytesOf(model.value(id));
    const inner = this.#known(peakOf(model, graph, sizeOf, new Set([...inputs, ...outputs])));
    const begun = op.inputs.flatMap((id) => {
      const { def } = model.value(id);
      const collect = def.kind === 'op' && this.#folds.get(def.op) === op ? model.op(def.op) : undefined;
      return collect === undefined
        ? [...this.#shown(id, op)]
        : edgesTaken(collect).map((edge) => order.frame(this.#program, edges[edge]!));
    });
    const between = isFold(op) ? op.outputs.reduce((sum, id) => sum + 2 * this.#resultBytes(op, id), 0) : 0;
    this.#hold(inner + between, begun, [done]);
  }

  /** What nobody reads of a fold is as large as what it began with. */
  #resultBytes(op: Op, id: ValueId): number {
    const { type } = this.#program.model.value(id);
    return this.#bytesOf(isFold(op) && type === undefined ? op.inputs[op.outputs.indexOf(id)]! : id);
  }

  // --- who needs it ----------------------------------------------------------------------------------

  #use(op: Op): void {
    const { order } = this.#around;
    const isSend = edgeSent(op) !== undefined;
    const until = new Set(this.#firedBy(op));
    if (writes(op)) for (const one of order.commit(this.#program, op)) until.add(one);
    if (isSend) for (const one of this.#left(op)) until.add(one);
    if (op.domain === DOMAIN.core && (op.type === CORE.next || op.type === CORE.start)) until.add(END);
    for (const holding of op.inputs.flatMap((id) => this.#of.get(id) ?? [])) {
      for (const one of until) holding.until.add(one);
      for (const one of isSend ? this.#together(op) : []) holding.during.add(order.op(this.#program, one.id));
    }
    for (const id of op.outputs)
      if (this.#program.model.uses(id).some(({ kind }) => kind === 'output'))
        for (const holding of this.#of.get(id) ?? [])
          for (const one of this.#shown(id, undefined)) holding.until.add(one);
  }

  #noteCrossing(op: Op): void {
    const { edges, members, order } = this.#around;
    const sent = edges[edgeSent(op) ?? -1];
    if (sent !== undefined) {
      const together = this.#sends.get(sent.envelope) ?? [];
      this.#sends.set(sent.envelope, together);
      together.push(op);
    }
    const taken = edges[edgesTaken(op)[0] ?? -1];
    if (taken === undefined || taken.kind === 'local') return;
    const from = this.#taken.get(taken.from.class) ?? [];
    this.#taken.set(taken.from.class, from);
    const all = members[taken.from.class]?.length ?? 0;
    from.push({ op, frame: order.frame(this.#program, taken), takesAll: takesAll(op, all) });
  }

  /** Those that leave with it. */
  #together(op: Op): readonly Op[] {
    return this.#sends.get(this.#around.edges[edgeSent(op)!]!.envelope)!;
  }

  /** When an envelope leaves: all of it at once, and with what its fragment commits. */
  #left(op: Op): readonly Happening[] {
    const fired = this.#together(op).flatMap((one) => [...this.#firedBy(one)]);
    return [...fired, ...this.#around.order.commit(this.#program, op)];
  }

  /** A copy of what is sent is kept until it is acknowledged: an answer of the only receiver, or of all, does that. */
  #keepSent(): void {
    const { edges, members, order } = this.#around;
    const done = new Set<number>();
    for (const op of this.#ops) {
      const edge = edges[edgeSent(op) ?? -1];
      if (edge === undefined || edge.kind === 'local' || done.has(edge.envelope)) continue;
      done.add(edge.envelope);
      const together = this.#together(op).map((one) => ({ op: one, edge: edges[edgeSent(one)!]! }));
      const byRow = together.some(
        (one) => one.edge.kind === 'scatter' || findAttribute(one.op, 'rows') !== undefined,
      );
      const copies = byRow ? (members[edge.to.class]?.length ?? 1) : 1;
      const bytes = together.reduce((sum, one) => sum + this.#payloadBytes(one.edge) + ALIGNMENT, 0);
      const sent = order.op(this.#program, op.id);
      const leave = together.map((one) => order.op(this.#program, one.op.id));
      this.#hold(bytes * copies, leave, [END], this.#answersTo(edge, sent));
    }
  }

  /** The first of them, after which come all others. */
  #answersTo({ to, kind }: Edge, sent: Happening): readonly Happening[] {
    const { order } = this.#around;
    const first: Happening[] = [];
    for (const { op, frame, takesAll: isOfAll } of this.#taken.get(to.class) ?? []) {
      const isAnswer = op.type === WIRE.recv ? kind === 'send' : isOfAll;
      const answer = op.type === WIRE.recv ? frame : order.op(this.#program, op.id);
      if (isAnswer && order.before(sent, frame) && !first.some((one) => order.before(one, answer)))
        first.push(answer);
    }
    return first;
  }
}

const isState = ({ domain, type }: Op, wanted: string): boolean => domain === DOMAIN.core && type === wanted;
const isFold = (op: Op): boolean => op.domain === DOMAIN.segment && findAttribute(op, 'fold') !== undefined;
