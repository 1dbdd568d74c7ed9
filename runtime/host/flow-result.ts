// What a host that sees every peer knows about a flow: the inputs of each, and what came out where.

import type { DataValue } from '../../ir/data.ts';
import { type Manifest, programsOf } from '../../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { EndedFlows } from '../ended-flows.ts';
import { type FlowId, flowKey, underOf } from '../flow-id.ts';
import type { Cause, NodeEvent } from '../io.ts';
import { describeData, describePort, fits } from '../manifest.ts';
import type { Value } from '../value.ts';
import { isSecret } from './entropy.ts';
import type { SentMessage } from './sent-message.ts';

/** What a session would have gone on with, had its caller not bounded it. */
export interface Pause {
  /** The place in the session of the flow that was not started. */
  readonly step: number;
  /** Of the entry, by name. */
  readonly arguments: Readonly<Record<string, DataValue>>;
}

/** Graph inputs by name; for an input at a cohort, one value for all members or one for each by peer id. */
export type PeerValues = Readonly<Record<string, DataValue | Readonly<Record<string, DataValue>>>>;

export interface PeerStats {
  /** Plain ONNX ops that ran. */
  ops: number;
  /** From handing a segment to the backend until its results were there. */
  computeMs: number;
  sentMessages: number;
  /** Of the tensors in these messages. */
  sentPayloadBytes: number;
  /** Headers included. */
  sentBytes: number;
  /** What others sent to it. */
  receivedMessages: number;
  receivedPayloadBytes: number;
  receivedBytes: number;
}

export const noStats = (): PeerStats => ({
  ops: 0,
  computeMs: 0,
  sentMessages: 0,
  sentPayloadBytes: 0,
  sentBytes: 0,
  receivedMessages: 0,
  receivedPayloadBytes: 0,
  receivedBytes: 0,
});

export interface FlowResult {
  readonly flow: string;
  /** Its place in its session, from 0. */
  readonly step: number;
  readonly status: 'complete' | 'partial' | 'failed';
  /** Outputs of classes with one member. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Outputs of cohorts, by name and peer. */
  readonly cohortOutputs: Readonly<Record<string, Readonly<Record<string, Value>>>>;
  /** A loss that was NaN or infinite, for which the session ended. */
  readonly notFinite?: NotFiniteAt;
  /** Collects of the flow that got too few answers. */
  readonly quorums: readonly QuorumMissed[];
  /** Answers to flows of the session that came after their collect had closed, since the flow before this one was over. */
  readonly late: LateCounts;
  /** Why values are missing, as each peer saw it. */
  readonly causes: readonly (Cause & { readonly at: string })[];
  /** Of those that it reached, or should have. */
  readonly peers: Readonly<Record<string, Readonly<PeerStats>>>;
  /** Every frame of values, in the order in which they were counted. */
  readonly messages: readonly SentMessage[];
  /** Of a session's last flow, where its caller wanted no more: one for each flow that would have followed. */
  readonly pauses?: readonly Pause[];
}

export type QuorumMissed = Extract<NodeEvent, { kind: 'quorum-missed' }>;

export interface LateCounts {
  readonly dropped: number;
  /** Kept for the session's next flow. */
  readonly kept: number;
}

export type NotFiniteAt = Extract<NodeEvent, { kind: 'not-finite' }> & {
  /** Where it arose, if that is another peer than the one that noticed it. */
  readonly origin?: Suspect;
};
type Suspect = Extract<NodeEvent, { kind: 'suspect' }>;

type Status = Extract<NodeEvent, { kind: 'flow-ended' }>['status'];

/** What a flow that now ends took at a peer. */
export interface FlowAccount {
  readonly kind: 'flow-account';
  readonly flow: FlowId;
  readonly computeMs: number;
  readonly messages: readonly SentMessage[];
}

