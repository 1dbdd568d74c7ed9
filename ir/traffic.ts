// What one flow puts on the wire, as far as it is known before it runs: its messages, their payload, and a bound for
// their headers. A message is one frame of values between two peers, with everything that leaves a fragment for one
// place. Its payload is the bytes of the tensors in it, as their codec has them; its header is all the rest of the frame:
// prefix, envelope and padding.

import { RAW } from './codec.ts';
import { codedBytes } from './coded-bytes.ts';
import type { Edge, End } from './deployment.ts';
import { addSizes, evaluateSize, multiplySizes, type Size } from './size.ts';
import { bitsOf, byteLengthOf, type Dim, elementCount } from './types.ts';

export type { Size };

/** What leaves one peer for one other in one envelope. */
export interface PlannedMessage {
  /** The number that its edges share. */
  readonly envelope: number;
  readonly from: End;
  readonly to: End;
  readonly edges: readonly number[];
  /** How many there are in a flow: one from each member of the one end to each of the other, but for itself. */
  readonly count: number;
  /** Of one: a number, a formula over the sizes that the model leaves open, or null where a shape or a length is not known. */
  readonly payloadBytes: Size;
  /** Whether it may carry less: the program itself may decline a value. */
  readonly mayDecline: boolean;
  /** Of one, at most, if every value is there or declined. Null where a value may have any number of parts or dimensions. */
  readonly headerBytes: number | null;
}

/** What goes from each member of one end to each of another. */
export interface PlannedLink {
  readonly from: End;
  readonly to: End;
  /** Pairs of peers. */
  readonly pairs: number;
  /** From one peer to another. */
  readonly messages: number;
  readonly payloadBytes: Size;
  readonly headerBytes: number | null;
}

/** Of one flow. */
export interface Traffic {
  readonly messages: readonly PlannedMessage[];
  readonly links: readonly PlannedLink[];
  /** Over all pairs of peers. */
  readonly total: {
    readonly messages: number;
    readonly payloadBytes: Size;
    readonly headerBytes: number | null;
  };
}

export type Members = Readonly<Record<string, readonly string[]>>;

/** `mayDecline`: edges whose value the program itself may decline. */
export function trafficOf(
  edges: readonly Edge[],
  members: Members,
  mayDecline: (edge: Edge) => boolean,
): Traffic {
  const groups = new Map<string, Edge[]>();
  for (const edge of edges) {
    // From one seat of a peer to another, nothing is on the wire.
    if (edge.kind === 'local') continue;
    const key = `${edge.envelope} ${edge.to.class}`;
    groups.set(key, [...(groups.get(key) ?? []), edge]);
  }
  const peerBytes = Math.max(...Object.values(members).flat().map(utf8Bytes));
  const messages = [...groups.values()].map((group): PlannedMessage => {
    const [{ envelope, from, to }] = group as [Edge, ...Edge[]];
    return {
      envelope,
      from,
      to,
      edges: group.map(({ id }) => id),
      count: pairsOf(from, to, members),
      payloadBytes: group.map(payloadBytesOf).reduce(sumOf, 0),
      mayDecline: group.some(mayDecline),
      headerBytes: headerBytesOf(group, peerBytes),
    };
  });
  const totals = messages.map((one) => times(one, one.count));
  return { messages, links: linksOf(messages, members), total: totals.reduce(plus, NOTHING) };
}

interface Amount {
  readonly messages: number;
  readonly payloadBytes: Size;
  readonly headerBytes: number | null;
}

const NOTHING: Amount = { messages: 0, payloadBytes: 0, headerBytes: 0 };

const times = ({ payloadBytes, headerBytes }: PlannedMessage, count: number): Amount => ({
  messages: count,
  payloadBytes: scaled(payloadBytes, count),
  headerBytes: headerBytes === null ? null : headerBytes * count,
});

const plus = (a: Amount, b: Amount): Amount => ({
  messages: a.messages + b.messages,
  payloadBytes: sumOf(a.payloadBytes, b.payloadBytes),
  headerBytes: a.headerBytes === null || b.headerBytes === null ? null : a.headerBytes + b.headerBytes,
});

function pairsOf(from: End, to: End, members: Members): number {
  const [senders, receivers] = [peersAt(from, members), peersAt(to, members)];
  const own = new Set(senders);
  const selves = isSaid(from) && isSaid(to) ? receivers.filter((id) => own.has(id)).length : 0;
  return senders.length * receivers.length - selves;
}

/** Whether the topology says who is there, and not the flow. */
const isSaid = ({ binder }: End): boolean => binder === 'single' || binder === 'each';

/** Whether a message from a peer at one end to a peer at the other is on the wire: what a peer gives itself is not. */
export const isSent = (from: End, to: End, sender: string, receiver: string): boolean =>
  sender !== receiver || !isSaid(from) || !isSaid(to);

