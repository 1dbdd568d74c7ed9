// Between the node and its frames: builds what leaves, and lets in only what may come.

import { type DataValue, isTensor, tensorsOf } from '../../ir/data.ts';
import { type Edge, WIRE_VERSION } from '../../ir/deployment.ts';
import type { FlowHead } from '../flow.ts';
import type { InitiatedFlowId } from '../flow-id.ts';
import type { Program } from '../instruction.ts';
import type { Limits } from '../limits.ts';
import { describeData, describePort, fits } from '../manifest.ts';
import type { Outbox } from '../outbox.ts';
import { rowsFor } from '../scatter.ts';
import { clip, isMissing, type Value } from '../value.ts';
import { type EnvelopeInit, ERROR, type ErrorCode, type Fill, type FlowIdMessage } from './envelope.ts';
import { fillOf, valueOfFill } from './fill.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';

export interface Delivery {
  readonly flow: FlowHead;
  /** Why the sender cancels the flow; undefined: it does not. */
  readonly cancel: string | undefined;
  /** Checked against their edges; tensors are views into the frame. */
  readonly values: readonly { readonly edge: Edge; readonly value: Value }[];
}

const idMessage = ({ initiator, incarnation, counter }: InitiatedFlowId) => ({
  initiator,
  incarnation,
  counter,
});

const payloadOf = (value: DataValue): Uint8Array | readonly Uint8Array[] =>
  isTensor(value) ? value.bytes : tensorsOf(value).map(({ bytes }) => bytes);

/** Values as fills, and the bytes that go beside them. */
function load(edges: readonly Edge[], values: readonly Value[]) {
  const fills = values.map((value, at) => fillOf(edges[at]!.id, value, edges[at]!.kind === 'trigger'));
  const payloads = values.map((value, at) =>
    isMissing(value) || fills[at]!.trigger ? undefined : payloadOf(value),
  );
  return { fills, payloads };
}

const yes = { dtype: 'bool', dims: [], bytes: Uint8Array.of(1) } as const;

interface Correspondent {
  /** Envelopes sent to it. */
  sent: number;
  incarnation: number;
  /** Errors told to it, each once, so that two peers cannot go on telling each other errors. */
  readonly told: Set<ErrorCode>;
}

export class Courier {
  readonly #program: Program;
  readonly #peer: string;
  readonly #incarnation: number;
  readonly #limits: Limits;
  readonly #outbox: Outbox;
  readonly #edges: ReadonlyMap<number, Edge>;
  /** One per peer of the deployment; others are not remembered. */
  readonly #correspondents: ReadonlyMap<string, Correspondent>;

