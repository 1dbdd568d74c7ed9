// What happens in a world, written down: a header, then a record for each event with what its node was given and what came
// of it. The file is a journal (runtime/journal): the same seed writes the same bytes.

import type { DataValue } from '../../../ir/data.ts';
import type { Input } from '../../io.ts';
import { decodeRecord, encodeRecord, JournalError } from '../../journal/codec.ts';
import { encodeOutput, recordedInput } from '../../journal/io.ts';
import { framedRecord, journalHeader, RECORD_BYTES, readJournal } from '../../journal/log.ts';
import { Digest, digestOf } from './digest.ts';
import type { Observer, SimEvent } from './world.ts';

export const RECORD_VERSION = 1;

/** What a record begins with: all that its simulation was made of. */
export interface RecordHeader {
  readonly kind: 'simulation';
  readonly version: number;
  readonly deployment: string;
  /** Bytes of inputs and frames are digests. */
  readonly compact: boolean;
  readonly settings: unknown;
  /** Of the call, by name. */
  readonly inputs: ReadonlyMap<string, DataValue>;
}

/** One event. */
export interface EventRecord {
  readonly at: number;
  readonly kind: SimEvent['kind'];
  readonly peer?: string;
  /** Of what happens to the world. */
  readonly what?: string;
  readonly input?: unknown;
  /** Of each output: the peer, what it is, and its digest as two words. */
  readonly outputs: readonly (string | number)[];
}

/** Gives each event's record, encoded, when it is over: the length of its first part, that, and the outputs. */
export class Recorder implements Observer {
  readonly #compact: boolean;
  readonly #write: (payload: Uint8Array) => void;
  /** Encoded before the node has the input: it may give its buffers away. */
  #head: Uint8Array = new Uint8Array();
  #outputs: (string | number)[] | undefined;

  constructor(compact: boolean, write: (payload: Uint8Array) => void) {
    this.#compact = compact;
    this.#write = write;
  }

  event(event: SimEvent, input: Input | undefined): void {
    const { at, kind } = event;
    const about = kind === 'act' ? { what: event.what } : { peer: event.peer.id };
    this.#head = encodeRecord({ at, kind, ...about, ...(input && { input: this.#inputOf(input) }) });
    this.#outputs = [];
  }

  output(...[peer, output]: Parameters<NonNullable<Observer['output']>>): void {
    // What only changes hands is no result; and before the first event nodes have nothing to say.
    if (output.type === 'release' || this.#outputs === undefined) return;
    const digest =
      output.type === 'send'
        ? output.pieces.reduce((sum, piece) => sum.add(piece), new Digest())
        : new Digest().add(encodeOutput(output));
    this.#outputs.push(peer.id, output.type === 'event' ? output.event.kind : output.type, ...digest.words);
  }

  settled(): void {
    const tail = encodeRecord(this.#outputs);
    const payload = new Uint8Array(4 + this.#head.length + tail.length);
    new DataView(payload.buffer).setUint32(0, this.#head.length, true);
    payload.set(this.#head, 4);
    payload.set(tail, 4 + this.#head.length);
    this.#write(payload);
  }

  #inputOf(input: Input): unknown {
    const recorded = recordedInput(input);
    if (!this.#compact) return recorded;
    return { type: input.type, digest: digestOf(encodeRecord(recorded)) };
  }
}

/** A file of a simulation is written in such parts. */
export const recordBeginning = (header: RecordHeader): readonly Uint8Array[] => [
  journalHeader(),
  framedRecord(encodeRecord(header)),
];
export const recordPart = framedRecord;

/** Throws {@link JournalError}. */
export function decodeEvent(payload: Uint8Array): EventRecord {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const length = payload.length < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
  if (4 + length > payload.length) throw new JournalError('malformed', 'a record of no event');
  const head = decodeRecord(payload.subarray(4, 4 + length));
  const outputs = decodeRecord(payload.subarray(4 + length));
  if (typeof head !== 'object' || head === null || !Array.isArray(outputs))
    throw new JournalError('malformed', 'a record of no event');
  return { ...(head as Omit<EventRecord, 'outputs'>), outputs };
}

/** A record whose bytes are not as they were written. */
export interface Damaged {
  readonly damaged: string;
}

/** A record file that is read: its header, and the payloads of its events. */
export interface ReadSimulation {
  readonly header: RecordHeader;
  readonly events: Generator<Uint8Array | 'cut' | Damaged, undefined>;
}

/** Throws {@link JournalError} where it is no record of a simulation, or its header is not as it was written. */
export function readSimulation(data: Uint8Array): ReadSimulation {
  const records = readJournal(data);
  const first = records.next();
  if (first.done) throw new JournalError('malformed', `its header is ${first.value.how}`);
  const header = decodeRecord(first.value.payload) as Partial<RecordHeader> | null;
  if (header?.kind !== 'simulation' || !(header.inputs instanceof Map))
    throw new JournalError('malformed', 'no record of a simulation');
  if (header.version !== RECORD_VERSION)
    throw new JournalError('version', `version ${header.version}; this reads ${RECORD_VERSION}`);
  return { header: header as RecordHeader, events: payloadsOf(records, data) };
}

function* payloadsOf(records: ReturnType<typeof readJournal>, data: Uint8Array): ReadSimulation['events'] {
  for (;;) {
    const one = records.next();
    if (!one.done) yield one.value.payload;
    else {
      const { how, at } = one.value;
      if (how === 'cut') yield 'cut';
      if (how === 'damaged') {
        const length = new DataView(data.buffer, data.byteOffset + at).getUint32(0, true);
        yield { damaged: digestOf(data.subarray(at + RECORD_BYTES, at + RECORD_BYTES + length)) };
      }
      return undefined;
    }
  }
}

/** Where a replay is not what was recorded. */
export interface Divergence {
  /** Number of the event, from 0. */
  readonly event: number;
  /** What happened in the replay; undefined: nothing more. */
  readonly replayed: (EventRecord & { readonly digest: string }) | undefined;
  /** What was recorded; a word where that cannot be read. */
  readonly recorded: (EventRecord & { readonly digest: string }) | 'nothing more' | 'cut' | Damaged;
}

/** Holds each event against its record. */
export class Comparer {
  readonly #events: ReadSimulation['events'];
  /** Events that were as recorded. */
  same = 0;
  divergence: Divergence | undefined;

  constructor({ events }: ReadSimulation) {
    this.#events = events;
  }

  /** The next event of the replay. */
  add(payload: Uint8Array): void {
    if (this.divergence !== undefined) return;
    const next = this.#events.next();
    const recorded = next.done ? ('nothing more' as const) : next.value;
    if (recorded instanceof Uint8Array && isSame(recorded, payload)) this.same++;
    else this.divergence = { event: this.same, replayed: told(payload), recorded: toldOf(recorded) };
  }

  /** The replay is over. */
  end(): void {
    if (this.divergence !== undefined) return;
    const next = this.#events.next();
    if (!next.done) this.divergence = { event: this.same, replayed: undefined, recorded: toldOf(next.value) };
  }
}

const told = (payload: Uint8Array) => ({ ...decodeEvent(payload), digest: digestOf(payload) });

function toldOf(recorded: Uint8Array | 'nothing more' | 'cut' | Damaged): Divergence['recorded'] {
  if (!(recorded instanceof Uint8Array)) return recorded;
  try {
    return told(recorded);
  } catch (error) {
    if (error instanceof JournalError) return { damaged: digestOf(recorded) };
    throw error;
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);
