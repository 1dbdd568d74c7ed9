// Between the node and its frames: builds what leaves, and lets in only what may come.

import { codecSlot, isCoded, RAW } from '../../ir/codec.ts';
import { type DataValue, isTensor, tensorsOf } from '../../ir/data.ts';
import { type Edge, WIRE_VERSION } from '../../ir/deployment.ts';
import { productOf, type Tensor } from '../../ir/types.ts';
import type { ControlMessage } from '../components/container.ts';
import type { Code } from '../components/desk.ts';
import type { FlowHead } from '../flow.ts';
import { boundBy, type FlowId, outside, startersOf, underOf, wholeOf } from '../flow-id.ts';
import { type EnvelopeGroup, type Program, shiftOf } from '../instruction.ts';
import type { Limits } from '../limits.ts';
import { describeData, describePort, fits } from '../manifest.ts';
import type { ErrorNews, Network, NetworkContext, NetworkFactory, Parcel } from '../net/network.ts';
import type { Outbox } from '../outbox.ts';
import { peersIn } from '../peer-set.ts';
import { fill, type Saved } from '../saved.ts';
import { rowsFor } from '../scatter.ts';
import { TRACE_BYTES } from '../trace.ts';
import { clip, isMissing, type Value } from '../value.ts';
import { controlContent, controlMessages } from './control.ts';
import {
  type Envelope,
  type EnvelopeInit,
  ERROR,
  type ErrorCode,
  type Fill,
  type FillInit,
  type FlowIdMessage,
} from './envelope.ts';
import { type Decode, fillOf, valueOfFill } from './fill.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';

/** A frame in pieces, and who gets it. */
export interface PackedFrame {
  readonly to: string;
  readonly pieces: readonly Uint8Array[];
}

/** For components, and of no flow. */
export interface ControlDelivery {
  readonly control: readonly ControlMessage[];
  readonly flow?: undefined;
}

export interface Delivery {
  readonly control?: undefined;
  readonly flow: FlowHead;
  /** Why the sender cancels the flow; undefined: it does not, or may not. */
  readonly cancel: string | undefined;
  /** Values that the sender wants no more. */
  readonly unwanted: readonly Edge[];
  /** Checked against their edges; tensors are views into the frame. */
  readonly values: readonly { readonly edge: Edge; readonly value: Value }[];
}

const idMessage = (id: FlowId): EnvelopeInit['flow'] => ({
  initiated: id.kind === 'initiated' ? id : undefined,
  joint: id.kind === 'joint' ? id : undefined,
  under: id.under,
});

const payloadOf = (value: DataValue): Uint8Array | readonly Uint8Array[] =>
  isTensor(value) ? value.bytes : tensorsOf(value).map(({ bytes }) => bytes);

type Frames = readonly PackedFrame[];

/** A copy: the frame's buffer is used again. What is no trace context is nobody's. */
const traceOf = ({ trace }: Envelope): Uint8Array | undefined =>
  trace.length === TRACE_BYTES ? trace.slice() : undefined;

const encoded = (bytes: Uint8Array): Tensor => ({ dtype: 'uint8', dims: [bytes.length], bytes });

const yes = { dtype: 'bool', dims: [], bytes: Uint8Array.of(1) } as const;

interface Correspondent {
  /** Envelopes sent to it. */
  sent: number;
  incarnation: number;
  /** Errors told to it, each once, so that two peers cannot go on telling each other errors. */
  readonly told: Set<ErrorCode>;
}

/** What a node gives to its network. */
export interface Networking extends Pick<NetworkContext, 'leases' | 'flows'> {
  readonly factory: NetworkFactory;
  /** What it saved, to go on from there. */
  readonly saved?: unknown;
}

export class Courier {
  /** Undefined: frames leave once, and come as they come. */
  readonly network: Network | undefined;
  readonly #program: Program;
  readonly #peer: string;
  readonly #incarnation: number;
  readonly #limits: Limits;
  readonly #outbox: Outbox;
  readonly #code: Code;
  /** Peers of the deployment that were heard or told something; others are not remembered. */
  readonly #correspondents = new Map<string, Correspondent>();

  constructor(
    program: Program,
    peer: string,
    incarnation: number,
    limits: Limits,
    outbox: Outbox,
    code: Code,
    networking?: Networking,
  ) {
    this.#program = program;
    this.#peer = peer;
    this.#incarnation = incarnation;
    this.#limits = limits;
    this.#outbox = outbox;
    this.#code = code;
    const tell = (to: string, error: ErrorNews): void => this.#tell(to, error);
    this.network = networking?.factory(
      { ...networking, peer, incarnation, program, limits, outbox, tell },
      networking.saved,
    );
  }

