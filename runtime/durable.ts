// A node that a crash does not harm: what goes into it is recorded, and what this causes leaves when the record is
// kept. The same inputs at the same times, with as many polls between them, bring a node to the same state, so that
// its records are all of it.
//
// The law of use is the node's. Beyond that: keep what `persist` says, in order, then answer with `persisted`.
// Records that are kept acknowledge those before them. The clock goes on from the last record's time.

import type { Input, Output } from './io.ts';
import { decodeRecord, encodeRecord, JournalError } from './journal/codec.ts';
import { asInput, recordedInput } from './journal/io.ts';
import type { Usage } from './limits.ts';

export type DurableInput =
  | Input
  /** Every record up to this one outlives a crash. */
  | { readonly type: 'persisted'; readonly record: number };

export type DurableOutput =
  | Output
  /** Records are numbered without gaps. */
  | { readonly type: 'persist'; readonly record: number; readonly bytes: Uint8Array };

/** What is needed of a node. */
export interface Recordable {
  readonly usage: Pick<Usage, 'outputs'>;
  /** Work that it has asked for and has no answer to. */
  readonly askedOfHost: readonly Output[];
  handle(now: number, input: Input): void;
  poll(now: number): Output;
}

/** One record: an input, or only that time has passed. */
export interface Entry {
  readonly record: number;
  readonly now: number;
  /** Calls of the node's `poll` since the record before. */
  readonly polls: number;
  readonly input?: Input;
}

/** Where a node's records go on. */
export interface Progress {
  /** The last one's number; 0: there is none. */
  readonly record: number;
  readonly now: number;
}

const START: Progress = { record: 0, now: 0 };

export class DurableNode<N extends Recordable> {
  readonly node: N;
  #record: number;
  #now: number;
  #polls = 0;
  #persisted: number;
  /** Outputs that the node has given. */
  #taken = 0;
  /** Where in the node's outputs those of a record begin; of records that are not yet kept, and the last before. */
  #causes: { readonly record: number; readonly from: number }[];
  /** To be given first: what a crash may have swallowed, and records. */
  readonly #first: DurableOutput[];

  /** `again`: outputs that may have been lost. */
  constructor(node: N, { record, now }: Progress = START, again: readonly Output[] = []) {
    this.node = node;
    this.#record = record;
    this.#now = now;
    this.#persisted = record;
    this.#causes = [{ record, from: 0 }];
    this.#first = [...again];
  }

  /** Where it stands: of a snapshot of the node that is taken now, the records to come go on from here. */
  get progress(): Progress {
    return { record: this.#record, now: this.#now };
  }

  /** The next record's polls count from here, where the node's snapshot is taken. */
  snapshotTaken(): void {
    this.#polls = 0;
  }

  handle(now: number, input: DurableInput): void {
    if (input.type === 'persisted') this.#persisted = Math.max(this.#persisted, input.record);
    else {
      this.#note(now, input);
      this.node.handle(this.#now, input);
    }
  }

  poll(now: number): DurableOutput {
    const first = this.#first.shift();
    if (first !== undefined) return first;
    if (!this.#mayLeave()) return { type: 'idle', until: undefined };
    // Time passes for the node when that is recorded, and not before.
    const output = this.#poll();
    if (output.type !== 'idle' || output.until === undefined || output.until > now) return output;
    this.#note(now, undefined);
    return this.#first.shift()!;
  }

  #poll(): Output {
    this.#polls++;
    const output = this.node.poll(this.#now);
    if (output.type !== 'idle') this.#taken++;
    return output;
  }

  /** Whether what caused the node's next output is kept. */
  #mayLeave(): boolean {
    while (this.#causes.length > 1 && this.#causes[1]!.from <= this.#taken) this.#causes.shift();
    return this.#causes[0]!.record <= this.#persisted;
  }

  #note(now: number, input: Input | undefined): void {
    this.#now = Math.max(this.#now, now);
    const record = ++this.#record;
    const entry: Entry = { record, now: this.#now, polls: this.#polls, ...(input && { input }) };
    this.#polls = 0;
    this.#causes.push({ record, from: this.#taken + this.node.usage.outputs });
    this.#first.push({ type: 'persist', record, bytes: encodeEntry(entry) });
  }
}

export const encodeEntry = (entry: Entry): Uint8Array =>
  encodeRecord(entry.input === undefined ? entry : { ...entry, input: recordedInput(entry.input) });

/** Throws {@link JournalError}. */
export function decodeEntry(bytes: Uint8Array, slackBytes?: number): Entry {
  const entry = Object(decodeRecord(bytes, slackBytes === undefined ? {} : { slackBytes }));
  const { record, now, polls, input } = entry as Readonly<Record<keyof Entry, unknown>>;
  if (![record, polls].every(Number.isSafeInteger) || typeof now !== 'number')
    throw new JournalError('malformed', 'a record of no input');
  if (input !== undefined) asInput(input);
  return entry as Entry;
}

/**
 * Gives a node what its records say, and gives what it puts out. After the last record nothing is polled: what that
 * one caused is still to come. Throws {@link JournalError} where a record is damaged or one is missing.
 */
export function* replay(
  node: Recordable,
  entries: Iterable<Entry>,
  from: Progress = START,
): Generator<Output, Progress> {
  let { record, now } = from;
  for (const entry of entries) {
    if (entry.record !== record + 1)
      throw new JournalError('malformed', `record ${entry.record} after record ${record}`);
    for (let poll = 0; poll < entry.polls; poll++) yield node.poll(now);
    ({ record, now } = entry);
    if (entry.input !== undefined) node.handle(now, entry.input);
  }
  return { record, now };
}

/**
 * A node as it was when its last record was kept. `node`: new, or as a snapshot has it, `from` saying which record
 * was its last. What the records say was sent is sent again, since nobody knows whether it arrived; so is what it
 * asked for and has no answer to. Its other outputs are only given again if they came after the last record;
 * `seen` is told of them. Throws {@link JournalError}.
 */
export function recovered<N extends Recordable>(
  node: N,
  entries: Iterable<Entry>,
  from: Progress = START,
  seen: (output: Output) => void = () => {},
): DurableNode<N> {
  const sends: Output[] = [];
  const asked = new Map<number, Output>();
  const answered = function* (): Generator<Entry> {
    for (const entry of entries) {
      yield entry;
      const { input } = entry;
      if (input?.type === 'done' || input?.type === 'failed') asked.delete(input.work);
    }
  };
  const outputs = replay(node, answered(), from);
  for (;;) {
    const next = outputs.next();
    if (next.done) {
      // What it was asked for before the snapshot, too.
      const before = node.askedOfHost.filter((one) => !('work' in one && asked.has(one.work)));
      return new DurableNode(node, next.value, [...sends, ...before, ...asked.values()]);
    }
    const output = next.value;
    if (output.type === 'send') sends.push(output);
    else if (output.type === 'work' || output.type === 'call') asked.set(output.work, output);
    else if (output.type === 'abort') asked.delete(output.work);
    else seen(output);
  }
}
