// Every event that a node or its host tells, as data: what it is about, how bad it is, and the one wording of it.

import { flowKey } from '../../flow-id.ts';
import type { EvictionTable } from '../../io.ts';
import { describeData } from '../../manifest.ts';
import { isMissing, type Missing, type Value } from '../../value.ts';
import type { PeerEvent } from '../peer-host.ts';
import { causeText } from './cause-text.ts';

/** app: what the author's program does. node: how this peer does it. infra: what lies between peers. */
export const eventLevels = ['app', 'node', 'infra'] as const;
export type EventLevel = (typeof eventLevels)[number];

export const severities = ['debug', 'info', 'warning', 'error'] as const;
export type Severity = (typeof severities)[number];

type EventOf<Kind extends PeerEvent['kind']> = Extract<PeerEvent, { kind: Kind }>;

interface EventRow<Event> {
  readonly level: EventLevel;
  readonly severity: Severity | ((event: Event) => Severity);
  /** When it is told. */
  readonly when: string;
  /** In one line, without a full stop. */
  text(event: Event): string;
}

const seconds = (ns: number): string => `${ns / 1e9} s`;
const because = (why: string | undefined): string => (why === undefined ? '' : `: ${why}`);
const absent = (value: string, missing: Missing): string => causeText({ value, missing });
const valueText = (name: string, value: Value): string =>
  isMissing(value) ? absent(name, value) : `${name} is ${describeData(value)}`;
/** Where a number that is not finite came from. */
const originText = ({ op, at, input }: Pick<EventOf<'suspect'>, 'op' | 'at' | 'input'>): string => {
  const from = op ?? (input === undefined ? undefined : `its input ${input}`);
  return from === undefined ? '' : `; first was ${from}${at === undefined ? '' : `, ${at}`}`;
};

const evictions: Readonly<Record<EvictionTable, { readonly severity: Severity; readonly text: string }>> = {
  late: { severity: 'info', text: 'late answers are awaited' },
  kept: { severity: 'warning', text: 'late answers are kept' },
  state: { severity: 'warning', text: 'sessions or peers have each a state of their own' },
  // Most of it does not answer, and most of them never come.
  aborted: { severity: 'debug', text: 'works were told to stop and have not answered' },
  gaps: { severity: 'debug', text: 'flows have not come here, and count as ended' },
};