/** A chain of flows, of which a caller started the first. */
export interface Session {
  /** The peers where its flows start. */
  readonly starters: readonly string[];
  /** The same in every flow. */
  readonly inputs: ReadonlyMap<string, Readonly<Record<string, DataValue>>>;
  readonly owned: boolean;
  /** Flows that are not over, or have yet to start. */
  pending: number;
  /** Late news of a flow does not revive it. */
  readonly ended: EndedFlows;
  /** Answers that came late and that no flow's result has told yet. */
  late: LateCounts;
  /** Of the last flow that is over. */
  last: FlowResult | undefined;
  readonly pauses: Pause[];
  readonly onFlow: (result: FlowResult) => void;
  readonly resolve: (result: FlowResult) => void;
  readonly reject: (error: Error) => void;
}

export interface FlowRecord {
  readonly id: FlowId;
  readonly flow: string;
  readonly step: number;
  readonly session: Session;
  /** Peers, with the seat, where it has begun and not ended. */
  readonly open: Set<string>;
  /** The same of all that have begun. */
  readonly seats: Set<string>;
  /** By name and peer; in a place within another, one for each who bound it: `head/phone`. */
  readonly outputs: Map<string, Map<string, Map<string, Value>>>;
  /** Whether it is known that a flow follows. */
  followed: boolean;
  readonly ends: Map<string, Status>;
  notFinite: NotFiniteAt | undefined;
  /** What was sent and was not finite. */
  readonly suspects: Suspect[];
  readonly quorums: QuorumMissed[];
  readonly causes: (Cause & { readonly at: string })[];
  readonly peers: Map<string, PeerStats>;
  readonly messages: SentMessage[];
  stats(peer: string): PeerStats;
  addOutput(peer: string, name: string, value: Value, under?: readonly string[]): void;
  addEnd(peer: string, status: Status, causes: readonly Cause[]): void;
}

export function openRecord(id: FlowId, step: number, session: Session): FlowRecord {
  return {
    id,
    flow: flowKey(id),
    step,
    session,
    open: new Set(),
    seats: new Set(),
    followed: false,
    outputs: new Map(),
    ends: new Map(),
    notFinite: undefined,
    suspects: [],
    quorums: [],
    causes: [],
    peers: new Map(),
    messages: [],
    stats(peer) {
      let stats = this.peers.get(peer);
      if (stats === undefined) {
        stats = noStats();
        this.peers.set(peer, stats);
      }
      return stats;
    },
    addOutput(peer, name, value, under = []) {
      const byPeer = this.outputs.get(name) ?? new Map<string, Map<string, Value>>();
      const mine = byPeer.get(peer) ?? new Map<string, Value>();
      this.outputs.set(name, byPeer.set(peer, mine.set([...under, peer].join(' '), value)));
    },
    addEnd(peer, status, causes) {
      const before = this.ends.get(peer) ?? status;
      this.ends.set(peer, before === status ? status : 'partial');
      this.causes.push(...causes.map((cause) => ({ ...cause, at: peer })));
    },
  };
}

/** A peer of the deployment. */
export interface Member {
  readonly id: string;
  readonly manifest: Manifest;
}

/** The graph inputs of one peer. Throws DiagnosticError BB702 where one is not there or does not fit. */
export function valuesFor(
  { id, manifest }: Member,
  values: PeerValues,
  entry: string | undefined,
): Readonly<Record<string, DataValue>> {
  const own: Record<string, DataValue> = {};
  const problems = manifest.inputs.flatMap((port) => {
    // What another entry takes is needed if that one is called.
    const seats = manifest.seats?.filter(({ inputs }) => inputs.includes(port.name));
    const isCalled = seats?.some((seat) => seat.entry === entry) ?? entry !== undefined;
    const isGiven = Object.hasOwn(values, port.name);
    if (!isGiven && (!isCalled || isSecret(port))) return [];
    const given = isGiven ? values[port.name] : undefined;
    const value = given === undefined || isValue(given) ? given : given[id];
    if (isSecret(port)) return [diagnostic('BB705', { input: port.name })];
    const reason =
      value === undefined
        ? `peer ${id} needs ${describePort(port)} and got nothing`
        : fits(port, value)
          ? undefined
          : `${describeData(value)} where ${describePort(port)} belongs`;
    if (reason !== undefined) return [diagnostic('BB702', { input: port.name, reason })];
    own[port.name] = value!;
    return [];
  });
  if (problems.length > 0) throw new DiagnosticError(problems);
  return own;
}