  #correspondent(peer: string): Correspondent | undefined {
    const known = this.#correspondents.get(peer);
    if (known !== undefined || !this.#program.members.knows(peer)) return known;
    const made = { sent: 0, incarnation: 0, told: new Set<ErrorCode>() };
    this.#correspondents.set(peer, made);
    return made;
  }

  /** Whether an edge of a flow may begin at a peer, as far as the edge says; a set says more. */
  #mayBegin(edge: Edge, flow: FlowId, peer: string): boolean {
    if (edge.kind === 'local') return peer === this.#peer;
    return this.#isAt(edge.from, shiftOf(edge) > 0, flow, peer);
  }

  /** `around`: the end is the place around the other one. */
  #isAt({ class: name, binder }: Edge['from'], around: boolean, flow: FlowId, peer: string): boolean {
    if (around) return underOf(flow).at(-1) === peer;
    if (binder === 'me') return startersOf(flow).includes(peer);
    const position = this.#program.members.position(name, peer);
    return binder === 'single' ? position === 0 : position >= 0;
  }

  /** Who gets an envelope. */
  #destinationsOf(
    { binder, class: name, local, destinations }: EnvelopeGroup,
    flow: FlowId,
    set: Value | undefined,
  ): readonly string[] {
    if (binder === 'all') return destinations;
    if (binder === 'me') return startersOf(flow);
    if (binder === 'around') return underOf(flow).slice(-1);
    // Without a set there is nobody to tell.
    if (set === undefined || isMissing(set)) return [];
    const found = peersIn(set, this.#program.members, name);
    const bound = binder === 'one' ? found.slice(0, 1) : found;
    return local ? bound.filter((id) => id === this.#peer) : bound;
  }

  /**
   * The frames of one envelope, one for each destination. `members`: of each value, the set that it is for, or whom a
   * scatter's rows are for. Who gets them is added to `told`.
   */
  pack(
    { id, session, step, trace }: FlowHead,
    group: EnvelopeGroup,
    values: readonly Value[],
    members: readonly (Value | undefined)[],
    told?: Set<string>,
  ): Frames {
    const { edges, rows: byRow, number, shift } = group;
    const there = shift > 0 ? boundBy(id, this.#peer) : shift < 0 ? outside(id) : id;
    const about = { flow: id, number };
    const destinations = this.#destinationsOf(group, id, members[0]);
    for (const to of destinations) if (to !== this.#peer) told?.add(to);
    // A flow that follows none is its own session.
    const head = {
      flow: idMessage(there),
      session: step === 0 ? undefined : idMessage(session),
      step,
      trace,
    };
    if (byRow.length === 0) return this.#frames(destinations, head, about, this.#load(edges, values));
    const rows = edges.map((_, at) =>
      byRow[at] === true ? rowsFor(values[at]!, members[at], destinations, this.#peer) : undefined,
    );
    return destinations.flatMap((to, index) => {
      const own = values.map((value, at) => rows[at]?.[index] ?? value);
      return this.#frames([to], head, about, this.#load(edges, own));
    });
  }

  /** Values as fills, and the bytes that go beside them. */
  #load(edges: readonly Edge[], values: readonly Value[]) {
    const sent = values.map((value, at) => this.#encoded(edges[at]!, value));
    const isTrigger = (at: number): boolean => edges[at]!.kind === 'trigger';
    return {
      fills: sent.map(([value, coded], at) =>
        fillOf(edges[at]!.id, value, isTrigger(at), coded !== undefined),
      ),
      payloads: sent.map(([value, coded], at) =>
        isMissing(value) || isTrigger(at) ? undefined : payloadOf(coded ?? value),
      ),
    };
  }

  /** A value and what goes in its place, where its edge has a codec. */
  #encoded({ codec, id }: Edge, value: Value): readonly [value: Value, coded?: Tensor] {
    if (codec === RAW || isMissing(value) || !isTensor(value) || !isCoded(value.dtype)) return [value];
    const component = codecSlot(codec);
    const made = this.#code(component, 'Encode', [value]);
    if (typeof made !== 'string') return [value, made];
    const detail = clip(made);
    this.#outbox.event({ kind: 'component-failed', component, message: detail });
    return [{ reason: 'failed', peer: this.#peer, edge: id, detail }];
  }

  /** The frames of a message for a component at another peer; undefined: there is no such peer. */
  packControl(to: string, message: ControlMessage): Frames | undefined {
    if (this.#correspondent(to) === undefined) return undefined;
    const { fills, ...head } = controlContent(message);
    return this.#frames([to], head, {}, { fills, payloads: [message.body] });
  }

  /** A frame for each of the peers, but for those that the network sends itself. */
  #frames(
    peers: readonly string[],
    head: EnvelopeInit,
    about: Pick<Parcel, 'flow' | 'number'>,
    { fills, payloads }: { readonly fills: readonly FillInit[]; readonly payloads: Parcel['payloads'] },
  ): Frames {
    const { network } = this;
    const shared = peers.some((to) => to !== this.#peer) ? network?.share(payloads) : undefined;
    shared?.hold();
    const frames = peers.flatMap((to) => {
      const envelope = this.#envelope(to, { ...head, fills });
      if (network === undefined || to === this.#peer) return { to, pieces: encodeFrame(envelope, payloads) };
      network.send(to, { ...about, envelope, payloads }, shared);
      return [];
    });
    shared?.drop();
    return frames;
  }

  /** What a frame brings; undefined if nothing may come of it. Never throws. */
  open(from: string, bytes: Uint8Array): Delivery | ControlDelivery | undefined {
    const decoded = decodeFrame(bytes, this.#limits);
    if (!decoded.ok) {
      const { kind, message } = decoded.error;
      if (kind === 'version') this.#tell(from, { code: ERROR.versionUnknown, message });
      return this.#drop(kind, from, message);
    }
    const { envelope } = decoded.frame;
    const correspondent = this.#correspondent(from);
    if (correspondent === undefined || envelope.sender !== from)
      return this.#drop('sender', from, `the envelope says that ${envelope.sender} sent it`);
    if (from !== this.#peer && this.network?.receive(from, envelope) === false) return undefined;
    if (envelope.error !== undefined) {
      const { code, message, edge } = envelope.error;
      const here = edge === undefined ? undefined : this.network?.describe(from, edge);
      const both = here === undefined ? message : `${message}; here it is ${here}`;
      this.#outbox.event({ kind: 'peer-error', from, code, message: clip(both) });
      return undefined;
    }
    if (envelope.deployment !== this.#program.manifest.deployment) {
      const message = `deployment ${this.#program.manifest.deployment}`;
      this.#tell(from, { code: ERROR.deploymentUnknown, message });
      return this.#drop('deployment', from, `deployment ${envelope.deployment}`);
    }
    if (envelope.incarnation < correspondent.incarnation)
      return this.#drop('sender', from, `incarnation ${envelope.incarnation} of it has ended`);
    correspondent.incarnation = envelope.incarnation;
    // Between the networks alone.
    if (envelope.link !== undefined && envelope.flow === undefined && envelope.fills.length === 0)
      return undefined;
    const control = controlMessages(decoded.frame);
    if (control !== undefined) return { control };
    const id = this.#flowOf(from, envelope.flow);
    const session = envelope.session === undefined ? id : this.#flowOf(from, envelope.session);
    if (id === undefined || session === undefined) return undefined;
    const flow: FlowHead = { id, session: wholeOf(session), step: envelope.step, trace: traceOf(envelope) };
    const { why, edges = [] } = envelope.cancel ?? {};
    return {
      flow,
      // Whoever started the flow may, and, of a place within another, whoever bound it.
      cancel:
        edges.length === 0 && [...startersOf(id), underOf(id).at(-1)].includes(from)
          ? why && clip(why)
          : undefined,
      unwanted: edges.flatMap((edge) => this.#receivedBy(from, id, edge)),
      values: this.#values(from, id, decoded.frame),
    };
  }

  /** An edge that ends at a peer alone: what several get, one of them cannot do without for all. */
  #receivedBy(peer: string, flow: FlowId, id: number): readonly Edge[] {
    const edge = this.#program.edgesOut.get(id);
    if (edge === undefined || edge.kind === 'exchange') return [];
    const around = shiftOf(edge) < 0;
    const alone = around || edge.to.binder === 'me' || edge.to.binder === 'single';
    return alone && this.#isAt(edge.to, around, flow, peer) ? [edge] : [];
  }

  /** Says that a flow is cancelled or, with edges, that these values alone are wanted no more. */
  cancel({ id, session, step }: FlowHead, to: string, why: string, edges: readonly number[] = []): void {
    const [edge] = edges.map((one) => this.#program.edgesIn.get(one));
    const there = edge !== undefined && shiftOf(edge) < 0 ? boundBy(id, this.#peer) : id;
    const head = { flow: idMessage(there), session: step === 0 ? undefined : idMessage(session), step };
    this.#post(to, this.#envelope(to, { ...head, cancel: { why, edges: [...edges] } }));
  }

  #flowOf(from: string, id: FlowIdMessage | undefined): FlowId | undefined {
    const under = id === undefined || id.under.length === 0 ? {} : { under: id.under };
    if (id?.joint !== undefined) {
      const { class: name, n } = id.joint;
      if (n > 0 && Object.hasOwn(this.#program.manifest.members, name))
        return { kind: 'joint', ...id.joint, ...under };
      return this.#drop('malformed', from, `flow ${n} of ${name}`);
    }
    if (id?.initiated === undefined) return this.#drop('unsupported', from, 'an envelope without a flow');
    const { initiator, counter } = id.initiated;
    if (counter === 0 || !this.#program.members.knows(initiator))
      return this.#drop('malformed', from, `flow ${counter} of ${initiator}`);
    return { kind: 'initiated', ...id.initiated, ...under };
  }

  #values(from: string, flow: FlowId, { envelope, payloads }: Frame): Delivery['values'] {
    return envelope.fills.flatMap((fill, index) => {
      const edge = this.#edgeOf(from, flow, fill);
      return edge === undefined ? [] : [{ edge, value: this.#value(from, edge, fill, payloads[index]!) }];
    });
  }

  #edgeOf(from: string, flow: FlowId, { edge: id, seat, senderSeat }: Fill): Edge | undefined {
    if (id === undefined || seat.length > 0 || senderSeat.length > 0)
      return this.#drop('unsupported', from, 'a fill of no edge');
    const edge = this.#program.edgesIn.get(id);
    if (edge !== undefined && this.#mayBegin(edge, flow, from)) return edge;
    this.#outbox.drop('binding', from, `edge ${id} does not come from it`, id);
    return undefined;
  }

  /** A value that does not fit its edge is missing: whoever waits for it need not wait for the deadline. */
  #value(from: string, edge: Edge, fill: Fill, payload: Uint8Array): Value {
    const failed = (reason: 'type' | 'malformed', detail: string): Value => {
      this.#outbox.drop(reason, from, detail, edge.id);
      return { reason: 'failed', peer: from, edge: edge.id, detail };
    };
    const slot = codecSlot(edge.codec);
    const decode: Decode | undefined =
      edge.codec === RAW
        ? undefined
        : (bytes, like) =>
            // Before there is memory for it: a few bytes can be of any number of elements.
            fits(edge, like) && 8 * productOf(like.dims) < this.#limits.bytes
              ? this.#code(slot, 'Decode', [encoded(bytes), like])
              : describeData(like);
    const read = valueOfFill(fill, payload, this.#limits, decode);
    if ('message' in read) {
      if (read.kind === 'type') this.#tell(from, { code: ERROR.typeUnknown, message: read.message });
      return failed(read.kind, read.message);
    }
    if (read.kind === 'trigger')
      return edge.kind === 'trigger' ? yes : failed('type', 'a trigger where a value belongs');
    if (isMissing(read.value)) return read.value;
    if (edge.kind === 'trigger') return failed('type', 'a value where a trigger belongs');
    if (fits(edge, read.value)) return read.value;
    return failed('type', clip(`${describeData(read.value)} where ${describePort(edge)} belongs`));
  }

  #drop(reason: Parameters<Outbox['drop']>[0], from: string, message: string): undefined {
    this.#outbox.drop(reason, from, message);
    return undefined;
  }

  #tell(to: string, news: ErrorNews): void {
    const correspondent = this.#correspondent(to);
    if (correspondent === undefined || to === this.#peer || correspondent.told.has(news.code)) return;
    correspondent.told.add(news.code);
    this.#post(to, this.#envelope(to, { error: { ...news, supported: [WIRE_VERSION] } }));
  }

  /** An envelope without a payload, of no account. */
  #post(to: string, envelope: EnvelopeInit): void {
    if (this.network !== undefined) this.network.send(to, { envelope, payloads: [] }, this.network.share([]));
    else this.#outbox.put({ type: 'send', to, pieces: encodeFrame(envelope, []) });
  }

  #envelope(to: string, content: EnvelopeInit): EnvelopeInit {
    return {
      deployment: this.#program.manifest.deployment,
      sender: this.#peer,
      incarnation: this.#incarnation,
      sequence: ++this.#correspondent(to)!.sent,
      ...content,
    };
  }

  save() {
    return this.#correspondents;
  }

  load(correspondents: Saved<Courier>): void {
    fill(this.#correspondents, correspondents);
  }
}
