// What a data folder holds.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import type { Progress } from '../../durable.ts';
import {
  decodeRecord,
  encodeRecord,
  framedRecord,
  JournalError,
  type ReadRecord,
  readJournal,
  readRecord,
} from '../../journal/index.ts';
import type { Calls } from '../calls.ts';

export const cannotRevive = (reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB862', { reason }));

export interface Found {
  /** Where the records begin. */
  readonly from: Progress;
  readonly snapshot: Snapshot | undefined;
  readonly records: readonly ReadRecord[];
  /** Of the journal, as far as it is good. */
  readonly journalBytes: number;
  /** What a crash has left behind it. */
  readonly cutBytes: number;
  /** When the journal was last written, in ms; undefined: there is none. */
  readonly writtenMs: number | undefined;
}

/** What is kept beside the node itself. */
export interface Snapshot extends Progress {
  readonly calls: ReturnType<Calls['save']>;
  readonly node: Uint8Array;
}

/** Throws DiagnosticError BB862. */
export function find(folder: string): Found {
  const names = readdirSync(folder);
  const last = Math.max(0, ...names.map((name) => Number(/^snapshot-(\d+)$/.exec(name)?.[1] ?? 0)));
  const snapshot = last === 0 ? undefined : readSnapshot(path.join(folder, `snapshot-${last}`));
  const from = snapshot ?? { record: 0, now: 0 };
  const file = path.join(folder, `journal-${last}`);
  const writtenMs = [file, path.join(folder, `snapshot-${last}`)]
    .filter((one) => existsSync(one))
    .map((one) => statSync(one).mtimeMs)[0];
  const journal = existsSync(file) ? readRecords(file) : { records: [], journalBytes: 0, cutBytes: 0 };
  return { from: { record: from.record, now: from.now }, snapshot, ...journal, writtenMs };
}

export const snapshotFile = (snapshot: Snapshot): Uint8Array => framedRecord(encodeRecord(snapshot));

function readSnapshot(file: string): Snapshot {
  const record = readRecord(readFileSync(file), 0);
  if (typeof record === 'string') throw cannotRevive(`${path.basename(file)} is ${record}`);
  return decodeRecord(record.payload, { slackBytes: Number.POSITIVE_INFINITY }) as Snapshot;
}

function readRecords(file: string): Pick<Found, 'records' | 'journalBytes' | 'cutBytes'> {
  const data = readFileSync(file);
  const records: ReadRecord[] = [];
  try {
    const reading = readJournal(data);
    for (;;) {
      const next = reading.next();
      if (!next.done) records.push(next.value);
      else if (next.value.how === 'damaged' && !isTorn(data, next.value.at))
        throw cannotRevive(`${path.basename(file)} is damaged at byte ${next.value.at}`);
      else return { records, journalBytes: next.value.at, cutBytes: data.length - next.value.at };
    }
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw cannotRevive(`${path.basename(file)}: ${error.message}`);
  }
}

/**
 * Whether what is damaged was never kept: a machine that stops may have made the file longer and not yet have written
 * all of the last batch, which leaves zeros at its end.
 */
const isTorn = (data: Uint8Array, at: number): boolean =>
  data.length - at < 8 || data.subarray(-8).every((byte) => byte === 0);