const rows: { readonly [Kind in PeerEvent['kind']]: EventRow<EventOf<Kind>> } = {
  'flow-started': {
    level: 'app',
    severity: 'debug',
    when: 'a flow begins here, or is first heard of',
    text: ({ flow, session, step }) =>
      session === undefined
        ? `flow ${flowKey(flow)} started`
        : `flow ${flowKey(flow)} started: step ${step} of session ${flowKey(session)}`,
  },
  'flow-refused': {
    level: 'app',
    severity: 'error',
    when: 'a flow that was asked for does not begin',
    text: ({ why }) => `a flow was refused: ${why}`,
  },
  'input-wanted': {
    level: 'app',
    severity: 'debug',
    when: 'a flow needs inputs of this peer',
    text: ({ flow, inputs }) => `flow ${flowKey(flow)} wants ${inputs.map(({ name }) => name).join(', ')}`,
  },
  output: {
    level: 'app',
    severity: ({ value }) => (isMissing(value) && value.reason !== 'declined' ? 'warning' : 'debug'),
    when: 'an output of the module has its value, or will have none',
    text: ({ flow, name, value }) => `output of flow ${flowKey(flow)}: ${valueText(name, value)}`,
  },
  'flow-ended': {
    level: 'app',
    severity: ({ status }) => (status === 'complete' ? 'info' : status === 'partial' ? 'warning' : 'error'),
    when: 'a flow is over here: complete, partial or failed, with every reason',
    text: ({ flow, status, causes }) =>
      `flow ${flowKey(flow)} ${status}${status === 'complete' ? '' : because(causes.map(causeText).join('; '))}`,
  },
  'session-paused': {
    level: 'app',
    severity: 'info',
    when: 'a session has had as many flows as its caller wanted',
    text: ({ flow, step }) => `the session of flow ${flowKey(flow)} is paused before step ${step}`,
  },
  'quorum-missed': {
    level: 'app',
    severity: 'warning',
    when: 'a collect closed with too few answers',
    text: ({ collect, arrived, needed, known }) =>
      `${collect} got ${arrived} answers of the ${needed} needed, of ${known} members`,
  },
  'component-event': {
    level: 'app',
    severity: 'debug',
    when: 'a component of the node raised one of its events',
    text: ({ component, event }) => `component ${component}: ${event}`,
  },
  'component-failed': {
    level: 'node',
    severity: 'error',
    when: 'a component threw while nobody waited for its answer',
    text: ({ component, message }) => `component ${component} failed: ${message}`,
  },
  'late-answer': {
    level: 'app',
    severity: 'info',
    when: 'an answer came after its collect had closed',
    text: ({ collect, from, kept }) =>
      `the answer of ${from} came late for ${collect}: ${kept ? 'kept for the next round' : 'dropped'}`,
  },
  suspect: {
    level: 'app',
    severity: 'warning',
    when: 'what is sent from here is NaN or infinite somewhere, for the first time',
    text: (event) => `${event.value} is sent and is not finite${originText(event)}`,
  },
  'not-finite': {
    level: 'app',
    severity: 'error',
    when: 'a loss is NaN or infinite: its flow and its session end',
    text: (event) => `${event.value} is not finite${originText(event)}`,
  },
  'work-failed': {
    level: 'node',
    severity: 'error',
    when: 'a segment or a component failed, or took too long',
    text: ({ flow, segment, message }) => `${segment} failed in flow ${flowKey(flow)}: ${message}`,
  },
  dropped: {
    level: 'node',
    severity: ({ reason }) => (reason === 'duplicate' || reason === 'late' ? 'info' : 'warning'),
    when: 'something that came is not taken',
    text: ({ from, reason, message, unreported }) =>
      `dropped from ${from}: ${reason}: ${message}${unreported === 0 ? '' : ` (and ${unreported} more before it)`}`,
  },
  evicted: {
    level: 'node',
    severity: ({ table }) => evictions[table].severity,
    when: 'a table of the node was full, and its oldest entries had to go',
    text: ({ table, count }) => `too many ${evictions[table].text}: the oldest ${count} had to go`,
  },
  'flow-account': {
    level: 'node',
    severity: 'debug',
    when: 'a flow that now ends has taken so much here',
    text: ({ flow, computeMs, messages }) =>
      `flow ${flowKey(flow)} took ${computeMs.toFixed(1)} ms and sent ${messages.length} messages`,
  },
  'peer-error': {
    level: 'infra',
    severity: 'error',
    when: 'a peer says that it does not understand this one',
    text: ({ from, code, message }) => `${from} does not understand this peer: error ${code}: ${message}`,
  },
  'peer-suspected': {
    level: 'infra',
    severity: 'warning',
    when: 'a peer has been silent for longer than is usual for it: whoever waits for it stops',
    text: ({ peer, silentNs }) => `${peer} has been silent for ${(silentNs / 1e9).toFixed(1)} s`,
  },
  'peer-shut-out': {
    level: 'infra',
    severity: 'warning',
    when: 'a peer did too much that it should not: nothing of it is let in for a while',
    text: ({ peer, why }) => `${peer} is shut out for a while, last for this: ${why}`,
  },
  mismatch: {
    level: 'infra',
    severity: 'error',
    when: 'a peer speaks another wire version, or means something else by an edge or a message',
    text: ({ peer, what, message }) => `${peer} and this peer differ in ${what}: ${message}`,
  },
  connected: {
    level: 'infra',
    severity: 'info',
    when: 'a peer is connected, or connected again',
    text: ({ peer }) => `connected ${peer}`,
  },
  disconnected: {
    level: 'infra',
    severity: 'warning',
    when: 'the connection to a peer broke',
    text: ({ peer, why }) => `disconnected ${peer}: ${why}`,
  },
  'peer-left': {
    level: 'infra',
    severity: ({ why }) => (why === undefined ? 'info' : 'error'),
    when: 'a peer said goodbye',
    text: ({ peer, why }) => `left ${peer}${because(why)}`,
  },
  'peer-lost': {
    level: 'infra',
    severity: 'error',
    when: 'a peer stayed away for so long that nobody waits for it any more',
    text: ({ peer, why, waitedNs }) =>
      `lost ${peer}: ${why}, and it was not back within ${seconds(waitedNs)}`,
  },
  refused: {
    level: 'infra',
    severity: ({ fatal }) => (fatal ? 'error' : 'warning'),
    when: 'somebody did not get in here, or we did not get in there',
    text: ({ who, why }) => `refused ${who}: ${why}`,
  },
  'frame-dropped': {
    level: 'infra',
    severity: 'warning',
    when: 'bytes between this peer and another were dropped',
    text: ({ peer, bytes, why }) => `dropped ${bytes} bytes, peer ${peer}: ${why}`,
  },
};

/** What the table says of each kind. */
export const eventKinds = Object.keys(rows) as readonly PeerEvent['kind'][];

const rowOf = (kind: PeerEvent['kind']): EventRow<PeerEvent> => rows[kind] as EventRow<PeerEvent>;

export const whenTold = (kind: PeerEvent['kind']): string => rowOf(kind).when;
export const levelOf = ({ kind }: Pick<PeerEvent, 'kind'>): EventLevel => rowOf(kind).level;

export function severityOf(event: PeerEvent): Severity {
  const { severity } = rowOf(event.kind);
  return typeof severity === 'function' ? severity(event) : severity;
}

/** One line for people: the same on a terminal, in logs and in traces. */
export const describeEvent = (event: PeerEvent): string => rowOf(event.kind).text(event);