const isValue = (value: PeerValues[string]): value is DataValue =>
  'bytes' in value ? value.bytes instanceof Uint8Array : typeof value.kind === 'string';

/** A peer, in one of its seats. */
export const seatAt = (peer: string, { seat = '' }: { readonly seat?: string }): string => `${peer}\n${seat}`;

/** The same, and who bound it there. */
export const flowAt = (peer: string, event: { readonly seat?: string; readonly flow: FlowId }): string =>
  [seatAt(peer, event), ...underOf(event.flow)].join('\n');

/** The entry that a flow is of; undefined: it has been in programs with one seat only, which belong to all. */
function entryOf(record: FlowRecord, peers: readonly Member[]): string | undefined {
  for (const { id, manifest } of peers)
    for (const seat of manifest.seats ?? [])
      if (record.seats.has(seatAt(id, { seat: seat.name }))) return seat.entry;
  return undefined;
}

/** Members of a deployment by the program that they run, so that a flow costs no more than what it is about. */
export class Roster {
  readonly #byId: ReadonlyMap<string, readonly [Member, index: number]>;
  readonly #byProgram = new Map<Manifest, Member[]>();

  constructor(members: readonly Member[]) {
    this.#byId = new Map(members.map((member, index) => [member.id, [member, index]]));
    for (const member of members) {
      const others = this.#byProgram.get(member.manifest) ?? [];
      this.#byProgram.set(member.manifest, others);
      others.push(member);
    }
  }

