// What a data folder holds.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import type { Progress } from '../../durable.ts';
import { JournalError, type ReadRecord, readJournal } from '../../journal/index.ts';
import { decodePeerSnapshot, notRevived, type PeerSnapshot } from './peer-snapshot.ts';

export const cannotRevive = (reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB862', { reason }));

export interface Found {
  /** Where the records begin. */
  readonly from: Progress;
  readonly snapshot: PeerSnapshot | undefined;
  readonly records: readonly ReadRecord[];
  /** Of the journal, as far as it is good. */
  readonly journalBytes: number;
  /** What a crash has left behind it. */
  readonly cutBytes: number;
  /** When the journal was last written, in ms; undefined: there is none. */
  readonly writtenMs: number | undefined;
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

function readSnapshot(file: string): PeerSnapshot {
  return reading(file, () => decodePeerSnapshot(readFileSync(file)));
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw notRevived(error, path.basename(file));
  }
}

function readRecords(file: string): Pick<Found, 'records' | 'journalBytes' | 'cutBytes'> {
  const data = readFileSync(file);
  const records: ReadRecord[] = [];
  return reading(file, () => {
    const journal = readJournal(data);
    for (;;) {
      const next = journal.next();
      if (!next.done) records.push(next.value);
      else if (next.value.how === 'damaged' && !isTorn(data, next.value.at))
        throw cannotRevive(`${path.basename(file)} is damaged at byte ${next.value.at}`);
      else return { records, journalBytes: next.value.at, cutBytes: data.length - next.value.at };
    }
  });
}

/**
 * Whether what is damaged was never kept: a machine that stops may have made the file longer and not yet have written
 * all of the last batch, which leaves zeros at its end.
 */
const isTorn = (data: Uint8Array, at: number): boolean =>
  data.length - at < 8 || data.subarray(-8).every((byte) => byte === 0);
