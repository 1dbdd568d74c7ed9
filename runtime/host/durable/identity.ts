// Whose data folder it is, and which process has it open.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import { JournalError } from '../../journal/index.ts';
import { cannotRevive } from './found.ts';
import { decodePeerSnapshot, notRevived } from './peer-snapshot.ts';
import { writeWhole } from './whole-file.ts';

const VERSION = 1;

interface Own {
  readonly peer: string;
  readonly deployment: string;
  readonly incarnation: number;
}

/**
 * The incarnation of the peer whose folder it is. An empty one begins with the snapshot `from`, if that is given. Throws
 * DiagnosticError BB860 where the peer is another, BB862 or BB864 where it cannot be read.
 */
export function identify(folder: string, own: Own, from?: Uint8Array): number {
  const file = path.join(folder, 'identity.json');
  if (!existsSync(file)) {
    const incarnation = from === undefined ? own.incarnation : begin(folder, own, from);
    const { peer, deployment } = own;
    const identity = { version: VERSION, peer, deployment, incarnation };
    writeWhole(file, [Buffer.from(`${JSON.stringify(identity, undefined, 2)}\n`)]);
    return incarnation;
  }
  const found = parsed(readFileSync(file, 'utf8'));
  if (found.version !== VERSION) {
    const reason = `identity.json is of version ${found.version}; this reads ${VERSION}`;
    throw new DiagnosticError(diagnostic('BB864', { reason }));
  }
  if (typeof found.incarnation !== 'number') throw cannotRevive('identity.json says no incarnation');
  requireSame(found, own);
  return found.incarnation;
}

function requireSame(found: Readonly<Record<string, unknown>>, own: Own): void {
  for (const what of ['peer', 'deployment'] as const)
    if (found[what] !== own[what])
      throw new DiagnosticError(diagnostic('BB860', { what, found: String(found[what]), wanted: own[what] }));
}

function begin(folder: string, own: Own, from: Uint8Array): number {
  try {
    const { of, record } = decodePeerSnapshot(from);
    requireSame({ ...of }, own);
    writeWhole(path.join(folder, `snapshot-${record}`), [from]);
    return of.incarnation;
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    throw notRevived(error);
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw cannotRevive('identity.json is damaged');
  }
}

const lockOf = (folder: string): string => path.join(folder, 'lock');

/** Throws DiagnosticError BB861 where another process has the folder. */
export function lock(folder: string): void {
  const file = lockOf(folder);
  // What a process left behind that is no more is nobody's.
  if (existsSync(file)) {
    const holder = Number(readFileSync(file, 'utf8'));
    if (isAlive(holder)) throw new DiagnosticError(diagnostic('BB861', { process: holder }));
    rmSync(file);
  }
  writeFileSync(file, String(process.pid), { flag: 'wx' });
}

export const unlock = (folder: string): void => rmSync(lockOf(folder), { force: true });

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