  /** Those that a flow is about, in their order: where it was, and where it should have been whoever heard of it. */
  of(record: FlowRecord): readonly Member[] {
    const peers = new Set([...record.ends.keys(), ...record.peers.keys()]);
    for (const seat of record.seats) peers.add(seat.slice(0, seat.indexOf('\n')));
    if (record.id.kind === 'initiated') peers.add(record.id.initiator);
    const entry = entryOf(
      record,
      [...peers].flatMap((id) => this.#byId.get(id)?.[0] ?? []),
    );
    for (const [manifest, members] of this.#byProgram)
      if (manifest.outputs.some(({ name }) => isExpectedOfAll(record, manifest, name, entry)))
        for (const { id } of members) peers.add(id);
    return [...peers]
      .flatMap((id) => [this.#byId.get(id)].filter((one) => one !== undefined))
      .sort(([, a], [, b]) => a - b)
      .map(([member]) => member);
  }
}

/** Whether a peer is in a flow, in any seat. */
export const isOpenAt = (record: FlowRecord, peer: string): boolean =>
  [...record.open].some((seat) => seat.startsWith(`${peer}\n`));

/** Whether a peer has yet to hear of a flow, in some seat that it comes to. What peers sent is known of those that ended. */
export function isToCome(record: FlowRecord, { id, manifest }: Member, peers: readonly Member[]): boolean {
  const entry = entryOf(record, peers);
  const seats = manifest.seats?.filter(
    ({ name, binder, entry: own }) =>
      own === entry &&
      (binder === 'single' || binder === 'each') &&
      manifest.edgesIn.some(({ to }) => to.seat === name),
  );
  if (seats?.some(({ name }) => !record.seats.has(seatAt(id, { seat: name })))) return true;
  if (record.ends.has(id)) return false;
  // Others enter a joint flow unasked.
  const reached =
    record.id.kind === 'joint' ? manifest.edgesIn.length > 0 : record.messages.some(({ to }) => to === id);
  return reached || record.session.starters.includes(id);
}

/** Whether a flow has an output at a peer: where it is in the seat that gives it, or every member is. */
function isExpected(record: FlowRecord, { id, manifest }: Member, output: string, entry: string | undefined) {
  const seat = seatOf(manifest, output);
  if (record.seats.has(seatAt(id, { seat: seat?.name ?? '' }))) return true;
  if (seat === undefined && record.id.kind === 'initiated' && record.id.initiator === id) return true;
  return isExpectedOfAll(record, manifest, output, entry);
}

const seatOf = ({ seats }: Manifest, output: string) =>
  seats?.find(({ outputs }) => outputs.includes(output));

function isExpectedOfAll(
  record: FlowRecord,
  manifest: Manifest,
  output: string,
  entry: string | undefined,
): boolean {
  const seat = seatOf(manifest, output);
  if (seat !== undefined) return seat.entry === entry && (seat.binder === 'single' || seat.binder === 'each');
  // Of its only seat a program does not say the binder: where members start flows, each is in its own.
  const begins = manifest.entries.some((one) => one.class === manifest.class && one.joint !== true);
  return !begins || record.id.kind === 'joint';
}

export function resultOf(record: FlowRecord, roster: Roster): FlowResult {
  const outputs: Record<string, Value> = {};
  const cohortOutputs: Record<string, Record<string, Value>> = {};
  let unreached = false;
  const peers = roster.of(record);
  const entry = entryOf(record, peers);
  const programs = peers.flatMap(({ id, manifest }) =>
    programsOf(manifest).map((one) => ({ id, manifest: one })),
  );
  for (const member of programs) {
    const { id, manifest } = member;
    const cohort = (manifest.members[manifest.class]?.length ?? 0) > 1;
    for (const { name } of manifest.outputs) {
      if (!isExpected(record, member, name, entry)) continue;
      // A peer that never heard of the flow: what should have woken it was lost.
      unreached ||= !record.ends.has(id);
      const given =
        record.outputs.get(name)?.get(id) ?? new Map([[id, { reason: 'lost', peer: id } as const]]);
      for (const [at, value] of given) {
        if (!cohort) outputs[name] = value;
        else {
          cohortOutputs[name] ??= {};
          cohortOutputs[name][at] = value;
        }
      }
    }
    record.stats(id);
  }
  addMessages(record);
  const ends = [...record.ends.values()];
  const status: Status =
    !unreached && ends.every((end) => end === 'complete')
      ? 'complete'
      : ends.every((end) => end === 'failed') || !anyPresent(outputs, cohortOutputs)
        ? 'failed'
        : 'partial';
  const { flow, step, causes, notFinite, quorums, messages } = record;
  const wrong = notFinite === undefined ? {} : { notFinite: withOrigin(notFinite, record.suspects) };
  return {
    flow,
    step,
    status,
    outputs,
    cohortOutputs,
    ...wrong,
    quorums,
    late: record.session.late,
    causes,
    peers: Object.fromEntries(record.peers),
    messages,
  };
}

function addMessages(record: FlowRecord): void {
  for (const { from, to, payloadBytes, headerBytes } of record.messages) {
    const [sender, receiver] = [record.stats(from), record.stats(to)];
    sender.sentMessages++;
    sender.sentPayloadBytes += payloadBytes;
    sender.sentBytes += payloadBytes + headerBytes;
    receiver.receivedMessages++;
    receiver.receivedPayloadBytes += payloadBytes;
    receiver.receivedBytes += payloadBytes + headerBytes;
  }
}

/** Follows what came in from elsewhere to the peer that made it. */
function withOrigin(notFinite: NotFiniteAt, suspects: readonly Suspect[]): NotFiniteAt {
  let origin: Suspect | undefined;
  const left = new Set(suspects);
  for (let { input } = notFinite as Pick<Suspect, 'input'>; input !== undefined; ) {
    const found = [...left].find(({ value }) => value === input);
    if (found === undefined) break;
    left.delete(found);
    origin = found;
    input = found.input;
  }
  return origin === undefined ? notFinite : { ...notFinite, origin };
}

const anyPresent = (outputs: FlowResult['outputs'], cohortOutputs: FlowResult['cohortOutputs']): boolean =>
  [outputs, ...Object.values(cohortOutputs)].some((group) =>
    Object.values(group).some((value) => !('reason' in value)),
  );
