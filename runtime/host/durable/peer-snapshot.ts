// A peer as bytes, for a file or for another host: its node, how far its records go, its time and its calls.

import { type Diagnostic, DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import type { Progress } from '../../durable.ts';
import { decodeRecord, encodeRecord, framedRecord, JournalError, readRecord } from '../../journal/index.ts';
import { type SnapshotOf, snapshotHead } from '../../snapshot/index.ts';
import type { Calls } from '../calls.ts';
import { type Clock, systemClock } from '../clock.ts';

/** Of this file; the node's snapshot in it has a version of its own. */
const VERSION = 1;

export interface PeerSnapshot extends Progress {
  readonly calls: ReturnType<Calls['save']>;
  readonly node: Uint8Array;
}

export const encodePeerSnapshot = (snapshot: PeerSnapshot): Uint8Array =>
  framedRecord(encodeRecord({ version: VERSION, ...snapshot }));

/** Throws {@link JournalError}. */
export function decodePeerSnapshot(bytes: Uint8Array): PeerSnapshot & { readonly of: SnapshotOf } {
  const record = readRecord(bytes, 0);
  if (typeof record === 'string') throw new JournalError('malformed', `a peer’s snapshot is ${record}`);
  const { version, ...snapshot } = Object(
    decodeRecord(record.payload, { slackBytes: Number.POSITIVE_INFINITY }),
  );
  if (version !== VERSION)
    throw new JournalError('version', `a peer’s snapshot of version ${version}; this reads ${VERSION}`);
  return { ...snapshot, of: snapshotHead(snapshot.node) };
}

/** A clock that is at `now` when it is made, and goes on. */
export function clockFrom(now: number, clock: Clock = systemClock): Clock {
  const offset = Math.round(now) - clock.now();
  return {
    now: () => clock.now() + offset,
    wake: (at, callback) => clock.wake(at - offset, callback),
  };
}

/** BB862, or BB864 where it is only that the bytes are of another version. */
export function notRevived(error: JournalError, file?: string): DiagnosticError {
  const reason = file === undefined ? error.message : `${file}: ${error.message}`;
  return new DiagnosticError(diagnosticOf(error.kind, reason));
}

const diagnosticOf = (kind: JournalError['kind'], reason: string): Diagnostic =>
  kind === 'version' ? diagnostic('BB864', { reason }) : diagnostic('BB862', { reason });