/** The peers at one end of an edge: of `some` as many as may be, of `me` and `one` any single one. */
export const peersAt = ({ class: name, binder }: End, members: Members): readonly string[] =>
  binder === 'each' || binder === 'some' ? (members[name] ?? []) : (members[name] ?? []).slice(0, 1);

function linksOf(messages: readonly PlannedMessage[], members: Members): readonly PlannedLink[] {
  const links = new Map<string, PlannedLink>();
  for (const one of messages) {
    const from: End = { class: one.from.class, binder: one.from.binder };
    const to: End = { class: one.to.class, binder: one.to.binder };
    const key = [from.class, from.binder, to.class, to.binder].join(' ');
    const link = links.get(key) ?? { from, to, pairs: pairsOf(from, to, members), ...NOTHING };
    links.set(key, { ...link, ...plus(link, times(one, 1)) });
  }
  return [...links.values()];
}

/** Payload bytes of one value on an edge. */
export function payloadBytesOf({ kind, dtype, shape, type, codec }: Edge): Size {
  if (kind === 'trigger') return 0;
  if (dtype === null || shape === null || type !== undefined) return null;
  if (codec !== RAW) return codedBytes(codec, shape);
  const elements = elementCount(shape);
  if (elements !== undefined) return byteLengthOf(dtype, elements) ?? null;
  const bits = bitsOf(dtype);
  if (bits === 0 || bits % 8 !== 0) return null;
  return shape.reduce<Size>((size, dim: Dim) => multiplySizes(size, dim), bits / 8);
}

/** Between formulas that are too long to be one polynomial: those have no blanks. */
const AND = ' + ';
const termsOf = (size: number | string): readonly (number | string)[] =>
  typeof size === 'number' ? [size] : size.split(AND);

function sumOf(a: Size, b: Size): Size {
  return a === null || b === null ? null : (addSizes(a, b) ?? `${a}${AND}${b}`);
}

function scaled(size: Size, count: number): Size {
  return size === null
    ? null
    : termsOf(size)
        .map((one) => multiplySizes(one, count))
        .reduce(sumOf);
}

/** What a formula comes to, given by name the sizes that it leaves open; null where one of them is not given. */
export function bytesFor(size: Size, given: (name: string) => number | undefined): number | null {
  if (size === null) return null;
  let sum = 0;
  for (const term of termsOf(size)) {
    const bytes = evaluateSize(term, given);
    if (bytes === undefined) return null;
    sum += bytes;
  }
  return sum;
}

// --- the bound for headers ---------------------------------------------------------------------------
// runtime/wire says how a frame is laid out; tests/property/traffic.test.ts holds the bound to it.

const PREFIX_BYTES = 24;
const ALIGNMENT = 64;
/** Hex of a SHA-256. */
const DEPLOYMENT_BYTES = 64;
/** Of a number below 2^53, with its tag. */
const NUMBER_BYTES = 9;
/** Of an edge's number, below 2^32. */
const EDGE_BYTES = 6;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const utf8Bytes = (text: string): number => new TextEncoder().encode(text).length;

/** A field that says how long it is: tag, length, content. */
function delimited(bytes: number): number {
  let lengthBytes = 1;
  for (let rest = bytes; rest >= 128; rest = Math.floor(rest / 128)) lengthBytes++;
  return 1 + lengthBytes + bytes;
}

/** Of one frame with a value for each of these edges, at most; null where one may have any number of parts or dimensions. */
export function headerBytesOf(edges: readonly Edge[], peerBytes: number): number | null {
  let fills = 0;
  let padding = 0;
  for (const [at, edge] of edges.entries()) {
    const fill = fillBytes(edge, peerBytes);
    if (fill === null) return null;
    fills += delimited(fill);
    const bytes = payloadBytesOf(edge);
    // Nothing follows the last.
    if (at < edges.length - 1) padding += typeof bytes === 'number' ? aligned(bytes) - bytes : ALIGNMENT - 1;
  }
  // A flow's id, and its session's.
  const flowId = delimited(delimited(delimited(peerBytes) + 2 * NUMBER_BYTES));
  const envelope =
    delimited(DEPLOYMENT_BYTES) +
    delimited(peerBytes) +
    // Incarnation, sequence number, step.
    3 * NUMBER_BYTES +
    2 * flowId +
    fills;
  return aligned(PREFIX_BYTES + envelope) + padding;
}

/** Of a value that is there, or of the news that it was declined: whichever is longer. */
function fillBytes({ kind, shape, type, codec }: Edge, peerBytes: number): number | null {
  const reason = 2 + delimited(peerBytes);
  const declined = EDGE_BYTES + 2 + delimited(reason);
  if (kind === 'trigger') return declined;
  if (shape === null || type !== undefined) return null;
  const dims = delimited(shape.length * (NUMBER_BYTES - 1));
  // Element type and codec, offset and length of the payload.
  return Math.max(declined, EDGE_BYTES + (codec === RAW ? 2 : 4) + dims + 2 * NUMBER_BYTES);
}
