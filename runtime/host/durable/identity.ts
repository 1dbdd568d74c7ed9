// Whose data folder it is, and which process has it open.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';
import { cannotRevive } from './found.ts';
import { writeWhole } from './whole-file.ts';

const VERSION = 1;

/** The incarnation of the peer whose folder it is. Throws DiagnosticError BB860 where that is another. */
export function identify(
  folder: string,
  own: { readonly peer: string; readonly deployment: string; readonly incarnation: number },
): number {
  const file = path.join(folder, 'identity.json');
  const { peer, deployment, incarnation } = own;
  if (!existsSync(file)) {
    const identity = { version: VERSION, peer, deployment, incarnation };
    writeWhole(file, [Buffer.from(`${JSON.stringify(identity, undefined, 2)}\n`)]);
    return incarnation;
  }
  const found = parsed(readFileSync(file, 'utf8'));
  if (found.version !== VERSION || typeof found.incarnation !== 'number')
    throw cannotRevive(`identity.json is not of version ${VERSION}`);
  for (const what of ['peer', 'deployment'] as const)
    if (found[what] !== own[what])
      throw new DiagnosticError(diagnostic('BB860', { what, found: String(found[what]), wanted: own[what] }));
  return found.incarnation;
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
