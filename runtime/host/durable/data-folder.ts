// A peer's folder, from which it comes back after a crash:
//
//   identity.json      whose it is, and its incarnation
//   snapshot-N         the node after record N; none where N is 0
//   journal-N          the records after that one
//   lock               the process that has it open
//
// A snapshot is whole before it has its name, and what it replaces is taken away when it has.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Diagnostic, DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import { type DurableNode, decodeEntry, type Entry, type Progress, recovered } from '../../durable.ts';
import { JournalError } from '../../journal/index.ts';
import { Node, type NodeOptions } from '../../node.ts';
import { restoreNode } from '../../snapshot/index.ts';
import { Calls } from '../calls.ts';
import type { Clock } from '../clock.ts';
import type { Durability } from '../driver.ts';
import { type Found, find } from './found.ts';
import { identify, lock, unlock } from './identity.ts';
import { JournalFile } from './journal-file.ts';
import { peerSnapshotOf } from './movable.ts';
import { clockFrom, notRevived } from './peer-snapshot.ts';
import { writeWhole } from './whole-file.ts';

export interface DataFolderOptions {
  readonly peer: string;
  /** Hash of the deployment. */
  readonly deployment: string;
  /** Of a peer that starts anew. */
  readonly incarnation: number;
  /** Of a journal, before a snapshot takes its place. Default: 64 MiB. */
  readonly snapshotBytes?: number;
  /** A peer's snapshot that an empty folder begins with, of another host (`Movable`). */
  readonly from?: Uint8Array;
}

const SNAPSHOT_BYTES = 64 * 2 ** 20;

/** It was at the last record's time when that was written, and goes on. */
function clockAfter({ from, records, writtenMs }: Found): Clock {
  const last = records.at(-1);
  const now = last === undefined ? from.now : decodeEntry(last.payload, Number.POSITIVE_INFINITY).now;
  const awayNs = writtenMs === undefined ? 0 : Math.max(0, Date.now() - writtenMs) * 1e6;
  return clockFrom(now + awayNs);
}

export class DataFolder implements Durability {
  readonly #folder: string;
  readonly #journal: JournalFile;
  readonly #entries: Found['records'];
  readonly #from: Progress;
  readonly #snapshot: Found['snapshot'];
  readonly #fail: (error: unknown) => void;
  #durable: DurableNode<Node> | undefined;
  /** The record that the journal begins after, its bytes since, and how many are let be. */
  #journalOf: number;
  #bytes = 0;
  #limitBytes: number;
  readonly #least: number;
  readonly incarnation: number;
  /** Goes on where the peer's time was, with the time that it was away. */
  readonly clock: Clock;
  /** Bytes at the journal's end that a crash left behind. */
  readonly cutBytes: number;
  /** Resolves with BB863 when the disk takes no more: the peer must stop. */
  readonly failed: Promise<Diagnostic>;
  /** Of the peer's life so far, as it is kept. */
  readonly calls = new Calls();

  private constructor(
    folder: string,
    found: Found & { readonly incarnation: number; readonly clock: Clock },
    journal: JournalFile,
    failed: Promise<unknown>,
    fail: (error: unknown) => void,
    snapshotBytes: number,
  ) {
    this.#fail = fail;
    this.#snapshot = found.snapshot;
    this.#journalOf = found.from.record;
    this.#bytes = found.journalBytes;
    this.#limitBytes = snapshotBytes;
    this.#least = snapshotBytes;
    this.failed = failed.then((error) => diagnostic('BB863', { reason: String(error) }));
    this.#folder = folder;
    this.#journal = journal;
    this.#entries = found.records;
    this.#from = found.from;
    this.incarnation = found.incarnation;
    this.clock = found.clock;
    this.cutBytes = found.cutBytes;
  }

  /** Whether the peer was there before. */
  get isRevived(): boolean {
    return this.#from.record > 0 || this.#entries.length > 0;
  }

  /** Rejects with DiagnosticError BB860 to BB862, BB864, BB882. */
  static async open(folder: string, options: DataFolderOptions): Promise<DataFolder> {
    try {
      mkdirSync(folder, { recursive: true });
      lock(folder);
      try {
        const incarnation = identify(folder, options, options.from);
        const found = find(folder);
        const clock = clockAfter(found);
        const file = path.join(folder, `journal-${found.from.record}`);
        let tell: (error: unknown) => void = () => {};
        const failed = new Promise((resolve) => {
          tell = resolve;
        });
        const journal = await JournalFile.open(file, found.journalBytes, tell);
        return new DataFolder(
          folder,
          { ...found, incarnation, clock },
          journal,
          failed,
          tell,
          options.snapshotBytes ?? SNAPSHOT_BYTES,
        );
      } catch (error) {
        unlock(folder);
        throw error;
      }
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      throw new DiagnosticError(diagnostic('BB882', { file: folder, reason: error.message }));
    }
  }

  revive(options: NodeOptions): DurableNode<Node> {
    try {
      const own = { ...options, durable: true };
      const node = this.#snapshot === undefined ? new Node(own) : restoreNode(own, this.#snapshot.node);
      if (this.#snapshot !== undefined) this.calls.load(this.#snapshot.calls);
      this.#durable = recovered(node, this.#decoded(), this.#from, (output) => {
        if (output.type === 'event') this.calls.note(output.event);
      });
      return this.#durable;
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      throw notRevived(error);
    }
  }

  *#decoded(): Generator<Entry> {
    for (const { payload } of this.#entries) {
      const entry = decodeEntry(payload, Number.POSITIVE_INFINITY);
      if (entry.input?.type === 'invoke') this.calls.call();
      yield entry;
    }
  }

  keep(record: number, bytes: Uint8Array, kept: () => void): void {
    this.#journal.append(bytes, kept);
    this.#bytes += bytes.length;
    // Only where no record is on its way that the snapshot would already have.
    if (this.#bytes > this.#limitBytes && this.#durable!.progress.record === record) this.#takeSnapshot();
  }

  /** Makes the journal begin anew, so that neither it nor the way back grows for ever. */
  #takeSnapshot(): void {
    const durable = this.#durable!;
    const { record } = durable.progress;
    const file = peerSnapshotOf(durable, this.calls);
    const name = (kind: string, number: number): string => path.join(this.#folder, `${kind}-${number}`);
    try {
      writeWhole(name('snapshot', record), [file]);
    } catch (error) {
      return this.#fail(error);
    }
    const old = this.#journalOf;
    this.#journalOf = record;
    this.#bytes = 0;
    this.#limitBytes = Math.max(this.#least, 4 * file.length);
    this.#journal.goOnIn(name('journal', record), () => {
      for (const kind of ['journal', 'snapshot']) rmSync(name(kind, old), { force: true });
    });
  }

  async close(): Promise<void> {
    await this.#journal.close();
    unlock(this.#folder);
  }
}