  constructor(program: Program, peer: string, incarnation: number, limits: Limits, outbox: Outbox) {
    this.#program = program;
    this.#peer = peer;
    this.#incarnation = incarnation;
    this.#limits = limits;
    this.#outbox = outbox;
    const { edgesIn, members } = program.manifest;
    this.#edges = new Map(edgesIn.map((edge) => [edge.id, edge]));
    const peers = Object.values(members).flat();
    this.#correspondents = new Map(
      peers.map((one) => [one, { sent: 0, incarnation: 0, told: new Set<ErrorCode>() }]),
    );
  }

  /** Peers whose values may come over an edge, in set order. */
  sourcesOf(edge: Edge): readonly string[] {
    const members = this.#program.manifest.members[edge.from.class]!;
    return edge.from.binder === 'single' ? members.slice(0, 1) : members;
  }

  /**
   * The frames of one envelope, one for each destination. `members`: of a scatter that says so, whom its rows are for.
   */
  pack(
    { id, session, step }: FlowHead,
    envelope: number,
    values: readonly Value[],
    members: readonly (Value | undefined)[],
  ): readonly { readonly to: string; readonly pieces: readonly Uint8Array[] }[] {
    const { edges, destinations, scatters } = this.#program.envelopes[envelope]!;
    const flow = { initiated: idMessage(id) };
    // A flow that follows none is its own session.
    const head = { flow, session: step === 0 ? undefined : { initiated: idMessage(session) }, step };
    if (!scatters) {
      const { fills, payloads } = load(edges, values);
      return destinations.map((to) => ({
        to,
        pieces: encodeFrame(this.#envelope(to, { ...head, fills }), payloads),
      }));
    }
    const rows = edges.map(({ kind }, at) =>
      kind === 'scatter' ? rowsFor(values[at]!, members[at], destinations, this.#peer) : undefined,
    );
    return destinations.map((to, index) => {
      const own = values.map((value, at) => rows[at]?.[index] ?? value);
      const { fills, payloads } = load(edges, own);
      return { to, pieces: encodeFrame(this.#envelope(to, { ...head, fills }), payloads) };
    });
  }

  /** What a frame brings; undefined if nothing may come of it. Never throws. */
  open(from: string, bytes: Uint8Array): Delivery | undefined {
    const decoded = decodeFrame(bytes, this.#limits);
    if (!decoded.ok) {
      const { kind, message } = decoded.error;
      if (kind === 'version') this.#tell(from, ERROR.versionUnknown, message);
      return this.#drop(kind, from, message);
    }
    const { envelope } = decoded.frame;
    const correspondent = this.#correspondents.get(from);
    if (correspondent === undefined || envelope.sender !== from)
      return this.#drop('sender', from, `the envelope says that ${clip(envelope.sender)} sent it`);
    if (envelope.error !== undefined) {
      const { code, message } = envelope.error;
      this.#outbox.event({ kind: 'peer-error', from, code, message: clip(message) });
      return undefined;
    }
    if (envelope.deployment !== this.#program.manifest.deployment) {
      this.#tell(from, ERROR.deploymentUnknown, `deployment ${this.#program.manifest.deployment}`);
      return this.#drop('deployment', from, `deployment ${clip(envelope.deployment)}`);
    }
    if (envelope.incarnation < correspondent.incarnation)
      return this.#drop('sender', from, `incarnation ${envelope.incarnation} of it has ended`);
    correspondent.incarnation = envelope.incarnation;
    const id = this.#flowOf(from, envelope.flow);
    const session = envelope.session === undefined ? id : this.#flowOf(from, envelope.session);
    if (id === undefined || session === undefined) return undefined;
    const flow: FlowHead = { id, session, step: envelope.step };
    const why = envelope.cancel?.why;
    return { flow, cancel: why === undefined ? why : clip(why), values: this.#values(from, decoded.frame) };
  }

  #flowOf(from: string, id: FlowIdMessage | undefined): InitiatedFlowId | undefined {
    if (id?.initiated === undefined)
      return this.#drop('unsupported', from, 'an envelope without a flow that a member started');
    const { initiator, incarnation, counter } = id.initiated;
    if (counter === 0 || !this.#correspondents.has(initiator))
      return this.#drop('malformed', from, `flow ${counter} of ${clip(initiator)}`);
    return { kind: 'initiated', initiator, incarnation, counter };
  }

  #values(from: string, { envelope, payloads }: Frame): Delivery['values'] {
    return envelope.fills.flatMap((fill, index) => {
      const edge = this.#edgeOf(from, fill);
      return edge === undefined ? [] : [{ edge, value: this.#value(from, edge, fill, payloads[index]!) }];
    });
  }

  #edgeOf(from: string, { edge: id, seat, senderSeat }: Fill): Edge | undefined {
    if (id === undefined || seat.length > 0 || senderSeat.length > 0)
      return this.#drop('unsupported', from, 'a fill for a component or a nested seat');
    const edge = this.#edges.get(id);
    if (edge !== undefined && this.sourcesOf(edge).includes(from)) return edge;
    this.#outbox.drop('binding', from, `edge ${id} does not come from it`, id);
    return undefined;
  }

  /** A value that does not fit its edge is missing: whoever waits for it need not wait for the deadline. */
  #value(from: string, edge: Edge, fill: Fill, payload: Uint8Array): Value {
    const failed = (reason: 'type' | 'malformed', detail: string): Value => {
      this.#outbox.drop(reason, from, detail, edge.id);
      return { reason: 'failed', peer: from, edge: edge.id, detail };
    };
    const read = valueOfFill(fill, payload, this.#limits);
    if (read.kind === 'unknown') {
      this.#tell(from, ERROR.typeUnknown, read.message);
      return failed('type', read.message);
    }
    if (read.kind === 'malformed') return failed('malformed', read.message);
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

  #tell(to: string, code: ErrorCode, message: string): void {
    const correspondent = this.#correspondents.get(to);
    if (correspondent === undefined || to === this.#peer || correspondent.told.has(code)) return;
    correspondent.told.add(code);
    const error = { code, message, supported: [WIRE_VERSION] };
    this.#outbox.put({ type: 'send', to, pieces: encodeFrame(this.#envelope(to, { error }), []) });
  }

  #envelope(to: string, content: EnvelopeInit): EnvelopeInit {
    const correspondent = this.#correspondents.get(to)!;
    correspondent.sent++;
    const { flow, session, step = 0, fills, error } = content;
    return {
      deployment: this.#program.manifest.deployment,
      sender: this.#peer,
      incarnation: this.#incarnation,
      sequence: correspondent.sent,
      flow,
      session,
      step,
      error,
      fills: fills ?? [],
    };
  }
}
