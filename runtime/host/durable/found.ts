// What a data folder holds.

import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import type { Progress } from '../../durable.ts';
import { JournalError, type ReadRecord, readJournal } from '../../journal/index.ts';

export const cannotRevive = (reason: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB862', { reason }));

export interface Found {
  /** Where the records begin. */
  readonly from: Progress;
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
  const from = { record: 0, now: 0 };
  const file = path.join(folder, `journal-${from.record}`);
  if (!existsSync(file)) return { from, records: [], journalBytes: 0, cutBytes: 0, writtenMs: undefined };
  return { from, ...readRecords(file), writtenMs: statSync(file).mtimeMs };
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
